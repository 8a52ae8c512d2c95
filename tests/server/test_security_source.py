"""What an ordinary role of a live source wrote runs nothing on the machine that rehearses or verifies it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_pgsafe.server import enclosure
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect

#: Does what it may, wherever it runs, and says nothing. The rows that it looks at are the source's.
ATTACK = """
create function public.attack() returns boolean language plpgsql as $$ begin
    begin copy (select 1) to program 'touch FOLDER/program'; exception when others then null; end;
    begin copy (select 1) to 'FOLDER/file'; exception when others then null; end;
    begin perform lo_export(lo_from_bytea(0, '\\x41'), 'FOLDER/large'); exception when others then null; end;
    begin perform set_config('role', 'postgres', true); copy (select 1) to program 'touch FOLDER/role';
    exception when others then null; end;
    return true;
end $$;
create function public.attacked(int) returns int immutable language sql as $$ select public.attack()::int $$;
create function public.attacking() returns trigger language plpgsql
    as $$ begin perform public.attack(); return new; end $$;
create table public.checked (n int primary key check (public.attack()));
create domain public.bound as int check (public.attack());
create table public.domains (n public.bound);
create table public.indexed (n int);
create index on public.indexed (public.attacked(n));
create table public.generated (n int, g int generated always as (public.attacked(n)) stored);
create table public.defaults (n int, d boolean default public.attack());
create table public.parted (n int) partition by list (public.attacked(n));
create table public.part partition of public.parted for values in (1);
create table public.triggered (n int);
create trigger attacking before insert or update on public.triggered for each row execute function public.attacking();
alter table public.triggered enable always trigger attacking;
create table public.ruled (n int);
create rule attacking as on update to public.ruled do also select public.attack();
create table public.guarded (n int);
alter table public.guarded enable row level security;
create policy attacking on public.guarded using (public.attack());
create view public.seen as select n, public.attack() from public.checked;
create materialized view public.stored as select public.attack();
insert into public.checked values (1);
insert into public.domains values (1);
insert into public.indexed values (1);
insert into public.generated values (1);
insert into public.defaults values (1);
insert into public.parted values (1);
insert into public.triggered values (1);
insert into public.ruled values (1);
insert into public.guarded values (1);
"""
MIGRATION = """
alter table checked add column w int;
update triggered set n = 2;
update ruled set n = 2;
refresh materialized view stored;
select * from seen;
"""


@pytest.fixture
def anybodys() -> Iterator[Path]:
    """A folder that every user of this machine may write to."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.fixture
def attacked(server: Server, anybodys: Path) -> Iterator[Address]:
    """A source whose owner, who may do nothing besides, waits for somebody stronger."""
    if server.kind != "local":
        pytest.skip("a scratch server of this machine is meant")
    if enclosure.missing():
        pytest.skip(f"not on this machine: {enclosure.missing()}")
    database = server.create("attacked")
    with connect(database, read_only=False) as session:
        session.execute("create role pgsafe_attacker login")
        session.execute(f"alter database {database.dbname} owner to pgsafe_attacker".encode())
    with connect(server.address(database.dbname, user="pgsafe_attacker"), read_only=False) as session:
        session.execute("set search_path = public")
        session.execute(ATTACK.replace("FOLDER", str(anybodys)).encode())
    assert list(anybodys.iterdir()) == []
    yield database
    server.drop(database)
    with connect(server.address(), read_only=False) as session:
        session.execute("drop role pgsafe_attacker")


def called(folder: Path, source: Address, program: str, *words: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "PYTEST"))}
    return subprocess.run(
        [str(Path(sys.executable).with_name(program)), *words],
        cwd=folder, env={**kept, "PGSAFE_SOURCE": source.url()}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_rehearsal_of_a_live_source_runs_none_of_it(attacked: Address, anybodys: Path, tmp_path: Path) -> None:
    (tmp_path / "migration.sql").write_text(MIGRATION)
    options = ["--pgsafe", "-q", "--pgsafe-server=local", "--pgsafe-report=report.json"]
    done = called(tmp_path, attacked, "pytest", *options, "--pgsafe-migration=migration.sql")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["server"]["enclosure"].startswith("enclosed")
    # Everything was restored and migrated: what was to run did.
    assert {"restore": "passed", "migrate": "passed"}.items() <= {
        step["name"]: step["outcome"] for step in report["steps"]
    }.items(), done.stdout
    assert list(anybodys.iterdir()) == []


def test_a_backup_that_is_verified_runs_none_of_it(attacked: Address, anybodys: Path, tmp_path: Path) -> None:
    done = called(tmp_path, attacked, "pgsafe", "backup", "--root=root", "--verify", "--server=local")
    assert "PROVEN" in done.stdout, done.stdout + done.stderr
    assert list(anybodys.iterdir()) == []

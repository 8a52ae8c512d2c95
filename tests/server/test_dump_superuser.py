"""On a server of somebody else's nothing of a foreign dump runs with a superuser's rights, unless that is asked for."""

from __future__ import annotations

import gzip
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pytest_pgsafe.backup import archive
from pytest_pgsafe.backup.take import Backup
from pytest_pgsafe.cli import run
from pytest_pgsafe.copy import restoring
from pytest_pgsafe.copy.source import Source
from pytest_pgsafe.errors import RestoreError
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.existing import ExistingServer
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms
from tests.tiers import FULL

#: What a dump's author has run while the dump is restored or read; each does what it may, and says nothing.
ATTACK = """
create function public.attack() returns boolean language plpgsql as $$ begin
    begin copy (select 1) to program 'touch FILE'; exception when others then null; end;
    begin perform set_config('role', 'boss', true); copy (select 1) to program 'touch FILE';
    exception when others then null; end;
    begin
        execute format('grant pg_execute_server_program to %I', session_user);
        copy (select 1) to program 'touch FILE';
    exception when others then null; end;
    return true;
end $$;
create function public.attacked(int) returns int immutable language sql as $$ select public.attack()::int $$;
"""
PLACES = {
    "check": "create table public.t (n int check (public.attack())); insert into public.t values (1);",
    "domain": "create domain public.d as int check (public.attack());"
    " create table public.t (n public.d); insert into public.t values (1);",
    "index": "create table public.t (n int); insert into public.t values (1);"
    " create index on public.t (public.attacked(n));",
    "generated column": "create table public.t (n int, g int generated always as (public.attacked(n)) stored);"
    " insert into public.t (n) values (1);",
    "materialised view": "create materialized view public.t as select public.attack();",
    "partition key": "create table public.t (n int) partition by list (public.attacked(n));"
    " create table public.t1 partition of public.t for values in (1); insert into public.t values (1);",
}


@pytest.fixture(scope="module")
def host(programs: LocalPrograms) -> Iterator[LocalServer]:
    """A server of somebody else's with roles that may do more and less."""
    with LocalServer.start(programs) as server:
        with connect(server.address(), read_only=False) as session:
            session.execute(ROLES)
        yield server


ROLES = b"""
create role modest login createdb password 'x';
create role boss login superuser createdb password 'x';
create role deputy login createdb password 'x'; grant boss to deputy;
create role apprentice login createdb noinherit password 'x'; grant deputy to apprentice;
create role runner login createdb password 'x'; grant pg_execute_server_program to runner;
create role writer login createdb noinherit password 'x'; grant pg_write_server_files to writer;
create role reader login createdb noinherit password 'x'; grant pg_read_server_files to reader;
create role maker login createdb createrole password 'x';
"""
#: Roles that would let a function do what a superuser may, from the major on and up to it.
STRONG = {
    "postgres": (14, 99), "boss": (14, 99), "deputy": (14, 99), "apprentice": (14, 99), "runner": (14, 99),
    "writer": (14, 99), "reader": (14, 99), "maker": (14, 15),
}  # fmt: skip


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that the server's user may write to."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o777)
        yield Path(name)


def dumped(host: LocalServer, place: str, made: Path, folder: Path, form: str) -> Path:
    """Make a database whose reading runs an attack, and dump it as a role's that may do nothing."""
    source = host.create("source")
    try:
        with connect(source, read_only=False) as session:
            session.execute("set search_path = public")
            session.execute(ATTACK.replace("FILE", str(made)).encode())
            session.execute(PLACES[place].encode())
        made.unlink(missing_ok=True)
        path = folder / f"dump.{form}"
        kind = "plain" if form == "gz" else form
        done = host.programs.run("pg_dump", [f"--format={kind}", f"--file={path}"], address=source)
        assert done.returncode == 0, done.stderr
        if form == "gz":
            path.write_bytes(gzip.compress(path.read_bytes()))
    finally:
        host.drop(source)
    made.unlink(missing_ok=True)
    return path


def filled(path: Path, address: Address, *, superuser: bool = False) -> None:
    """Restore a dump as a rehearsal does."""
    backup = Backup(archive=archive.recognise(path), facts=None, manifest=None)
    source = Source(shown=str(path))
    with ExistingServer.start(address, superuser=superuser) as server:
        names, owners = restoring.role_names(source, backup), restoring.owner_names(source, backup)
        restoring.fill(source, backup, restoring.prepare(server, None, names, owners=owners), server)


def bare(address: Address) -> str:
    """Return an address as it is given on a command line: without its password."""
    return address.with_(password=None).url()


def role(host: LocalServer, name: str) -> Address:
    return host.address() if name == "postgres" else host.address().with_(user=name, password="x")


@pytest.mark.parametrize("name", STRONG)
def test_who_may_do_more_than_a_database_is_refused(
    host: LocalServer, tmp_path: Path, open_folder: Path, name: str
) -> None:
    made = open_folder / "made"
    path = dumped(host, "check", made, tmp_path, "custom")
    least, most = STRONG[name]
    if not least <= host.version.major <= most:
        # From 16 on CREATEROLE grants what it was given, and nothing else.
        filled(path, role(host, name))
    else:
        with pytest.raises(RestoreError, match="would run as a superuser") as refused:
            filled(path, role(host, name))
        assert any("[server] superuser = true" in remedy for remedy in refused.value.remedies)
        assert any("CREATE ROLE" in remedy for remedy in refused.value.remedies)
    assert not made.exists()


@pytest.mark.parametrize("name", ["deputy", "runner", "maker"])
def test_the_attack_is_real(host: LocalServer, tmp_path: Path, open_folder: Path, name: str) -> None:
    if host.version.major > STRONG[name][1]:
        pytest.skip("CREATEROLE is held to its own from PostgreSQL 16 on")
    made = open_folder / "made"
    path = dumped(host, "check", made, tmp_path, "custom")
    with suppress(RestoreError):
        filled(path, role(host, name), superuser=True)
    assert made.exists()


@pytest.mark.parametrize("place", PLACES if FULL else ["check", "materialised view"])
def test_wherever_it_stands(host: LocalServer, tmp_path: Path, open_folder: Path, place: str) -> None:
    made = open_folder / "made"
    path = dumped(host, place, made, tmp_path, "plain")
    with pytest.raises(RestoreError, match="would run as a superuser"):
        filled(path, host.address())
    assert not made.exists()
    filled(path, role(host, "modest"))
    assert not made.exists()
    with connect(host.address()) as session:
        roles = session.execute("select count(*) from pg_auth_members m where member = 'modest'::regrole").fetchone()
    assert roles == (0,)
    filled(path, host.address(), superuser=True)
    assert made.exists()


@pytest.mark.parametrize("form", ["plain", "gz", "custom", "tar", "directory"] if FULL else ["plain", "custom"])
def test_in_whatever_form_by_verify_and_by_a_rehearsal(
    host: LocalServer, tmp_path: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch, form: str,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    made = open_folder / "made"
    path = dumped(host, "check", made, tmp_path, form)
    monkeypatch.chdir(tmp_path)
    passes = tmp_path / "passes"
    passes.write_text(f"*:*:*:postgres:{host.address().parameters['password']}\n*:*:*:*:x\n")
    passes.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passes))
    for name in [name for name in os.environ if name.startswith("PGSAFE_")]:
        monkeypatch.delenv(name)
    assert run(["verify", str(path), f"--server={bare(host.address())}"]) == 1
    out = capfd.readouterr()
    assert "would run as a superuser of the existing server" in out.out + out.err
    assert not made.exists()
    run(["verify", str(path), f"--server={bare(role(host, 'modest'))}"])
    out = capfd.readouterr()
    assert "would run as a superuser" not in out.out + out.err
    assert "restored into PostgreSQL" in out.out + out.err, out
    assert not made.exists()
    monkeypatch.setenv("PGSAFE_SERVER_SUPERUSER", "1")
    run(["verify", str(path), f"--server={bare(host.address())}"])
    assert made.exists()

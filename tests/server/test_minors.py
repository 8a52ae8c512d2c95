"""A source whose server is ahead of the programs that restore it, or behind: by a minor, and by a major."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from pytest_pgsafe.backup.archive import recognise
from pytest_pgsafe.backup.restore import restore
from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.config.values import Settings, Source, Way
from pytest_pgsafe.copy import backups
from pytest_pgsafe.errors import ServerError
from pytest_pgsafe.rehearsal.preflight import preflight
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.discovery import WHEELS, Wheel
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms, find

LOOKS_SO = "ALTER TABLE ONLY public.t ALTER COLUMN a SET (pg_attver=1);"
SCHEMA = f"""
create table t (a int primary key, b text default '{LOOKS_SO}', c float) with (fillfactor = 70);
insert into t values (1, '{LOOKS_SO}', 2), (2, default, 3);
alter table t alter c set (n_distinct = -0.5);
create view v as select a, b from t;
create materialized view m as select * from t;
create table p (a int, b text) partition by list (a);
create table p1 partition of p for values in (1);
create function f() returns text language plpgsql as $$begin return '{LOOKS_SO}'; end$$;
"""


@pytest.fixture(params=WHEELS, ids=lambda wheel: wheel.distribution)
def others(server: Server, request: pytest.FixtureRequest) -> LocalPrograms:
    """Programs of another version than the source's server."""
    wheel: Wheel = request.param
    try:
        programs = find(path="", usual=(), wheels=(wheel,))
    except ServerError as error:
        pytest.skip(f"no other programs: {error.message}")
    if server.kind != "local" or programs.version == server.version or programs.version.major < server.version.major:
        pytest.skip(f"{programs.version} does not restore what is of {server.kind} {server.version}")
    return programs


@pytest.fixture
def source(database: Address) -> Address:
    with connect(database, read_only=False) as session:
        session.execute("set search_path = public")
        session.execute(SCHEMA.encode())
    return database


@pytest.mark.parametrize("dumped_by", ["programs that fit", "programs at hand"])
def test_it_is_rehearsed(
    source: Address, others: LocalPrograms, dumped_by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if dumped_by == "programs at hand":
        monkeypatch.setattr(backups, "dumping", lambda _, programs: programs)
    (tmp_path / "migration.sql").write_text("alter table t add column later int;")
    told = Settings(
        folder=tmp_path,
        source=Source(dsn=source.url()),
        migration=Way(kind="sql", path=tmp_path / "migration.sql"),
        server=ServerSettings(use="local"),
    )
    plan = preflight(told)
    choice = replace(plan.choice, start=partial(LocalServer.start, others), origin=others.origin)
    result = rehearse(told, plan=replace(plan, choice=choice))
    assert result.verdict == "passed", [step.reason for step in result.steps]
    assert result.server["version"] == str(others.version)


@pytest.mark.parametrize("form", ["custom", "directory", "tar", "plain"])
def test_a_dump_that_others_wrote_is_restored(
    source: Address, others: LocalPrograms, form: str, tmp_path: Path
) -> None:
    path = tmp_path / "dump"
    done = others.run("pg_dump", [f"--format={form}", f"--file={path}"], address=source)
    assert done.returncode == 0, done.stderr
    with LocalServer.start(others) as other:
        copy = other.create("restored")
        restore(recognise(path), copy, others, stop=True)
        query = b"select (select count(*) from t where b = %s), f(), (select attoptions::text from pg_attribute " \
            b"where attrelid = 't'::regclass and attname = 'c')"  # fmt: skip
        with connect(copy) as session:
            session.execute("set search_path = public")
            [row] = session.execute(query, (LOOKS_SO,)).fetchall()
        assert row[:2] == (2, LOOKS_SO)
        assert "n_distinct=-0.5" in row[2]

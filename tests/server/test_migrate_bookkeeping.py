"""Bookkeeping tables of migration tools on a real server, and rehearsals of what they leave."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.config.values import Settings, Source, Way
from pytest_pgsafe.errors import ConfigError
from pytest_pgsafe.migrate import bookkeeping
from pytest_pgsafe.plugin.judgement import judge, names
from pytest_pgsafe.rehearsal.preflight import preflight
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Outcome
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect

#: As the tools make them: columns, rows; what is read.
BOOKS = {
    "golang-migrate": (
        "create table public.schema_migrations (version bigint primary key, dirty boolean not null);"
        "insert into public.schema_migrations values (7, false)",
        ("up to", ("7",), None),
    ),
    "golang-migrate, dirty": (
        "create table public.schema_migrations (version bigint primary key, dirty boolean not null);"
        "insert into public.schema_migrations values (7, true)",
        ("up to", ("7",), "7 is marked as failed or half applied"),
    ),
    "dbmate": (
        "create table public.schema_migrations (version varchar(128) primary key);"
        "insert into public.schema_migrations values ('20240101'), ('20240102')",
        ("version", ("20240101", "20240102"), None),
    ),
    "flyway": (
        "create table public.flyway_schema_history (installed_rank int primary key, version varchar(50),"
        " description varchar(200), type varchar(20), script varchar(1000), checksum int, success boolean);"
        "insert into public.flyway_schema_history values (1, '1', 'a', 'BASELINE', '<< Baseline >>', null, true),"
        " (2, '2', 'b', 'SQL', 'V2__b.sql', 1, true), (3, '3', 'c', 'SQL', 'V3__c.sql', 1, true),"
        " (4, '3', 'c', 'UNDO_SQL', 'U3__c.sql', 1, true), (5, null, 'v', 'SQL', 'R__v.sql', -5, true)",
        ("version", ("2",), None),
    ),
    "goose": (
        "create table public.goose_db_version (id serial primary key, version_id bigint, is_applied boolean,"
        " tstamp timestamp); insert into public.goose_db_version (version_id, is_applied)"
        " values (0, true), (1, true), (2, true), (2, false)",
        ("version", ("1",), None),
    ),
    "sqlx": (
        "create table public._sqlx_migrations (version bigint primary key, description text, success boolean,"
        " checksum bytea); insert into public._sqlx_migrations values (1, 'a', true, ''), (2, 'b', false, '')",
        ("version", ("1", "2"), "2 is marked as failed or half applied"),
    ),
    "refinery": (
        "create table public.refinery_schema_history (version int4 primary key, name varchar(255));"
        "insert into public.refinery_schema_history values (1, 'a')",
        ("version", ("1",), None),
    ),
    "knex": (
        "create table public.knex_migrations (id serial, name varchar(255), batch int);"
        "insert into public.knex_migrations (name, batch) values ('1_a.js', 1)",
        ("name", ("1_a.js",), None),
    ),
    "drizzle": (
        "create schema drizzle; create table drizzle.__drizzle_migrations (id serial, hash text, created_at bigint);"
        "insert into drizzle.__drizzle_migrations (hash, created_at) values ('ab', 1)",
        ("hash", ("ab",), None),
    ),
    "prisma": (
        "create table public._prisma_migrations (migration_name text, finished_at timestamptz,"
        " rolled_back_at timestamptz); insert into public._prisma_migrations values ('1_a', now(), null),"
        " ('2_b', null, now())",
        ("name", ("1_a",), None),
    ),
    "sequelize": (
        'create table public."SequelizeMeta" (name varchar(255));'
        "insert into public.\"SequelizeMeta\" values ('1_a.js')",
        ("name", ("1_a.js",), None),
    ),
    "another table of that name": ("create table public.changelog (id int, what text)", None),
}


@pytest.mark.parametrize("tool", BOOKS)
def test_tables_are_known_by_name_and_columns(database: Address, tool: str) -> None:
    text, expected = BOOKS[tool]
    with connect(database, read_only=False) as session:
        session.execute(text.encode())
        books = bookkeeping.read(session)
    assert [(one.by, tuple(sorted(one.applied)), one.trouble) for one in books] == (
        [] if expected is None else [expected]
    )
    if tool == "flyway":
        assert (books[0].baseline, books[0].repeatable) == ("1", {"R__v.sql": -5})


SOURCE = """
create table public.people (id int primary key);
insert into public.people values (1);
create table public.schema_migrations (version varchar primary key);
insert into public.schema_migrations values ('1');
"""


def told(server: Server, source: Source, folder: Path, **more: object) -> Settings:
    ups = folder / "migrations"
    ups.mkdir()
    (ups / "1_people.sql").write_text("create table public.people (id int primary key);")
    (ups / "2_names.sql").write_text("alter table public.people add name text;")
    use = server.address().url() if server.kind == "existing" else server.kind
    image = server.describe()["origin"].removeprefix("image ") if server.kind == "container" else None
    way = Way(kind="sql", path=ups)
    return Settings(folder=folder, source=source, migration=way, server=ServerSettings(use=use, image=image), **more)  # type: ignore[arg-type]


@pytest.fixture(params=["database", "files"])
def source(request: pytest.FixtureRequest, database: Address, tmp_path: Path) -> Source:
    if request.param == "files":
        (tmp_path / "source.sql").write_text(SOURCE)
        return Source(sql=(tmp_path / "source.sql",))
    with connect(database, read_only=False) as session:
        session.execute(SOURCE.encode())
    return Source(dsn=database.url())


def test_what_is_applied_is_left_out(server: Server, source: Source, tmp_path: Path) -> None:
    settings = told(server, source, tmp_path)
    plan = preflight(settings)
    said = "1 of 2 files are applied already: public.schema_migrations of the source"
    assert any(said in line for line in plan.header()) == (source.kind == "dsn")
    result = rehearse(settings, plan=plan)
    assert result.verdict == "passed", result
    assert {change.object for change in result.changes} == {"public.people.name"}


def test_nothing_pending_is_said(server: Server, source: Source, tmp_path: Path) -> None:
    settings = told(server, source, tmp_path)
    (tmp_path / "migrations" / "2_names.sql").unlink()
    result = rehearse(settings)
    assert result.verdict == "passed", result
    [step] = [step for step in result.steps if step.name == "migrate"]
    assert step.outcome is Outcome.SKIPPED
    assert str(step.reason).startswith("nothing pending: 1 of 1 files are applied already")
    collected = names(settings)
    judged = {name: judge(name, result, collected=collected, selected=collected) for name in collected}
    assert {name for name, one in judged.items() if one.outcome is Outcome.SKIPPED} >= {*collected} - {
        "backup",
        "restore",
    }
    assert all(str(one.reason).startswith("nothing pending") for name, one in judged.items() if name == "rows")


def test_bookkeeping_that_does_not_decide(server: Server, source: Source, tmp_path: Path) -> None:
    settings = told(server, source, tmp_path)
    (tmp_path / "migrations" / "0_zero.sql").write_text("select 1;")
    if source.kind == "dsn":
        with pytest.raises(ConfigError, match="cannot be told which files"):
            preflight(settings)
    else:
        result = rehearse(settings)
        assert result.verdict == "failed"
        [failed] = [step for step in result.steps if step.outcome is Outcome.FAILED]
        assert "0_zero.sql is not applied, but a later one is: 1" in str(failed.reason)
    assert rehearse(replace(settings, from_rev="1")).verdict == "passed"


def test_the_option_is_for_folders(server: Server, source: Source, tmp_path: Path) -> None:
    settings = told(server, source, tmp_path, from_rev="1")
    one = Way(kind="sql", path=tmp_path / "migrations" / "2_names.sql")
    with pytest.raises(ConfigError, match="--pgsafe-from=1 leaves out files of a folder"):
        preflight(replace(settings, migration=one))

"""A rehearsal fails closed: what was not compared is never silent, and an empty source is no source."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_pgsafe.checks.values import Severity
from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.config.values import Settings, Source, Way
from pytest_pgsafe.errors import ServerError
from pytest_pgsafe.rehearsal.preflight import check_space
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Outcome, Result
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect

FAR = """
create foreign data wrapper nowhere;
create server far foreign data wrapper nowhere options (host '127.0.0.1', port '9');
create foreign table public.far (id integer) server far;
create table public.near (id integer primary key);
insert into public.near values (1), (2);
"""


def settings(server: Server, source: Source, folder: Path, *, migration: str | None = None, **more: bool) -> Settings:
    """Return the settings of a rehearsal on a further server of the same kind."""
    way = None
    if migration is not None:
        way = Way(kind="sql", path=folder / "migration.sql")
        (folder / "migration.sql").write_text(migration)
    use = server.address().url() if server.kind == "existing" else server.kind
    image = server.describe()["origin"].removeprefix("image ") if server.kind == "container" else None
    return Settings(
        folder=folder,
        source=source,
        migration=way,
        server=ServerSettings(use=use, image=image, keep=more.get("keep", False)),
        strict=more.get("strict", False),
    )


@pytest.fixture
def with_foreign_table(database: Address) -> Source:
    with connect(database, read_only=False) as session:
        session.execute(FAR)
    return Source(dsn=database.url())


def failed(result: Result) -> list[str | None]:
    return [step.reason for step in result.steps if step.outcome is Outcome.FAILED]


@pytest.mark.parametrize("migration", [None, "create table public.more (id integer primary key);"])
def test_tables_that_were_not_read_are_listed(
    server: Server, with_foreign_table: Source, tmp_path: Path, migration: str | None
) -> None:
    result = rehearse(settings(server, with_foreign_table, tmp_path, migration=migration))
    assert not failed(result)
    assert [gap.object for gap in result.not_verified].count("public.far") == 1
    assert (result.relations, result.rows) == (1, 2)
    assert result.verdict == "passed"


@pytest.mark.parametrize("migration", [None, "create table public.more (id integer primary key);"])
def test_strict_makes_errors_of_them(
    server: Server, with_foreign_table: Source, tmp_path: Path, migration: str | None
) -> None:
    result = rehearse(settings(server, with_foreign_table, tmp_path, migration=migration, strict=True))
    assert not failed(result)
    assert [finding.object for finding in result.findings if finding.code == "PGS001"] == ["public.far"]
    assert result.verdict == "failed"


@pytest.mark.parametrize(
    "text",
    ["select 1;", "begin; create table public.people (id integer primary key); insert into public.people values (1);"],
    ids=["no table", "never committed"],
)
@pytest.mark.parametrize("migration", [None, "create table public.more (id integer primary key);"])
def test_a_source_without_tables_is_none(server: Server, tmp_path: Path, text: str, migration: str | None) -> None:
    (tmp_path / "source.sql").write_text(text)
    result = rehearse(settings(server, Source(sql=(tmp_path / "source.sql",)), tmp_path, migration=migration))
    assert result.verdict == "failed"
    assert ["the source holds no table" in str(reason) for reason in failed(result)] == [True]


def test_an_empty_database_is_no_source(server: Server, database: Address, tmp_path: Path) -> None:
    result = rehearse(settings(server, Source(dsn=database.url()), tmp_path))
    assert ["the source holds no table" in str(reason) for reason in failed(result)] == [True]


def test_what_was_compared_with_nothing_is_not_counted(server: Server, tmp_path: Path) -> None:
    (tmp_path / "source.sql").write_text("create table public.people (id integer primary key);")
    source = Source(sql=(tmp_path / "source.sql",))
    assert rehearse(settings(server, source, tmp_path)).relations == 0
    assert rehearse(settings(server, source, tmp_path, strict=True)).verdict == "passed"
    result = rehearse(settings(server, source, tmp_path, migration="alter table public.people add age integer;"))
    assert (result.relations, result.verdict) == (1, "passed")


@pytest.mark.parametrize("form", ["sql", "plain", "custom"])
def test_strict_passes_a_source_whose_restore_cannot_be_compared(
    server: Server, database: Address, tmp_path: Path, form: str
) -> None:
    """Nothing could make it comparable: it is one line of the report."""
    rows = "create table public.people (id integer primary key); insert into public.people values (1);"
    file = tmp_path / "source.sql"
    file.write_text(rows)
    if form != "sql":
        with connect(database, read_only=False) as session:
            session.execute(rows.encode())
        server.programs.run("pg_dump", [f"--format={form}"], address=database, stdout=file)
    source = Source(sql=(file,)) if form == "sql" else Source(backup=file)
    for migration in (None, "alter table public.people add age integer;"):
        result = rehearse(settings(server, source, tmp_path, migration=migration, strict=True))
        assert not failed(result)
        assert [gap.object for gap in result.not_verified].count("restore") == 1
        assert [one.message for one in result.findings if one.severity is Severity.ERROR] == []
        assert result.verdict == "passed"


def test_locks_that_nobody_could_see_are_listed(server: Server, tmp_path: Path) -> None:
    (tmp_path / "source.sql").write_text("create table public.people (id integer primary key);")
    given = settings(
        server, Source(sql=(tmp_path / "source.sql",)), tmp_path, migration="alter table public.people add age integer;"
    )
    seen = rehearse(given)
    existing = rehearse(replace(given, server=ServerSettings(use=server.address().url())))
    assert seen.verdict == existing.verdict == "passed"
    assert ("locks" in {gap.object for gap in seen.not_verified}) is (server.kind == "existing")
    assert "locks" in {gap.object for gap in existing.not_verified}


def test_settings_of_the_database_that_are_in_the_way_of_a_restore(
    server: Server, database: Address, tmp_path: Path
) -> None:
    with connect(database, read_only=False) as connection:
        connection.execute("create table public.people as select 1 as id")
        connection.execute(f"alter database {database.dbname} set default_transaction_read_only = on".encode())
    result = rehearse(settings(server, Source(dsn=database.url()), tmp_path))
    assert result.verdict == "passed", result


def test_a_reader_needs_no_right_on_what_an_extension_keeps_for_itself(
    server: Server, database: Address, tmp_path: Path
) -> None:
    if not server.owns_cluster:
        pytest.skip("roles are made on servers of ours only")
    with connect(database, read_only=False) as connection:
        connection.execute("create table public.kept (id int)")
        connection.execute("create table public.people as select 1 as id")
        connection.execute("alter extension plpgsql add table public.kept")
        connection.execute("create role pgsafe_test_plain")
        connection.execute("grant select on public.people to pgsafe_test_plain")
    try:
        reader = server.address(database.dbname, user="pgsafe_test_plain")
        result = rehearse(settings(server, Source(dsn=reader.url()), tmp_path))
        assert "public.kept" not in str(result.steps), result
    finally:
        with connect(database, read_only=False) as connection:
            connection.execute("drop owned by pgsafe_test_plain")
            connection.execute("drop role pgsafe_test_plain")


def test_too_little_disk_is_said_before_the_first_step(tmp_path: Path) -> None:
    check_space(1 << 20, tmp_path)
    with pytest.raises(ServerError, match="too little disk") as caught:
        check_space(1 << 60, tmp_path)
    assert "TMPDIR" in str(caught.value)


def test_a_migration_of_a_source_without_rows_is_not_verified(server: Server, tmp_path: Path) -> None:
    (tmp_path / "source.sql").write_text("create table public.people (id integer primary key);")
    source = Source(sql=(tmp_path / "source.sql",))
    migration = "alter table public.people add column name text;"
    result = rehearse(settings(server, source, tmp_path, migration=migration, strict=True))
    assert {one.object for one in result.findings if one.severity is Severity.ERROR} >= {"content"}
    assert result.verdict == "failed"

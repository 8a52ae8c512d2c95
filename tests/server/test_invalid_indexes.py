"""INVALID indexes of the source are on the copy as they are there, so that statements find what they will find."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from pytest_pgsafe.catalog.read import read
from pytest_pgsafe.checks.values import Severity
from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.config.values import Settings, Source, Way
from pytest_pgsafe.copy import restoring
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Outcome, Result
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from tests.conftest import start
from tests.tiers import part

TABLES = """
create table public.t (id integer primary key, a integer, b text);
insert into public.t select g, g % 3, 'x' || g from generate_series(1, 20) g;
create materialized view public.m as select a, b from public.t;
create table public.p (id integer, day date) partition by range (day);
create table public.p1 partition of public.p for values from ('2024-01-01') to ('2025-01-01');
create table public.p2 partition of public.p for values from ('2025-01-01') to ('2026-01-01');
insert into public.p values (1, '2024-05-05'), (2, '2025-05-05');
"""
VALID = (True, True, True)


def failing(session: psycopg.Connection, text: str) -> None:
    """Run what fails, and leaves an INVALID index."""
    with pytest.raises(psycopg.Error):
        session.execute(text.encode())


def flag(session: psycopg.Connection, index: str, *, ready: bool = True, live: bool = True) -> None:
    """Leave an index as a build that was broken off in a later phase leaves it."""
    session.execute(
        "update pg_index set indisvalid = false, indisready = %s, indislive = %s where indexrelid = %s::regclass",
        (ready, live, index),
    )


@pytest.fixture
def source(server: Server, database: Address) -> Address:
    if not server.owns_cluster:
        pytest.skip("the source's catalog is written to")
    with connect(database, read_only=False) as session:
        session.execute(TABLES.encode())
    return database


def run(server: Server, source: Address, folder: Path, migration: str, use: str | None = None) -> Result:
    (folder / "migration.sql").write_text(migration)
    image = server.describe()["origin"].removeprefix("image ") if server.kind == "container" else None
    settings = ServerSettings(use=server.kind if use is None else use, image=image)
    way = Way(kind="sql", path=folder / "migration.sql")
    return rehearse(Settings(folder=folder, source=Source(dsn=source.url()), migration=way, server=settings))


def failures(result: Result) -> list[str | None]:
    return [step.reason for step in result.steps if step.outcome is Outcome.FAILED]


def unverified(result: Result) -> list[str]:
    return [gap.object for gap in result.not_verified]


def told(result: Result, name: str) -> list[tuple[Severity, str]]:
    return [(one.severity, one.message) for one in result.findings if one.object == name and one.code == "PGS512"]


@pytest.fixture
def with_unique(source: Address) -> Address:
    """Leave a unique index that duplicates forbid."""
    with connect(source, read_only=False) as session:
        failing(session, "create unique index concurrently i on public.t (a)")
        session.execute("comment on index public.i is 'broken off'")
    return source


def test_create_if_not_exists_skips_it_and_it_is_said(server: Server, with_unique: Address, tmp_path: Path) -> None:
    migration = "create unique index concurrently if not exists i on t (a);"
    result = run(server, with_unique, tmp_path, migration)
    assert not failures(result)
    assert "public.i" not in unverified(result)
    [(severity, message)] = told(result, "public.i")
    assert severity is Severity.ERROR
    assert "INVALID" in message
    assert "IF NOT EXISTS skipped over it" in message
    assert not [one for one in result.changes if one.object == "public.i"]


def test_of_one_that_is_not_unique_it_is_a_warning(server: Server, source: Address, tmp_path: Path) -> None:
    with connect(source, read_only=False) as session:
        session.execute("create index slow on public.t (b)")
        flag(session, "public.slow", ready=False)
    result = run(server, source, tmp_path, 'create index if not exists "slow" on t (b);')
    [(severity, message)] = told(result, "public.slow")
    assert severity is Severity.WARNING
    assert "skipped over it" in message
    result = run(server, source, tmp_path, "create index other on t (b);")
    [(severity, message)] = told(result, "public.slow")
    assert severity is Severity.WARNING
    assert "skipped" not in message


@pytest.mark.parametrize(
    ("migration", "fails"),
    [
        ("create index i on t (a);", 'relation "i" already exists'),
        ("drop index i; create index i on t (a);", None),
        ("drop index concurrently i;", None),
        ("delete from t where id > 3; reindex index i;", None),
        ("reindex index i;", "could not create unique index"),
        ("alter index i rename to j; create index i on t (a);", None),
        ("insert into t values (99, 1, 'x');", None),
    ],
)
def test_statements_find_it(
    server: Server, with_unique: Address, tmp_path: Path, migration: str, fails: str | None
) -> None:
    result = run(server, with_unique, tmp_path, migration)
    assert [str(fails) in str(reason) for reason in failures(result)] == ([] if fails is None else [True])


def test_one_that_is_ready_keeps_new_rows_unique(server: Server, source: Address, tmp_path: Path) -> None:
    with connect(source, read_only=False) as session:
        # Built, but not validated any more: duplicates that were there stay.
        session.execute("create index u on public.t (a)")
        flag(session, "public.u")
        session.execute("update pg_index set indisunique = true where indexrelid = 'public.u'::regclass")
    result = run(server, source, tmp_path, "insert into t values (99, 1, 'x');")
    assert ["duplicate key value violates" in str(reason) for reason in failures(result)] == [True]
    assert not failures(run(server, source, tmp_path, "insert into t values (99, 98, 'x');"))


KINDS = {
    "expression": "create index i on public.t ((lower(b)), a desc nulls last) include (id)",
    "an expression that fails for some row": "create index i on public.t ((1 / (a - 1)))",
    "predicate": "create index i on public.t (b) where a > 1",
    "options": "create index i on public.t using hash (b) with (fillfactor = 50)",
    "odd name": 'create index "I ""x"" %" on public.t (b)',
    "materialized view": "create unique index i on public.m (b)",
    "unique": "create unique index i on public.t (b)",
    "partitioned, of no partition": "create index i on only public.p (day)",
}


@pytest.mark.parametrize("ready", [True, False])
@pytest.mark.parametrize("kind", part(KINDS, 2))
def test_kinds(server: Server, source: Address, kind: str, *, ready: bool) -> None:
    name = '"I ""x"" %"' if kind == "odd name" else "i"
    with connect(source, read_only=False) as session:
        if "fails" in kind:
            if ready:
                pytest.skip("such a one was never filled")
            failing(session, KINDS[kind].replace("index", "index concurrently"))
        else:
            session.execute(KINDS[kind].encode())
            flag(session, f"public.{name}", ready=ready)
        facts = read(session)
    index = facts.indexes[f"public.{name}"]
    assert not index.valid
    same(server, source, facts.indexes)


def same(server: Server, source: Address, indexes: object) -> None:
    """Restore the source, and see that the copy and its clone have the same indexes."""
    from pytest_pgsafe.copy.unfinished import make_unfinished

    with connect(source) as session:
        catalog = read(session)
    copy = restored(server, source, restoring.Prepared(address=server.create("copy"), owners=True))
    assert make_unfinished(catalog, copy) == ()
    clone = server.clone(copy, "clone")
    for address in (copy, clone):
        with connect(address) as session:
            found = read(session)
            assert found.indexes == indexes
            assert found.constraints == catalog.constraints


def restored(server: Server, source: Address, prepared: restoring.Prepared) -> Address:
    with_archive = server.programs.run("pg_dump", ["--format=plain"], address=source)
    assert with_archive.returncode == 0, with_archive.stderr
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        script = Path(folder) / "dump.sql"
        script.write_text(with_archive.stdout)
        script.chmod(0o644)
        Path(folder).chmod(0o755)
        arguments = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={script}"]
        done = server.programs.run("psql", arguments, address=prepared.address, files=[script])
    assert done.returncode == 0, done.stderr
    return prepared.address


def test_a_constraint_s_index(server: Server, source: Address) -> None:
    with connect(source, read_only=False) as session:
        session.execute("alter table public.t add constraint b_once unique (b) deferrable")
        flag(session, "public.b_once")
        indexes = read(session).indexes
    same(server, source, indexes)


def test_a_partition_s_index_that_is_attached(server: Server, source: Address) -> None:
    with connect(source, read_only=False) as session:
        session.execute("create index day on public.p (day)")
        flag(session, "public.p1_day_idx")
        flag(session, "public.day")
        indexes = read(session).indexes
    assert indexes["public.p1_day_idx"].parent == "public.day"
    same(server, source, indexes)


def test_a_parent_that_nobody_validated(server: Server, source: Address) -> None:
    with connect(source, read_only=False) as session:
        session.execute("create index day on public.p (day)")
        flag(session, "public.day")
        indexes = read(session).indexes
    same(server, source, indexes)


def test_one_that_was_not_dropped_to_the_end(server: Server, source: Address) -> None:
    with connect(source, read_only=False) as session:
        session.execute("create index i on public.t (b)")
        flag(session, "public.i", ready=False, live=False)
    with connect(source) as session:
        indexes = read(session).indexes
    same(server, source, indexes)


def test_event_triggers_of_the_database_have_no_say(server: Server, with_unique: Address, tmp_path: Path) -> None:
    with connect(with_unique, read_only=False) as session:
        # pg_restore refreshes it when the triggers are there.
        session.execute("drop materialized view public.m; create table public.log (what text)")
        session.execute(
            "create function public.note() returns event_trigger language plpgsql as"
            " $$ begin insert into public.log values (tg_tag); end $$"
        )
        session.execute("create event trigger noted on ddl_command_end execute function public.note()")
    result = run(server, with_unique, tmp_path, "select 1;")
    assert not failures(result)


def test_where_pgsafe_is_no_superuser_it_is_named(server: Server, with_unique: Address, tmp_path: Path) -> None:
    with start(f"existing:{server.version.major}") as existing:
        with connect(existing.address(), read_only=False) as session:
            session.execute("create role plain login createdb password 'plain' in role postgres")
        use = existing.address().with_(user="plain", password="plain").url()
        result = run(server, with_unique, tmp_path, "create index if not exists i on t (a);", use)
        assert not failures(result), result
        [gap] = [gap for gap in result.not_verified if gap.object == "public.i"]
        assert "superuser" in gap.reason

"""The whole way on every kind of server and of source; what cannot be begun, and what is left behind: nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from pytest_pgsafe.backup.restore import run_sql
from pytest_pgsafe.backup.take import take
from pytest_pgsafe.checks.values import Severity
from pytest_pgsafe.config.values import Report, Retry, Settings, Source, Traffic, Way
from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.errors import ConfigError, ServerError, SourceError
from pytest_pgsafe.rehearsal.preflight import check_extensions, preflight
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Outcome, Result
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect

CRM = Path(__file__).parents[2] / "fixtures" / "crm"


@pytest.fixture(scope="module")
def crm(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """The CRM at a tenth of its size, as a source."""
    address = server.create("crm")
    scale = tmp_path_factory.mktemp("crm") / "scale.sql"
    scale.write_text(f"alter database {address.dbname} set crm.scale = '0.1';\n")
    run_sql([scale, CRM / "schema.sql", CRM / "data.sql"], address, server.programs)
    yield address
    server.drop(address)


def settings(
    server: Server, source: Source, migration: Path | None, folder: Path, rollback: Path | None = None
) -> Settings:
    """Return the settings of a rehearsal on a further server of the same kind."""
    use = server.address().url() if server.kind == "existing" else server.kind
    image = server.describe()["origin"].removeprefix("image ") if server.kind == "container" else None
    return Settings(
        folder=folder,
        source=source,
        migration=None if migration is None else Way(kind="sql", path=migration),
        rollback=None if rollback is None else Way(kind="sql", path=rollback),
        server=ServerSettings(use=use, image=image, superuser=True),
        report=Report(),
        # What is broken off and run again, or beside others, has tests of its own, and takes its time.
        retry=Retry(points=0),
        traffic=Traffic(clients=0),
    )


def outcomes(result: Result) -> dict[str, str]:
    return {step.name: step.outcome.value for step in result.steps}


def errors(result: Result) -> set[tuple[str, str]]:
    return {(one.check, one.object) for one in result.findings if one.severity is Severity.ERROR}


def failure(result: Result) -> str:
    [failed] = [step for step in result.steps if step.outcome is Outcome.FAILED]
    return f"{failed.name}: {failed.reason}"


def test_a_database_is_rehearsed_and_never_written(server: Server, crm: Address, tmp_path: Path) -> None:
    def touched() -> object:
        with connect(crm) as connection:
            query = "select tup_inserted, tup_updated, tup_deleted from pg_stat_database where datname = %s"
            return connection.execute(query, (crm.dbname,)).fetchone()

    before = touched()
    result = rehearse(settings(server, Source(dsn=crm.url()), CRM / "additive.sql", tmp_path))
    assert result.verdict == "passed", result
    # A new foreign key may keep rows that the release which still runs deletes.
    steps = ["server", "backup", "restore", "clone", "migrate", "compare", "old_release"]
    assert outcomes(result) == dict.fromkeys(steps, "passed")
    assert result.relations == 17
    assert result.rows > 4000
    assert result.source["database"] == crm.dbname
    # Locks are read from the log, which an existing server does not show.
    assert result.unused.keys() == {"cost", "denormalized", "rollback"} | (
        {"locks"} if server.kind == "existing" else set()
    )
    assert result.unused["rollback"].startswith("no way back is configured; the restore of the backup is one")
    assert touched() == before
    assert crm.parameters["password"] not in repr(result)


@pytest.mark.parametrize("name", ["row_lost", "values_swapped", "sequence_set_back"])
def test_harms_fail_by_name(server: Server, crm: Address, tmp_path: Path, name: str) -> None:
    expected = {
        "row_lost": ("rows", "public.ticket_comments"),
        "values_swapped": ("values", "public.products.price"),
        "sequence_set_back": ("sequences", "public.tickets_id_seq"),
    }
    harm = CRM / "harms" / f"{name}.sql"
    result = rehearse(settings(server, Source(dsn=crm.url()), harm, tmp_path))
    assert result.verdict == "failed"
    assert {check for check, _ in errors(result)} == {expected[name][0]}


@pytest.mark.parametrize(("down", "verdict"), [("drop table public.extra;", "passed"), ("select 1;", "failed")])
def test_the_way_back(server: Server, crm: Address, tmp_path: Path, down: str, verdict: str) -> None:
    (tmp_path / "up.sql").write_text("create table public.extra (id int);")
    (tmp_path / "down.sql").write_text(down)
    source = Source(dsn=crm.url())
    result = rehearse(settings(server, source, tmp_path / "up.sql", tmp_path, tmp_path / "down.sql"))
    assert result.verdict == verdict, result
    assert errors(result) == ({("rollback", "public.extra")} if verdict == "failed" else set())


def test_a_backup_is_proven_and_rehearsed_from(server: Server, crm: Address, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    take(crm, folder, server.programs)
    drill = rehearse(settings(server, Source(backup=folder), None, tmp_path))
    assert drill.verdict == "passed"
    assert outcomes(drill) == {"server": "passed", "backup": "passed", "restore": "passed"}
    with (folder / "database.dump").open("r+b") as file:
        file.seek(2000)
        there = file.read(4)
        file.seek(2000)
        file.write(bytes(byte ^ 0xFF for byte in there))
    damaged = rehearse(settings(server, Source(backup=folder), CRM / "additive.sql", tmp_path))
    assert damaged.verdict == "failed"
    assert "SHA-256 is not the manifest's" in failure(damaged)
    assert "migrate" not in outcomes(damaged)


@pytest.mark.parametrize("form", ["custom", "plain"])
def test_a_foreign_dump_is_rehearsed_and_its_restore_is_not_verified(
    server: Server, crm: Address, tmp_path: Path, form: str
) -> None:
    dump = tmp_path / "foreign"
    server.programs.run("pg_dump", [f"--format={form}"], address=crm, stdout=dump)
    result = rehearse(settings(server, Source(backup=dump), CRM / "additive.sql", tmp_path))
    assert result.verdict == "passed", result
    assert "restore" in {item.object for item in result.not_verified}


def test_restored_equals_source_while_the_source_is_written_to(server: Server, crm: Address, tmp_path: Path) -> None:
    stop, wrote = threading.Event(), threading.Event()

    def write() -> None:
        with psycopg.connect(**crm.parameters, autocommit=True) as connection:
            while not stop.is_set():
                connection.execute("insert into public.product_sales select * from public.product_sales limit 1")
                connection.execute("update public.customers set phone = now()::text::varchar(30) where id = 1")
                wrote.set()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert wrote.wait(30)
        result = rehearse(settings(server, Source(dsn=crm.url()), CRM / "additive.sql", tmp_path))
    finally:
        stop.set()
        thread.join()
    assert result.verdict == "passed", result


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_odd_encodings(server: Server, tmp_path: Path, encoding: str) -> None:
    source = server.create("odd", options={"encoding": encoding, "lc_collate": "C", "lc_ctype": "C"})
    with connect(source, read_only=False) as connection:
        connection.execute("create table public.t (id int primary key, v text)")
        connection.execute(
            r"insert into public.t select n, convert_from('\xe9'::bytea, %s) from generate_series(1, 9) n", (encoding,)
        )
    (tmp_path / "m.sql").write_text("update public.t set v = 'e' where id = 3;")
    result = rehearse(settings(server, Source(dsn=source.url()), tmp_path / "m.sql", tmp_path))
    server.drop(source)
    assert errors(result) == {("values", "public.t.v")}, result


def test_what_was_wrong_in_the_source_is_named_and_is_no_error(
    server: Server, database: Address, tmp_path: Path
) -> None:
    with connect(database, read_only=False) as connection:
        connection.execute("create table public.parent (id int primary key)")
        connection.execute("create table public.child (id int primary key, parent int, n int)")
        connection.execute("insert into public.child values (1, 99, 7), (2, null, 7)")
        connection.execute("alter table public.child add foreign key (parent) references public.parent not valid")
        connection.execute("create sequence public.behind owned by public.child.id")
        connection.execute("alter table public.child alter id set default nextval('public.behind')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("create unique index concurrently child_n on public.child (n)")
        connection.execute("alter table public.parent disable trigger all")
    (tmp_path / "m.sql").write_text("alter table public.child add column extra int;")
    result = rehearse(settings(server, Source(dsn=database.url()), tmp_path / "m.sql", tmp_path))
    assert result.verdict == "passed", result
    missed = {item.object for item in result.not_verified}
    assert "public.child.child_parent_fkey" in missed
    warned = {one.object for one in result.findings if one.severity is Severity.WARNING}
    # It is on the copy as it is in the source.
    assert "public.child_n" in warned
    assert {"public.child.child_parent_fkey", "public.behind"} <= warned


def test_a_migration_that_fails_says_where(server: Server, crm: Address, tmp_path: Path) -> None:
    migration = tmp_path / "broken.sql"
    migration.write_text("alter table public.sales add extra int;\nalter table public.nowhere add extra int;\n")
    result = rehearse(settings(server, Source(dsn=crm.url()), migration, tmp_path))
    assert result.verdict == "failed"
    said = failure(result)
    assert "broken.sql:2" in said
    assert "42P01" in said


DEADLOCK = """
import psycopg
one, two = psycopg.connect(), psycopg.connect(autocommit=True)
one.execute("select count(*) from public.sales")
two.execute("alter table public.sales add extra int")
"""


def test_a_migration_that_waits_for_itself_is_stopped_and_the_lock_is_named(
    server: Server, crm: Address, tmp_path: Path
) -> None:
    (tmp_path / "up.py").write_text(DEADLOCK)
    told = settings(server, Source(dsn=crm.url()), None, tmp_path)
    result = rehearse(replace(told, migration=Way(kind="run", command="python up.py"), timeout=3.0))
    assert result.verdict == "failed"
    said = failure(result)
    assert said.startswith("migrate: the migration was stopped: python up.py had not ended after 3 s")
    assert "AccessExclusiveLock on public.sales" in said
    assert "an open transaction of a session of the migration itself holds" in said


def test_a_way_back_that_waits_is_stopped_too(server: Server, crm: Address, tmp_path: Path) -> None:
    (tmp_path / "up.sql").write_text("create table public.extra (id int);")
    (tmp_path / "down.sql").write_text("drop table public.extra; select pg_sleep(600);")
    told = settings(server, Source(dsn=crm.url()), tmp_path / "up.sql", tmp_path, tmp_path / "down.sql")
    result = rehearse(replace(told, timeout=5.0))
    assert failure(result).startswith("rollback: the migration was stopped: psql -f down.sql had not ended after 5 s")
    assert "pg_sleep(600)" in failure(result)


def test_an_interrupt_leaves_nothing(
    server: Server, crm: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    there = databases(server)
    seen: list[str] = []

    def progress(step: str) -> None:
        seen.append(step)
        if step == "compare":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rehearse(settings(server, Source(dsn=crm.url()), CRM / "additive.sql", tmp_path), progress)
    assert seen[-1] == "compare"
    assert list(tmp_path.iterdir()) == []
    assert databases(server) == there


def databases(server: Server) -> set[str]:
    with connect(server.address()) as connection:
        return {row[0] for row in connection.execute("select datname from pg_database")}


class TestBeforeTheFirstStep:
    def test_no_source(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="no source"):
            preflight(Settings(folder=tmp_path))

    def test_wrong_password(self, server: Server, crm: Address, tmp_path: Path) -> None:
        wrong = crm.with_(password="not the password")
        with pytest.raises(SourceError) as caught:
            preflight(settings(server, Source(dsn=wrong.url()), None, tmp_path))
        assert "password" in str(caught.value)
        assert "not the password" not in str(caught.value)

    def test_no_server_there(self, server: Server, tmp_path: Path) -> None:
        dsn = "host=127.0.0.1 port=1 dbname=x user=x password=secret"
        with pytest.raises(SourceError, match="cannot be read") as caught:
            preflight(settings(server, Source(dsn=dsn), None, tmp_path))
        assert "remedy" in str(caught.value)
        assert "secret" not in str(caught.value)

    def test_no_such_database(self, server: Server, crm: Address, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="does not exist"):
            preflight(settings(server, Source(dsn=crm.with_(dbname="nowhere").url()), None, tmp_path))

    def test_no_scratch_server(self, server: Server, crm: Address, tmp_path: Path) -> None:
        told = settings(server, Source(dsn=crm.url()), None, tmp_path)
        other = "host=127.0.0.1 port=1 user=x"
        with pytest.raises(ServerError):
            preflight(replace(told, server=ServerSettings(use=other)))

    def test_an_extension_that_is_missing(self, server: Server, database: Address, tmp_path: Path) -> None:
        told = settings(server, Source(dsn=database.url()), None, tmp_path)
        plan = preflight(told)
        if plan.choice.extensions is not None:
            assert "plpgsql" in plan.choice.extensions
        with pytest.raises(ServerError, match="lacks the extension absent_one") as caught:
            check_extensions(["plpgsql", "absent_one"], plan.choice.extensions or {"plpgsql"}, plan.choice.origin)
        assert "cannot be verified here" in str(caught.value)
        assert "--pgsafe-image" in str(caught.value)

    def test_a_rule_about_nothing(self, server: Server, crm: Address, tmp_path: Path) -> None:
        told = settings(server, Source(dsn=crm.url()), None, tmp_path)
        with pytest.raises(ConfigError, match="customer_nam"):
            preflight(replace(told, foreign_keys={"sales.customer_nam": "no nulls"}))

    def test_an_empty_migration(self, server: Server, crm: Address, tmp_path: Path) -> None:
        empty = tmp_path / "empty.sql"
        empty.write_text("-- nothing here\n")
        with pytest.raises(ConfigError, match="empty migration"):
            preflight(settings(server, Source(dsn=crm.url()), empty, tmp_path))

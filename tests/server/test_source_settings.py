"""The copy has the settings of the source's server: what statements mean there, they mean here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_pgsafe.checks.values import Severity
from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.config.values import Settings, Source, Way
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Result
from pytest_pgsafe.report.json import document
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import find
from tests.conftest import SERVERS, start
from tests.tiers import part

TABLES = """
create table public.ev (id integer primary key, at timestamp not null, note text, price numeric);
insert into public.ev select g, timestamp '2024-07-01 12:00' + g * interval '1 hour', '03/04/2024', g
    from generate_series(1, 100) g;
"""


@pytest.fixture(params=[name for name in SERVERS if not name.startswith("existing")])
def cluster(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Start a server whose settings a test may change."""
    with start(request.param) as server:
        yield server


def source_of(cluster: Server, *settings: str, tables: str = TABLES) -> Address:
    """Make a database in a cluster that has these settings, each what follows ALTER SYSTEM SET."""
    with connect(cluster.address(), read_only=False) as session:
        for setting in settings:
            session.execute(f"alter system set {setting}".encode())
        session.execute("select pg_reload_conf()")
        session.execute("select pg_sleep(0.3)")
    address = cluster.create("source")
    with connect(address, read_only=False) as session:
        session.execute(tables.encode())
    return address


def settings(cluster: Server, source: Source, folder: Path, migration: str, **more: object) -> Settings:
    (folder / "migration.sql").write_text(migration)
    image = cluster.describe()["origin"].removeprefix("image ") if cluster.kind == "container" else None
    given = Settings(
        folder=folder,
        source=source,
        migration=Way(kind="sql", path=folder / "migration.sql"),
        server=ServerSettings(use=cluster.kind, image=image),
    )
    return replace(given, **more)  # type: ignore[arg-type]


def run(cluster: Server, address: Address, folder: Path, migration: str, **more: object) -> Result:
    return rehearse(settings(cluster, Source(dsn=address.url()), folder, migration, **more))


def failures(result: Result) -> list[str | None]:
    return [step.reason for step in result.steps if step.outcome.value == "failed"]


def test_naive_times_are_read_in_the_time_zone_of_the_source(cluster: Server, tmp_path: Path) -> None:
    address = source_of(cluster, "timezone = 'Europe/Berlin'")
    result = run(cluster, address, tmp_path, "alter table ev alter column at type timestamptz;")
    assert not failures(result)
    assert result.settings is not None
    assert result.settings["TimeZone"] == "Europe/Berlin"
    [changed] = [one for one in result.findings if one.object == "public.ev.at" and one.severity is Severity.ERROR]
    assert "100" in changed.message
    sample = changed.samples[0]
    assert sample.before is not None
    assert sample.after is not None
    assert sample.before["at"] == "2024-07-01 13:00:00"
    assert sample.after["at"] == "2024-07-01 11:00:00+00"
    assert "Europe/Berlin" in changed.message
    assert result.trace is not None
    assert [lock.rewritten for lock in result.trace.locks if lock.relation == "public.ev"] == [True]
    assert document(result)["source"]["settings"]["TimeZone"] == "Europe/Berlin"


def test_a_migration_that_names_the_zone_of_its_values_is_a_note(cluster: Server, tmp_path: Path) -> None:
    address = source_of(cluster, "timezone = 'Europe/Berlin'")
    result = run(
        cluster, address, tmp_path, "alter table ev alter column at type timestamptz using at at time zone 'UTC';"
    )
    assert result.verdict == "passed", result.findings


@pytest.mark.parametrize(
    ("setting", "statement", "seen"),
    part([
        ("datestyle = 'SQL, DMY'", "insert into out select '03/04/2024'::date - date '2024-01-01'", "93"),
        ("datestyle = 'SQL, DMY'", "alter table ev alter column note type date using note::date;"
         " insert into out select max(note) - date '2024-01-01' from ev", "93"),
        ("intervalstyle = 'sql_standard'", "insert into out select '-1 2:03:04'::interval = '-1 day -2:03:04'", "true"),
        ("timezone = 'America/New_York'", "insert into out select '2024-01-01 00:00'::timestamptz"
         " = '2024-01-01 05:00+00'", "true"),
        ("standard_conforming_strings = off", r"insert into out select length('a\tb')", "3"),
        ("array_nulls = off", "insert into out select ('{NULL}'::text[])[1] is null", "false"),
        ("transform_null_equals = on", "insert into out select count(*) from ev where note = null or id = 1", "1"),
        ("bytea_output = 'escape'", r"insert into out select '\x41'::bytea::text", "A"),
        ("extra_float_digits = -10", "insert into out select 0.1::float8 + 0.2::float8", "0.3"),
        ("default_text_search_config = 'pg_catalog.simple'", "insert into out select to_tsvector('the cats')",
         "''cats'':2 ''the'':1"),
        ("default_transaction_isolation = 'serializable'",
         "insert into out select current_setting('transaction_isolation')", "serializable"),
        ("xmlbinary = 'hex'", "insert into out select current_setting('xmlbinary')", "hex"),
        ("quote_all_identifiers = on", "insert into out select quote_ident('a')", '"a"'),
        ("search_path = app, public", "insert into out select current_setting('search_path')", "app, public"),
        ("statement_timeout = '71s'", "insert into out select current_setting('statement_timeout')", "71s"),
        ("backslash_quote = 'on'", "insert into out select current_setting('backslash_quote')", "on"),
        ("lo_compat_privileges = on", "insert into out select current_setting('lo_compat_privileges')", "on"),
        ("check_function_bodies = off",
         "create function f() returns int language sql as 'select no_such()'; insert into out values ('made')", "made"),
    ], 2),
)  # fmt: skip
def test_statements_mean_what_they_mean_in_the_source(
    cluster: Server, tmp_path: Path, setting: str, statement: str, seen: str
) -> None:
    address = source_of(cluster, setting)
    check = (
        "do $$ declare found text := (select t from public.out); begin"
        f" if found is distinct from '{seen}' then raise 'it is %', found; end if; end $$;"
    )
    migration = f"create table public.out (t text);\n{statement.replace('into out', 'into public.out')};\n{check}"
    result = run(cluster, address, tmp_path, migration)
    assert not [reason for reason in failures(result) if reason and "it is" in reason], failures(result)
    assert not failures(result)
    assert result.settings is not None
    if "simple" not in setting:
        assert setting.split(maxsplit=1)[0].lower() in {name.lower() for name in result.settings}
    assert not [gap for gap in result.not_verified if gap.object.startswith("setting ")]


def test_a_setting_of_the_team_s_own_is_carried(cluster: Server, tmp_path: Path) -> None:
    address = source_of(cluster)
    with connect(cluster.address(), read_only=False) as session:
        session.execute("alter role all set app.tenant = '7'")
    check = "do $$ begin if current_setting('app.tenant', true) <> '7' then raise 'lost'; end if; end $$;"
    with connect(address, read_only=False) as session:
        session.execute("create function public.tenant() returns text language sql stable"
                        " return current_setting('app.tenant')")  # fmt: skip
    result = run(cluster, address, tmp_path, check + "update ev set note = public.tenant() where false;")
    assert not failures(result)
    assert result.settings is not None
    assert result.settings["app.tenant"] == "7"


def test_what_the_database_and_the_role_say_goes_first(cluster: Server, tmp_path: Path) -> None:
    address = source_of(cluster, "timezone = 'Europe/Berlin'", "datestyle = 'SQL, DMY'")
    with connect(cluster.address(), read_only=False) as session:
        session.execute(f"alter database \"{address.dbname}\" set timezone = 'Asia/Tokyo'".encode())
        session.execute("create role clerk login")
        session.execute("alter role clerk set datestyle = 'ISO, MDY'")
        session.execute(f'alter database "{address.dbname}" owner to clerk'.encode())
    with connect(address, read_only=False) as session:
        session.execute("alter table public.ev owner to clerk; grant all on schema public to clerk")
    check = (
        "do $$ begin if current_setting('timezone') <> 'Asia/Tokyo' or current_setting('datestyle') <> 'ISO, MDY'"
        " then raise 'wrong: % %', current_setting('timezone'), current_setting('datestyle'); end if; end $$;"
    )
    result = run(cluster, address, tmp_path, check)
    assert not failures(result)


def test_prepared_transactions_fail_where_the_source_allows_none(cluster: Server, tmp_path: Path) -> None:
    del cluster
    with LocalServer.start(find(), settings={"max_prepared_transactions": "0"}) as none:
        result = run(none, source_of(none), tmp_path, "begin; prepare transaction 'x';")
    assert ["prepared transactions are disabled" in str(reason) for reason in failures(result)] == [True]


def test_resources_logging_and_paths_are_not_carried(cluster: Server, tmp_path: Path) -> None:
    address = source_of(
        cluster, "work_mem = '7MB'", "log_statement = 'all'", "enable_hashjoin = off", "vacuum_freeze_min_age = 7",
        "client_min_messages = 'error'", "lc_messages = 'C.UTF-8'", "idle_session_timeout = '1h'",
    )  # fmt: skip
    result = run(cluster, address, tmp_path, "select 1;")
    assert not failures(result)
    assert result.settings is not None
    assert not {"work_mem", "log_statement", "enable_hashjoin", "vacuum_freeze_min_age", "client_min_messages",
                "lc_messages", "idle_session_timeout"} & set(result.settings)  # fmt: skip


def test_what_the_copy_cannot_have_is_named(cluster: Server, tmp_path: Path) -> None:
    address = source_of(cluster)
    with connect(cluster.address(), read_only=False) as session:
        # Only a file may name one that is not there.
        session.execute("alter role all set default_tablespace = 'pg_default'")
    result = run(cluster, address, tmp_path, "create table public.more (id integer primary key);")
    assert not failures(result)
    assert [gap.object for gap in result.not_verified if gap.object.startswith("setting")] == [
        "setting default_tablespace"
    ]


def test_a_kept_backup_has_them_too(cluster: Server, tmp_path: Path) -> None:
    from pytest_pgsafe.backup.take import take

    address = source_of(cluster, "timezone = 'Europe/Berlin'")
    take(address, tmp_path / "kept", cluster.programs)
    with connect(cluster.address(), read_only=False) as session:
        session.execute("alter system reset timezone")
        session.execute("select pg_reload_conf()")
    result = rehearse(
        settings(
            cluster, Source(backup=tmp_path / "kept"), tmp_path, "alter table ev alter column at type timestamptz;"
        )
    )
    assert any(one.severity is Severity.ERROR and one.object == "public.ev.at" for one in result.findings)


def test_an_existing_server_has_them_in_the_copy_alone(cluster: Server, tmp_path: Path) -> None:
    address = source_of(cluster, "timezone = 'Europe/Berlin'", "lo_compat_privileges = on")
    with start(f"existing:{cluster.version.major}") as existing:
        use = ServerSettings(use=existing.address().url())
        for _ in range(2):
            result = run(cluster, address, tmp_path, "alter table ev alter column at type timestamptz;", server=use)
            assert not failures(result), result
            assert any(one.severity is Severity.ERROR and one.object == "public.ev.at" for one in result.findings)
        with connect(existing.address(), read_only=False) as session:
            assert session.execute("select count(*) from pg_db_role_setting").fetchone() == (0,)


def test_a_source_that_cannot_be_asked_is_told_by_the_configuration(cluster: Server, tmp_path: Path) -> None:
    (tmp_path / "schema.sql").write_text(TABLES)
    source = Source(sql=(tmp_path / "schema.sql",), settings=(("timezone", "Europe/Berlin"),))
    result = rehearse(settings(cluster, source, tmp_path, "alter table ev alter column at type timestamptz;"))
    assert not failures(result)
    assert any(one.severity is Severity.ERROR and one.object == "public.ev.at" for one in result.findings)
    assert result.settings == {"timezone": "Europe/Berlin"}


def test_a_setting_that_no_server_takes_is_an_error(cluster: Server, tmp_path: Path) -> None:
    (tmp_path / "schema.sql").write_text(TABLES)
    source = Source(sql=(tmp_path / "schema.sql",), settings=(("timezone", "Mars/Olympus"),))
    result = rehearse(settings(cluster, source, tmp_path, "select 1;"))
    assert any("refuses timezone" in str(reason) for reason in failures(result))


def test_the_configuration_goes_before_what_a_live_source_says(cluster: Server, tmp_path: Path) -> None:
    address = source_of(cluster, "timezone = 'Europe/Berlin'")
    source = Source(dsn=address.url(), settings=(("timezone", "UTC"),))
    result = rehearse(settings(cluster, source, tmp_path, "alter table ev alter column at type timestamptz;"))
    assert result.verdict == "passed"


@pytest.mark.parametrize(
    ("migration", "assumed"),
    [
        ("alter table ev alter column at type timestamptz;", ["setting TimeZone"]),
        ("alter table ev alter column at type timestamptz using at at time zone 'UTC';", []),
        ("alter table ev add column day date; update ev set day = note::date;", ["setting DateStyle"]),
        ("alter table ev add column extra int;", []),
    ],
)
def test_what_was_assumed_of_a_source_that_cannot_be_asked_is_said(
    cluster: Server, tmp_path: Path, migration: str, assumed: list[str]
) -> None:
    (tmp_path / "schema.sql").write_text(TABLES)
    source = Source(sql=(tmp_path / "schema.sql",))
    result = rehearse(settings(cluster, source, tmp_path, migration))
    assert not failures(result)
    assert [gap.object for gap in result.not_verified if gap.object.startswith("setting")] == assumed
    given = replace(source, settings=(("timezone", "UTC"), ("datestyle", "ISO, MDY")))
    result = rehearse(settings(cluster, given, tmp_path, migration))
    assert not [gap for gap in result.not_verified if gap.object.startswith("setting")]

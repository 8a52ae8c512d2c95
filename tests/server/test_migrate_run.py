"""Migrations of every form on a real copy, and what happens when they fail."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_pgsafe.errors import MigrationError
from pytest_pgsafe.migrate.run import FailedRun, run
from pytest_pgsafe.migrate.values import Trace
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from tests.migrations import parse

SUPERUSER = "postgres"
NUMBERS = itertools.count(1)


@pytest.fixture
def role(server: Server) -> Iterator[str]:
    name = f"migrate_test_{next(NUMBERS)}"
    with connect(server.address(), read_only=False) as session:
        session.execute(f"create role {name}".encode())
    yield name
    with connect(server.address(), read_only=False) as session:
        session.execute(f"drop role {name}".encode())


@pytest.fixture
def copy(server: Server, database: Address, role: str) -> Iterator[Address]:
    """A database whose table t belongs to the role, and whose table foreign_t does not."""
    with connect(database, read_only=False) as session:
        session.execute(
            f"""set search_path = public; grant create on schema public to {role};
            create table t (id int primary key, name text);
            insert into t select g, 'n' || g from generate_series(1, 1000) g;
            alter table t owner to {role}; create table foreign_t (id int)""".encode()
        )
    yield database
    with connect(database, read_only=False) as session:
        session.execute(f"drop owned by {role}".encode())


def rows(address: Address, query: str) -> list[tuple[object, ...]]:
    with connect(address) as session:
        return session.execute(query.encode()).fetchall()


def owner(copy: Address) -> str:
    return str(rows(copy, "select tableowner from pg_tables where tablename = 't'")[0][0])


def migrate(server: Server, copy: Address, folder: Path, text: str, **options: object) -> Trace:
    return run(parse(text, folder), server, copy, **{"role": owner(copy), "folder": folder, **options})  # type: ignore[arg-type]


def sql(server: Server, copy: Address, folder: Path, text: str, **options: object) -> Trace:
    (folder / "up.sql").write_text(text)
    return migrate(server, copy, folder, "up.sql", **options)


def test_a_file_runs_as_the_role_and_is_seen(server: Server, copy: Address, tmp_path: Path) -> None:
    role = owner(copy)
    trace = sql(
        server, copy, tmp_path, "alter table t add column x int;\ncreate table made as select session_user as me;\n"
    )
    assert rows(copy, "select me from public.made") == [(role,)]
    assert [(one.text, one.error) for one in trace.statements] == [
        ("alter table t add column x int;", None),
        ("create table made as select session_user as me;", None),
    ]
    assert all(one.duration is not None and one.duration > 0 for one in trace.statements)
    assert trace.observed
    assert trace.sessions == 1
    assert trace.wal is not None
    assert trace.wal > 0
    assert 0 < trace.seconds < 30
    assert "ALTER TABLE" in trace.output


def test_a_failure_names_file_line_and_sqlstate_and_what_ran_before_stays(
    server: Server, copy: Address, tmp_path: Path
) -> None:
    with pytest.raises(FailedRun) as caught:
        sql(server, copy, tmp_path, "create table one ();\n\nselect nothing_there;\ncreate table two ();\n")
    message = str(caught.value)
    assert caught.value.message == 'up.sql:3: SQLSTATE 42703: column "nothing_there" does not exist'
    assert "psql -f up.sql: exit status 3" in message
    assert "select nothing_there" in message
    assert "LOCATION" not in message
    # The parser's own source is no .c file.
    with pytest.raises(FailedRun) as mistaken:
        sql(server, copy, tmp_path, "creat table three ();\n")
    assert "LOCATION" not in str(mistaken.value)
    failed = caught.value.trace.statements[-1]
    assert (failed.line, failed.error) == (3, '42703: column "nothing_there" does not exist')
    assert rows(copy, "select relname from pg_class where relname in ('one', 'two')") == [("one",)]


def test_in_one_transaction_nothing_stays(server: Server, copy: Address, tmp_path: Path) -> None:
    with pytest.raises(FailedRun, match=r"up\.sql:2"):
        sql(server, copy, tmp_path, "create table one ();\nselect 1/0;\n", transaction=True)
    assert rows(copy, "select count(*) from pg_class where relname = 'one'") == [(0,)]


def test_what_only_psql_understands(server: Server, copy: Address, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "it's.sql").write_text("\\ir inner.sql\n")
    (tmp_path / "more" / "inner.sql").write_text("create table inner_one ();\n")
    sql(
        server, copy, tmp_path,
        "\\set n 7\n\\set ON_ERROR_ROLLBACK off\ninsert into t values (-1, :'n');\ncopy t from stdin;\n"
        "-2\ttwo; -- no comment\n\\.\n"
        "create index concurrently t_name on t (name);\n\\if true\n\\i 'more/it''s.sql'\n\\endif\n"
        "select 'create table generated ()' \\gexec\n",
    )  # fmt: skip
    assert rows(copy, "select name from public.t where id < 0 order by id") == [("two; -- no comment",), ("7",)]
    assert rows(copy, "select count(*) from pg_class where relname in ('t_name', 'inner_one', 'generated')") == [(3,)]


def test_a_folder_runs_in_order_each_file_in_a_session_of_its_own(
    server: Server, copy: Address, tmp_path: Path
) -> None:
    folder = tmp_path / "up"
    folder.mkdir()
    (folder / "10_b.sql").write_text("insert into log values (10, current_setting('work_mem'));")
    (folder / "9_a.sql").write_text("set work_mem = '1MB'; create table log (n int, mem text);")
    trace = migrate(server, copy, tmp_path, "up")
    assert trace.sessions == 2
    assert rows(copy, "select n, mem from public.log") == [(10, "4MB")]


def test_a_folder_in_one_transaction_is_all_or_nothing(server: Server, copy: Address, tmp_path: Path) -> None:
    (tmp_path / "up").mkdir()
    (tmp_path / "up" / "1.sql").write_text("create table one ();")
    (tmp_path / "up" / "2.sql").write_text("\nselect 1/0;")
    with pytest.raises(FailedRun, match=r"2\.sql:2: SQLSTATE 22012"):
        migrate(server, copy, tmp_path, "up", transaction=True)
    assert rows(copy, "select count(*) from pg_class where relname = 'one'") == [(0,)]


@pytest.mark.parametrize(
    "statement",
    [
        "alter table foreign_t add x int",
        "set role postgres",
        "create extension file_fdw",
        "reset role; drop table foreign_t",
    ],
)
def test_missing_rights_show_as_in_production(server: Server, copy: Address, tmp_path: Path, statement: str) -> None:
    with pytest.raises(FailedRun, match="SQLSTATE 42501"):
        sql(server, copy, tmp_path, statement + ";")


def test_a_command_gets_the_copys_address(server: Server, copy: Address, tmp_path: Path) -> None:
    psql = "psql -X -c"
    trace = migrate(
        server, copy, tmp_path,
        f'cmd:{psql} "create table by_env ()" && {psql} "create table by_url ()" "$DATABASE_URL" && '
        f'{psql} "create table by_name ()" "$CRM" && {psql} "create table by_dsn ()" "$CRM_DSN" && pwd',
        env={"CRM": "{url}", "CRM_DSN": "{dsn}"},
    )  # fmt: skip
    assert rows(copy, "select count(*) from pg_class where relname like 'by\\_%'") == [(4,)]
    assert trace.sessions == 4
    assert len(trace.statements) == 4
    assert str(tmp_path) in trace.output


def test_a_command_runs_with_the_python_of_this_environment(server: Server, copy: Address, tmp_path: Path) -> None:
    (tmp_path / "up.py").write_text(
        "import sys, psycopg\n"
        "with psycopg.connect() as c:\n"
        "    c.execute('update t set name = %s where id = %s', ('by params', 1))\n"
        "    c.execute('alter table t add column x int'); c.execute('create index on t (x)')\n"
        "print(sys.executable)\n"
    )
    trace = migrate(server, copy, tmp_path, "cmd:python up.py")
    assert Path(trace.output.strip()).parent == Path(sys.executable).parent
    texts = [one.text for one in trace.statements]
    assert texts == [
        "BEGIN",
        "update t set name = $1 where id = $2",
        "alter table t add column x int",
        "create index on t (x)",
        "COMMIT",
    ]


def test_a_failing_command_shows_its_status_its_output_and_what_the_server_said(
    server: Server, copy: Address, tmp_path: Path
) -> None:
    with pytest.raises(FailedRun) as caught:
        migrate(
            server,
            copy,
            tmp_path,
            "cmd:for i in $(seq 100); do echo line $i; done; psql -X -c 'select 1/0' 2>/dev/null; exit 7",
        )
    message = str(caught.value)
    assert "ended with exit status 7" in message
    assert "the server said: 22012: division by zero" in message
    assert "of the statement: select 1/0" in message
    assert "line 100" in message
    assert "line 50\n" not in message
    assert "line 50\n" in caught.value.trace.output


def test_a_command_that_writes_to_another_database_did_not_run_on_the_copy(
    server: Server, copy: Address, tmp_path: Path
) -> None:
    other = server.create("other")
    try:
        with pytest.raises(FailedRun, match="not run on the copy") as caught:
            migrate(
                server, copy, tmp_path, f"cmd:psql -X -c 'create temp table x ()' -d {other.dbname}", role=SUPERUSER
            )
        assert f"1 session(s) on {other.dbname}" in str(caught.value)
        assert "[migration] env" in str(caught.value)
    finally:
        server.drop(other)


@pytest.mark.parametrize("observed", [True, False])
def test_a_command_that_reaches_no_database_did_not_run_on_the_copy(
    server: Server, copy: Address, tmp_path: Path, observed: bool
) -> None:
    with pytest.raises(FailedRun, match="not run on the copy"):
        migrate(server, copy, tmp_path, "cmd:true", observed=observed)


@pytest.mark.parametrize("observed", [True, False])
def test_a_session_without_a_statement_counts(server: Server, copy: Address, tmp_path: Path, observed: bool) -> None:
    trace = migrate(server, copy, tmp_path, "cmd:psql -X -c ''", observed=observed)
    assert trace.sessions == 1
    assert trace.observed is observed


@pytest.mark.parametrize("form", ["sql", "command"])
def test_past_the_deadline_no_backend_is_left(server: Server, copy: Address, tmp_path: Path, form: str) -> None:
    started = time.monotonic()
    # Scratch servers look after lost clients by themselves; an existing server does not.
    never = "set client_connection_check_interval = 0;\n"
    (tmp_path / "up.sql").write_text(f"{never}create table made ();\nselect pg_sleep(600);")
    text = "up.sql" if form == "sql" else "cmd:psql -X -f up.sql"
    with pytest.raises(FailedRun, match=r"had not ended after 0\.7 s") as caught:
        migrate(server, copy, tmp_path, text, deadline=0.7)
    assert time.monotonic() - started < 10
    assert "pg_sleep(600)" in str(caught.value)
    assert rows(server.address(), f"select count(*) from pg_stat_activity where datname = '{copy.dbname}'") == [(0,)]
    assert caught.value.trace.statements[1].text == "create table made ();"


def test_a_migration_that_waits_for_itself_is_named(server: Server, copy: Address, tmp_path: Path) -> None:
    (tmp_path / "up.py").write_text(
        "import psycopg\n"
        "one, two = psycopg.connect(), psycopg.connect(autocommit=True)\n"
        "one.execute('select count(*) from t')\n"
        "two.execute('alter table t add column x int')\n"
    )
    with pytest.raises(FailedRun) as caught:
        migrate(server, copy, tmp_path, "cmd:python up.py", deadline=1.5)
    message = str(caught.value)
    assert "waits for AccessExclusiveLock on public.t (alter table t add column x int), which an open tr" in message
    assert "last statement: select count(*) from t" in message
    assert "would wait for ever" in message
    assert "blocked by pid" in message
    assert "idle in transaction" in message


def test_a_file_that_waits_is_named_before_its_session_is_gone(server: Server, copy: Address, tmp_path: Path) -> None:
    (tmp_path / "up.sql").write_text(
        "\\! psql -X -q -c 'begin' -c 'lock table t in share mode' -c 'select pg_sleep(60)' >/dev/null & sleep 1\n"
        "alter table t add column x int;\n"
    )
    if server.kind == "container":
        pytest.skip("psql's \\! runs in the container, without the service of this psql")
    with pytest.raises(FailedRun) as caught:
        migrate(server, copy, tmp_path, "up.sql", deadline=3)
    assert "waits for AccessExclusiveLock on public.t" in caught.value.message
    assert "a statement of a session of the migration itself holds" in caught.value.message


def test_a_prepared_transaction_is_named(server: Server, copy: Address, tmp_path: Path) -> None:
    if rows(copy, "select current_setting('max_prepared_transactions')") == [("0",)]:
        pytest.skip("max_prepared_transactions is 0")
    text = "begin; lock table t; prepare transaction 'pgsafe_test'; alter table t add column x int;"
    try:
        with pytest.raises(FailedRun, match="a prepared transaction holds"):
            sql(server, copy, tmp_path, text, deadline=2)
    finally:
        with connect(server.address(copy.dbname), read_only=False) as session:
            session.execute("rollback prepared 'pgsafe_test'")


def test_a_backend_left_behind_by_a_good_end_is_ended(server: Server, copy: Address, tmp_path: Path) -> None:
    migrate(server, copy, tmp_path, "cmd:psql -X -c 'select pg_sleep(600)' >/dev/null & sleep 0.5")
    assert rows(server.address(), f"select count(*) from pg_stat_activity where datname = '{copy.dbname}'") == [(0,)]


def test_a_migration_that_drops_the_copy(server: Server, role: str, tmp_path: Path) -> None:
    doomed = server.create("doomed")
    command = f"cmd:psql -X -d postgres -c 'drop database {doomed.dbname}'"
    with pytest.raises(MigrationError, match="the copy is gone"):
        run(parse(command, tmp_path), server, doomed, role=SUPERUSER, folder=tmp_path)


def test_settings_that_point_at_the_source_do_not_reach_it(
    server: Server, copy: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = server.create("source")
    try:
        with connect(source, read_only=False) as session:
            session.execute("create table public.t (id int, name text); insert into public.t values (1, 'precious')")
        before = rows(source, "select xmin::text, ctid::text, t.* from public.t as t")
        passfile, services = tmp_path / "pgpass", tmp_path / "services"
        passfile.write_text(f"*:*:*:*:{source.parameters['password']}\n")
        passfile.chmod(0o600)
        services.write_text("[crm]\n" + "".join(f"{key}={value}\n" for key, value in source.parameters.items()))
        for name, value in {
            "PGHOST": source.parameters["host"], "PGPORT": source.parameters["port"], "PGDATABASE": source.dbname,
            "PGUSER": source.user, "PGPASSWORD": source.parameters["password"], "PGPASSFILE": str(passfile),
            "PGSERVICEFILE": str(services), "PGSERVICE": "crm", "DATABASE_URL": source.url(),
            "CRM_DB": source.url("postgresql+psycopg"), "CRM_DSN": f"dbname={source.dbname}",
            "CRM_DB_NAME": source.dbname,
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        command = "psql -X -c 'drop table if exists t cascade'"
        trace = migrate(
            server, copy, tmp_path,
            f'cmd:{command} && {command} "${{CRM_DB:-}}" && {command} "${{CRM_DSN:-}}"'
            f' && {command} -d "${{CRM_DB_NAME:-}}"'
            f" && ({command} service=crm || true)",
            source=source,
        )  # fmt: skip
        assert trace.sessions == 4
        assert 'service "crm" not found' in trace.output
        assert rows(source, "select xmin::text, ctid::text, t.* from public.t as t") == before
        assert rows(copy, "select to_regclass('public.t')") == [(None,)]
    finally:
        server.drop(source)


def test_passwords_are_redacted_everywhere(server: Server, copy: Address, tmp_path: Path) -> None:
    password = server.address(copy.dbname, user=owner(copy)).parameters["password"]
    with pytest.raises(FailedRun) as caught:
        migrate(
            server, copy, tmp_path,
            "cmd:echo $DATABASE_URL; cat $PGPASSFILE; "
            "psql -X -c \"alter role current_user password 'new-geheim'\" -c \"select 1/0, 'password=geheim2'\"",
        )  # fmt: skip
    shown = f"{caught.value} {caught.value.trace}"
    assert password not in shown
    assert "geheim" not in shown
    assert "********" in shown


def test_alembic_runs_on_the_copy_whatever_its_file_says(server: Server, copy: Address, tmp_path: Path) -> None:
    pytest.importorskip("alembic")
    versions = tmp_path / "a" / "versions"
    versions.mkdir(parents=True)
    (tmp_path / "alembic.ini").write_text(
        "[alembic]\nscript_location = a\nsqlalchemy.url = postgresql+psycopg://nobody:x%%20y@db.invalid/crm\n"
    )
    (tmp_path / "a" / "env.py").write_text(
        "from alembic import context\nfrom sqlalchemy import engine_from_config, pool\n"
        "engine = engine_from_config(context.config.get_section('alembic'), poolclass=pool.NullPool)\n"
        "with engine.connect() as c:\n    context.configure(connection=c)\n"
        "    with context.begin_transaction(): context.run_migrations()\n"
    )
    (versions / "one.py").write_text(
        "from alembic import op\nimport sqlalchemy as sa\nrevision, down_revision = 'one', None\n"
        "def upgrade():\n    op.add_column('t', sa.Column('by_alembic', sa.Integer()))\n"
    )
    trace = migrate(server, copy, tmp_path, "alembic.ini")
    assert rows(copy, "select version_num from public.alembic_version") == [("one",)]
    assert [(lock.relation, lock.mode, lock.statement) for lock in trace.locks] == [
        ("public.t", "AccessExclusiveLock", "ALTER TABLE t ADD COLUMN by_alembic INTEGER")
    ]


def test_django_runs_on_the_copy_whatever_its_settings_say(server: Server, copy: Address, tmp_path: Path) -> None:
    pytest.importorskip("django")
    app = tmp_path / "shop"
    (app / "migrations").mkdir(parents=True)
    for package in (app, app / "migrations"):
        (package / "__init__.py").touch()
    (tmp_path / "project_settings.py").write_text(
        "SECRET_KEY = 'x'\nINSTALLED_APPS = ['shop']\nUSE_TZ = True\n"
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'HOST': 'db.invalid', 'NAME': 'crm',"
        " 'OPTIONS': {'service': 'crm'}}}\n"
    )
    (tmp_path / "manage.py").write_text(
        "import os, sys\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'project_settings')\n"
        "from django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n"
    )
    (app / "migrations" / "0001_initial.py").write_text(
        "from django.db import migrations\nclass Migration(migrations.Migration):\n"
        "    operations = [migrations.RunSQL('alter table t add column by_django int')]\n"
    )
    trace = migrate(server, copy, tmp_path, "manage.py")
    assert rows(copy, "select app, name from public.django_migrations") == [("shop", "0001_initial")]
    assert [(lock.relation, lock.mode) for lock in trace.locks] == [("public.t", "AccessExclusiveLock")]


def test_a_variable_that_was_taken_out_and_is_asked_for_is_named(
    server: Server, copy: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "of the source")
    monkeypatch.setenv("PGHOST", "source.invalid")
    (tmp_path / "settings.py").write_text(
        "import os\nprint('PGHOST', os.environ['PGHOST'])\nprint(os.environ['PGPASSWORD'])\n"
    )
    with pytest.raises(FailedRun) as failed:
        migrate(server, copy, tmp_path, f"cmd:{sys.executable} settings.py")
    (said,) = [remedy for remedy in failed.value.remedies if "taken out" in remedy]
    # PGHOST was given: it leads to the copy.
    assert said.endswith('[migration] env = { PGPASSWORD = "{password}" }')

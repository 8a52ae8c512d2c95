r"""What a dump or a script would do besides filling its database: left out, or refused with its line."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql

from dump_forms import EMPTY, Made
from pytest_pgsafe.backup import archive
from pytest_pgsafe.backup.restore import restore as run
from pytest_pgsafe.config import forms as words
from pytest_pgsafe.config.values import Source
from pytest_pgsafe.errors import ConfigError, PgsafeError, StepError
from pytest_pgsafe.rehearsal.preflight import preflight
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.runbook.admission import Order
from pytest_pgsafe.runbook.restore import restore
from pytest_pgsafe.runbook.verify import Scratch, verify
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms
from test_rehearsal import settings

HEAD = "--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n\n"
END = "\n--\n-- PostgreSQL database dump complete\n--\n\n"
FILLED = "CREATE TABLE public.t (n integer);\nCOPY public.t (n) FROM stdin;\n1\n\\.\n"

#: What is refused on every server; FILE must not come to be.
NEVER = {
    "shell": "\\! touch FILE",
    "shell behind a harmless command": "\\echo x \\! touch FILE",
    "backticks": "\\set x `touch FILE`",
    "pipe": "select 1 \\g | touch FILE",
    "output to a pipe": "\\o | touch FILE",
    "output": "\\out FILE",
    "included": "\\i FILE",
    "included, relative": "\\ir FILE",
    "copy to a program": "\\copy public.t to program 'touch FILE'",
    "copy from a file": "\\copy public.t from 'FILE'",
    "the server's program": "COPY public.t FROM PROGRAM 'touch FILE';",
    "the server's file": "copy public.t\nto 'FILE' with (format csv);",
    "environment": "\\setenv PAGER 'touch FILE'",
    "large object": "\\lo_import FILE",
    "variable": "\\set x 'y'\n:x",
    "made statements": "select 'drop table t' \\gexec",
}
#: What is refused where the server is not ours.
CLUSTER = {
    "role": "CREATE ROLE intruder LOGIN;",
    "user": 'create user "Intruder" with superuser;',
    "role altered": "ALTER ROLE postgres SET search_path TO evil;",
    "role dropped": "DROP ROLE IF EXISTS reader;",
    "membership": "GRANT pg_read_all_data TO PUBLIC_READER;",
    "tablespace": "CREATE TABLESPACE fast LOCATION '/tmp/fast';",
    "server": "ALTER SYSTEM SET fsync = off;",
}


@pytest.fixture(autouse=True)
def untouched(server: Server) -> Iterator[None]:
    before = around(server)
    yield
    assert around(server) == before


def around(server: Server) -> tuple[object, ...]:
    with connect(server.address()) as session:
        databases = session.execute("select datname from pg_database order by 1").fetchall()
        roles = session.execute("select rolname from pg_roles order by 1").fetchall()
        relations = session.execute("select relname from pg_class where oid >= 16384 order by 1").fetchall()
    return databases, roles, relations


@pytest.fixture
def scratch(server: Server, monkeypatch: pytest.MonkeyPatch) -> Scratch:
    monkeypatch.setenv("PGPASSWORD", server.address().parameters.get("password", ""))
    return Scratch(use=server.address().url() if server.kind == "existing" else server.kind, superuser=True)


def refused(server: Server, scratch: Scratch, path: Path, folder: Path) -> Iterator[PgsafeError]:
    """Yield how a dump is refused as a source, by verify and by restore."""
    with pytest.raises(ConfigError) as as_source:
        preflight(settings(server, words.source([str(path)], base=folder, origin="--pgsafe-source"), None, folder))
    yield as_source.value
    yield not_verified(path, scratch)
    with pytest.raises(ConfigError) as restored:
        restore(path, server.address("intruded"), Order())
    yield restored.value


@pytest.mark.parametrize("line", NEVER.values(), ids=NEVER)
def test_a_dump_that_leads_out(server: Server, scratch: Scratch, tmp_path: Path, line: str) -> None:
    file = tmp_path / "made"
    path = tmp_path / "dump.sql"
    path.write_text(f"{HEAD}{FILLED}{line.replace('FILE', str(file))}\n{END}")
    for error in refused(server, scratch, path, tmp_path):
        assert "do more than fill its database" in error.message
        assert any("line 11: " in where for where in error.looked_at), error
        assert "sed '11d'" in error.remedies[0]
    assert not file.exists()


@pytest.mark.parametrize("line", CLUSTER.values(), ids=CLUSTER)
def test_a_dump_that_changes_the_cluster_of_others(server: Server, scratch: Scratch, tmp_path: Path, line: str) -> None:
    path = tmp_path / "dump.sql"
    path.write_text(f"{HEAD}{FILLED}{line}\n{END}")
    with pytest.raises(ConfigError, match="an existing server is not changed") as caught:
        restore(path, server.address("intruded"), Order())
    assert f"line 11: {line.rstrip(';')}" in str(caught.value)
    if server.kind == "existing":
        with pytest.raises(ConfigError, match="an existing server is not changed"):
            verify(path, scratch)


def not_verified(path: Path, scratch: Scratch) -> PgsafeError:
    """Return why a dump is not verified: before the start, or as its form."""
    try:
        found = verify(path, scratch)
    except ConfigError as error:
        return error
    [failed] = [one for one in found.outcomes if one.result == "failed"]
    message, *rest = failed.said.split("\n")
    looked = [line.partition(": ")[2] for line in rest if "looked at" in line]
    return StepError(message, looked_at=looked, remedies=[line.partition(": ")[2] for line in rest if "remedy" in line])


#: What looks like it and is none.
HARMLESS = {
    "rows": "COPY public.t2 (x) FROM stdin;\n\\\\! id\n\\\\connect postgres\n\\.\n",
    "rows of INSERT": "INSERT INTO public.t2 VALUES ('\\! id'), ('\n\\connect postgres\n'), (E'\\\\! \\' \\\\! id');\n",
    "comment": "-- \\! id\n/* \\connect postgres\n\\! id /* CREATE DATABASE x; */ */\n",
    "dollar quotes": "CREATE FUNCTION public.f() RETURNS text LANGUAGE sql AS $_$ SELECT '\n\\! id\n'\n"
    " 'CREATE ROLE x;' $_$;\n",
    "name": 'CREATE TABLE public."\\! id" ();\nCREATE TABLE public."x\n\\connect postgres" ();\n',
    "description": "COMMENT ON TABLE public.t2 IS 'it''s\n\\! id; CREATE DATABASE x;';\n",
    "printing": "\\echo hello\n\\set ON_ERROR_STOP on\n\\timing\n\\pset pager off\n\\encoding UTF8\n",
}


@pytest.mark.parametrize("text", HARMLESS.values(), ids=HARMLESS)
def test_what_only_looks_like_it(server: Server, scratch: Scratch, tmp_path: Path, text: str) -> None:
    path = tmp_path / "dump.sql"
    path.write_text(f"{HEAD}{FILLED}CREATE TABLE public.t2 (x text);\n{text}{END}")
    found = verify(path, scratch)
    assert {one.name for one in found.outcomes if one.result == "failed"} == set(), found.outcomes
    into = server.address("harmless")
    try:
        assert restore(path, into, Order()).relations >= 2
    finally:
        with connect(server.address(), read_only=False) as session:
            session.execute("drop database if exists harmless")


def test_of_two_databases_each_is_taken_by_the_command_that_is_told(
    server: Server, scratch: Scratch, tmp_path: Path
) -> None:
    one = f"CREATE DATABASE one;\n\\connect one\n\n{HEAD}{FILLED}{END}"
    two = f"CREATE DATABASE two;\n\\connect two\n\n{HEAD}{FILLED.replace('public.t', 'public.other')}{END}"
    path = tmp_path / "all.sql"
    path.write_text(
        "--\n-- PostgreSQL database cluster dump\n--\n\nCREATE ROLE postgres;\nALTER ROLE postgres WITH SUPERUSER;\n\n"
        f'--\n-- Database "template1" dump\n--\n\n\\connect template1\n\n{EMPTY}\n'
        f'--\n-- Database "one" dump\n--\n\n{one}\n--\n-- Database "two" dump\n--\n\n{two}\n'
        "--\n-- PostgreSQL database cluster dump complete\n--\n"
    )
    for error in refused(server, scratch, path, tmp_path):
        assert "whole cluster (pg_dumpall)" in error.message
        assert "fills 2 databases" in error.message
    subprocess.run(["sh", "-c", error.remedies[1]], cwd=tmp_path, check=True)
    found = verify(tmp_path / "two.sql", scratch)
    assert {one.name for one in found.outcomes if one.result == "failed"} == set(), found.outcomes


def test_a_script_that_makes_its_database(server: Server, tmp_path: Path) -> None:
    script = tmp_path / "schema.sql"
    script.write_text(
        "\\set ON_ERROR_STOP on\ncreate database clinic;\nalter database clinic set work_mem = '5MB';\n\\c clinic\n"
        "\\ir tables.sql\ninsert into public.people values (1);\n"
    )
    (tmp_path / "tables.sql").write_text("create table public.people (id int primary key);\n")
    migration = tmp_path / "migration.sql"
    migration.write_text("alter table public.people add column name text;\n")
    result = rehearse(settings(server, Source(sql=(script,)), migration, tmp_path))
    assert result.verdict == "passed", result
    assert (result.relations, result.rows) == (1, 1)


def test_scripts_for_several_databases(server: Server, tmp_path: Path) -> None:
    script = tmp_path / "schema.sql"
    script.write_text("create table a (n int);\n\\connect postgres\ncreate table intruder (n int);\n")
    with pytest.raises(ConfigError, match="several databases") as caught:
        preflight(settings(server, Source(sql=(script,)), None, tmp_path))
    assert f"sed -n '2,3p' {script} > postgres.sql" in caught.value.remedies
    script.write_text("create table a (n int);\n\\i inner.sql\n")
    (tmp_path / "inner.sql").write_text("\\connect postgres\ncreate table intruder (n int);\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        with pytest.raises(ConfigError, match="included reaches another database"):
            preflight(settings(server, Source(sql=(script,)), None, tmp_path))


def test_a_script_that_names_roles(server: Server, tmp_path: Path) -> None:
    script = tmp_path / "schema.sql"
    script.write_text(
        "create table public.people (id int);\nalter table public.people owner to app_of_nobody;\n"
        'grant select on public.people to "Reader of nobody", public;\n'
    )
    result = rehearse(settings(server, Source(sql=(script,)), None, tmp_path))
    assert result.verdict == "passed", result
    lacking = {one.object for one in result.not_verified if "Reader of nobody" in one.reason}
    assert lacking == ({"owners and privileges"} if server.kind == "existing" else set())


def test_a_subscription_is_not_what_the_migration_dropped(server: Server, tmp_path: Path) -> None:
    """No clone has a subscription: it is the cluster's."""
    dump, migration = tmp_path / "dump.sql", tmp_path / "more.sql"
    subscription = (
        "CREATE SUBSCRIPTION orders CONNECTION 'host=127.0.0.1 port=9' PUBLICATION p WITH (connect = false);\n"
    )
    dump.write_text(f"{HEAD}{FILLED}{subscription}{END}")
    migration.write_text("create table public.more (id int primary key);")
    result = rehearse(settings(server, Source(backup=dump), migration, tmp_path))
    assert result.verdict == "passed", result
    assert ("orders", "a subscription: the copy has none") in {(one.object, one.reason) for one in result.not_verified}


@pytest.mark.parametrize(
    "text",
    [
        "\\connect postgres\ncreate table intruder (n int);\n",
        '\\c "dbname=postgres host=/tmp"\n',
        "create database x;\n",
    ],
)
def test_a_migration_that_reaches_another_database(server: Server, tmp_path: Path, text: str) -> None:
    if server.kind != "existing":
        pytest.skip("on a server of ours nobody else's database is")
    script, migration = tmp_path / "schema.sql", tmp_path / "migration.sql"
    script.write_text("create table public.people (id int);\n")
    migration.write_text(text)
    with pytest.raises(ConfigError, match="reaches another database than the copy"):
        preflight(settings(server, Source(sql=(script,)), migration, tmp_path))


def test_a_live_database_is_not_filled_by_a_part_of_a_cluster(
    server: Server, database: Address, scratch: Scratch, tmp_path: Path
) -> None:
    r"""The ``\connect`` names a database that is there."""
    with connect(database, read_only=False) as session:
        session.execute("create table public.mine (n int)")
    path = tmp_path / "part.sql"
    for begin in (f"\\connect {database.dbname}\n", f"CREATE DATABASE {database.dbname};\n\\c {database.dbname}\n",
                  f"\\connect -reuse-previous=on \"dbname='{database.dbname}'\"\n"):  # fmt: skip
        path.write_text(f"{begin}{HEAD}{FILLED}{END}")
        found = verify(path, scratch)
        assert {one.name for one in found.outcomes if one.result == "failed"} == set(), found.outcomes
        into = server.address("part")
        try:
            done = restore(path, into, Order())
            assert done.relations == 1
            assert any("left out" in note and "\\c" in note for note in done.notes), done.notes
        finally:
            with connect(server.address(), read_only=False) as session:
                session.execute("drop database if exists part")
        with connect(database) as session:
            assert session.execute("select to_regclass('public.t')").fetchone() == (None,)


def test_thousands_of_tables_need_no_room_for_locks(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "dump.sql"
    tables = "".join(f"CREATE TABLE public.t{n} (n integer PRIMARY KEY, x text);\n" for n in range(3000))
    path.write_text(f"{HEAD}{tables}{END}")
    into = server.address("thousands")
    try:
        assert restore(path, into, Order()).relations == 3000
    finally:
        with connect(server.address(), read_only=False) as session:
            session.execute("drop database if exists thousands")


def test_a_dump_of_an_older_server_by_a_newer_pg_dump(server: Server, scratch: Scratch, tmp_path: Path) -> None:
    path = tmp_path / "dump.sql"
    path.write_text(
        "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\n-- Dumped from database version 14.2\n"
        f"-- Dumped by pg_dump version 19.0\n\nSET transaction_timeout = 0;\n{FILLED}{END}\\unrestrict abc\n\n"
    )
    found = verify(path, scratch)
    assert {one.name for one in found.outcomes if one.result == "failed"} == set(), found.outcomes
    plan = preflight(settings(server, Source(backup=path), None, tmp_path))
    assert plan.source.least_major == 14


def test_rows_alone_say_so(server: Server, database: Address, tmp_path: Path) -> None:
    with connect(database, read_only=False) as session:
        session.execute("create table public.t (n int); insert into public.t values (1)")
    made = Made(server.programs, database, tmp_path)
    for form in ("plain", "custom"):
        path = made.dump("--data-only", f"--format={form}", name=form)
        with pytest.raises(StepError, match=r"rows alone \(--data-only\)"):
            restore(path, server.address("alone"), Order())
    # A table that another one wants is another matter.
    path = tmp_path / "broken.sql"
    path.write_text(f"{HEAD}CREATE VIEW public.v AS SELECT * FROM public.gone;\n{END}")
    with pytest.raises(StepError, match=r'relation "public\.gone" does not exist') as caught:
        restore(path, server.address("alone"), Order())
    assert caught.value.remedies == ()


def test_an_error_of_pg_restore_names_the_object_and_the_statement(
    server: Server, database: Address, tmp_path: Path
) -> None:
    with connect(database, read_only=False) as session:
        session.execute("create role builder_of_errors")
        session.execute("create table public.t (n int); alter table public.t owner to builder_of_errors")
    path = Made(server.programs, database, tmp_path).dump("--format=custom", name="custom")
    with connect(database, read_only=False) as session:
        session.execute("drop owned by builder_of_errors")
        session.execute("drop role builder_of_errors")
    with pytest.raises(PgsafeError, match="lacks 1 role of the backup: builder_of_errors"):
        restore(path, server.address("erring"), Order())
    with connect(server.address(), read_only=False) as session:
        session.execute(sql.SQL("create database erring"))
    try:
        with pytest.raises(PgsafeError) as caught:
            run(archive.recognise(path), server.address("erring"), server.programs)
    finally:
        with connect(server.address(), read_only=False) as session:
            session.execute("drop database erring")
    assert "TABLE t builder_of_errors" in str(caught.value)
    assert "[ALTER TABLE public.t OWNER TO builder_of_errors;]" in str(caught.value)
    assert "the backup names the role builder_of_errors" in str(caught.value)


def test_names_with_line_ends(server: Server, database: Address, scratch: Scratch, tmp_path: Path) -> None:
    with connect(database, read_only=False) as session:
        session.execute(
            b'create role "ro\nle"; create schema "sch\nema"; create table "sch\nema"."line\nend" ("col\numn" int);'
            b' alter table "sch\nema"."line\nend" owner to "ro\nle";'
            b' create policy "p\n" on "sch\nema"."line\nend" to "ro\nle" using (true);'
            b' comment on table "sch\nema"."line\nend" is \'a\n\\connect postgres\nb\''
        )
    made = Made(server.programs, database, tmp_path)
    try:
        for form in ("plain", "custom", "directory", "tar"):
            found = verify(made.dump(f"--format={form}", name=form), scratch)
            assert {one.name for one in found.outcomes if one.result == "failed"} == set(), found.outcomes
    finally:
        with connect(database, read_only=False) as session:
            session.execute(b'drop owned by "ro\nle" cascade; drop role "ro\nle"')


@pytest.mark.parametrize("options", [[], ["--clean", "--if-exists"], ["--quote-all-identifiers", "--inserts"]])
def test_the_one_database_of_a_cluster(
    scratch: Scratch, programs: LocalPrograms, tmp_path: Path, options: list[str]
) -> None:
    """By pg_dumpall itself, of a cluster of its own."""
    path = tmp_path / "all.sql"
    with LocalServer.start(programs, reason="a cluster to dump") as host:
        with connect(host.address(), read_only=False) as session:
            session.execute('create role "shop keeper" login')
            session.execute('create database "my shop" owner "shop keeper"')
        with connect(host.address("my shop"), read_only=False) as session:
            session.execute("create table public.t (n int); insert into public.t values (1), (2)")
        done = programs.run("pg_dumpall", options, address=host.address(), stdout=path)
        assert done.returncode == 0, done.stderr
    found = verify(path, scratch)
    assert {one.name for one in found.outcomes if one.result == "failed"} == set(), found.outcomes
    assert any("of the cluster's dump lines" in one for one in found.not_verified), found.not_verified


def test_session_authorization_is_told_what_helps(server: Server, database: Address, tmp_path: Path) -> None:
    """The owner may create nothing in a database that is another's: psql takes it no better."""
    with connect(database, read_only=False) as session:
        session.execute("create role session_owner; create schema s authorization session_owner")
        session.execute("create table s.t (n int); alter table s.t owner to session_owner")
    path = Made(server.programs, database, tmp_path).dump("--use-set-session-authorization")
    into = server.address("authorized")
    try:
        with pytest.raises(StepError, match="permission denied for database") as caught:
            restore(path, into, Order())
        assert any("say --no-owner" in one for one in caught.value.remedies)
        assert restore(path, into, Order(owners=False)).relations == 1
    finally:
        with connect(server.address(), read_only=False) as session:
            session.execute("drop database if exists authorized")
        with connect(database, read_only=False) as session:
            session.execute("drop owned by session_owner cascade; drop role session_owner")

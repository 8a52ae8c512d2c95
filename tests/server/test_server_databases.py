"""Scratch databases on every kind of server: made, cloned and dropped, and nothing else touched."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pytest_pgsafe.errors import CopyError, ServerError
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import MARK, SCRATCH_PREFIX, Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.owned import set_password

ROLES = ("server_owner", "server_granter", "server_reader")


@pytest.fixture
def roles(server: Server) -> Iterator[tuple[str, ...]]:
    """Three roles without LOGIN; only where roles may be made."""
    if not server.owns_cluster:
        pytest.skip("no role is created on a server that is not ours")
    with connect(server.address(), read_only=False) as session:
        for role in ROLES:
            session.execute(f"create role {role} nologin")
    yield ROLES
    with connect(server.address(), read_only=False) as session:
        for role in ROLES:
            session.execute(f"drop role {role}")


def rows(address: Address, query: str) -> list[tuple[Any, ...]]:
    with connect(address) as session:
        return session.execute(query).fetchall()


def execute(address: Address, *statements: str) -> None:
    with connect(address, read_only=False) as session:
        for statement in statements:
            session.execute(statement)


def exists(server: Server, name: str) -> bool:
    return bool(rows(server.address(), f"select 1 from pg_database where datname = '{name}'"))


def test_created_database_is_empty_marked_and_unique(server: Server) -> None:
    one, two = server.create("Before/1"), server.create("Before/1")
    try:
        assert one.dbname != two.dbname
        assert one.dbname.startswith(f"{SCRATCH_PREFIX}before_1_")
        (comment,) = rows(
            one,
            "select shobj_description(oid, 'pg_database') from pg_database where datname = current_database()",
        )[0]
        assert comment.startswith(MARK)
        assert rows(one, "select count(*) from pg_class where relnamespace = 'public'::regnamespace") == [(0,)]
    finally:
        server.drop(one)
        server.drop(two)
    assert not exists(server, one.dbname)


def test_long_name_fits(server: Server) -> None:
    address = server.create("x" * 100)
    assert len(address.dbname) <= 63
    assert exists(server, address.dbname)
    server.drop(address)


def test_options_of_create_database(server: Server) -> None:
    address = server.create(
        "latin", options={"encoding": "LATIN1", "lc_collate": "C", "lc_ctype": "C", "connection_limit": "7"}
    )
    assert rows(
        address,
        "select pg_encoding_to_char(encoding)::text, datcollate::text, datctype::text, datconnlimit"
        " from pg_database where datname = current_database()",
    ) == [("LATIN1", "C", "C", 7)]
    server.drop(address)


def test_unknown_option_is_refused(server: Server) -> None:
    with pytest.raises(CopyError, match="no_such_option"):
        server.create("x", options={"no_such_option": "1"})


def test_clone_keeps_identity_and_content(server: Server, database: Address) -> None:
    execute(
        database,
        "create table public.t (gone int, a int, b text)",
        "alter table public.t drop column gone",
        "insert into public.t select n, repeat('x', n) from generate_series(1, 1000) n",
        "create index i on public.t (b)",
        "create unlogged table public.u as select 1 as one",
    )
    query = (
        "select oid, relname::text, relfilenode, (select array_agg((attname::text, attnum) order by attnum)::text"
        " from pg_attribute where attrelid = c.oid) from pg_class c"
        " where relnamespace = 'public'::regnamespace order by oid"
    )
    copy = server.clone(database, "after")
    try:
        assert rows(copy, query) == rows(database, query)
        assert rows(copy, "select count(*), sum(a), sum(length(b)) from public.t") == [(1000, 500500, 500500)]
        assert rows(copy, "select one from public.u") == [(1,)]
        execute(copy, "delete from public.t")
        assert rows(database, "select count(*) from public.t") == [(1000,)]
    finally:
        server.drop(copy)


def test_clone_ends_the_sessions_of_its_source(server: Server, database: Address) -> None:
    with connect(database) as session:
        copy = server.clone(database, "after")
        with pytest.raises(psycopg.OperationalError):
            session.execute("select 1")
    server.drop(copy)


SETTINGS = (
    "select coalesce((setrole::regrole)::text, ''), setconfig from pg_db_role_setting s join pg_database d"
    " on d.oid = s.setdatabase where d.datname = current_database() order by 1"
)
ATTRIBUTES = (
    "select datdba::regrole::text, encoding, datcollate, datctype, datconnlimit, datacl::text"
    " from pg_database where datname = current_database()"
)


def test_clone_carries_settings_owner_and_privileges(server: Server, roles: tuple[str, ...], database: Address) -> None:
    owner, granter, reader = roles
    name = database.dbname
    execute(
        database,
        f"alter database {name} owner to {owner}",
        f"alter database {name} connection limit 17",
        f"""alter database {name} set search_path to "$user", public, 'odd "name', 'Comma, Inside'""",
        f"alter database {name} set work_mem to 4096",
        f"alter database {name} set app.tenant to 'it''s \\ \"quoted\"'",
        f"alter database {name} set datestyle to 'German'",
        f"alter role {reader} in database {name} set statement_timeout to '5s'",
        f"alter role {reader} in database {name} set search_path to ''",
        f"revoke connect on database {name} from public",
        f"grant connect, create on database {name} to {granter} with grant option",
        f"set role {granter}",
        f"grant connect on database {name} to {reader}",
    )
    copy = server.clone(database, "after")
    try:
        assert rows(copy, SETTINGS) == rows(database, SETTINGS)
        assert rows(copy, ATTRIBUTES) == rows(database, ATTRIBUTES)
        assert rows(copy, ATTRIBUTES)[0][0] == owner
        assert f"{reader}=c/{granter}" in rows(copy, ATTRIBUTES)[0][5]
        again = server.clone(copy, "again")
        assert rows(again, SETTINGS) == rows(database, SETTINGS)
        assert rows(again, ATTRIBUTES) == rows(database, ATTRIBUTES)
        server.drop(again)
    finally:
        server.drop(copy)


def test_clone_of_a_database_without_any_privilege(server: Server, roles: tuple[str, ...], database: Address) -> None:
    execute(
        database,
        f"alter database {database.dbname} owner to {roles[0]}",
        f"revoke all on database {database.dbname} from public, {roles[0]}",
    )
    copy = server.clone(database, "after")
    assert rows(copy, "select datacl::text from pg_database where datname = current_database()") == [("{}",)]
    server.drop(copy)


@pytest.mark.parametrize("act", ["drop", "clone"])
def test_database_without_the_mark_is_refused(server: Server, database: Address, act: str) -> None:
    [(before,)] = rows(
        database, "select shobj_description(oid, 'pg_database') from pg_database where datname = current_database()"
    )
    execute(database, f"comment on database {database.dbname} is 'somebody''s'")
    try:
        with pytest.raises(CopyError, match="was not made by pgsafe"):
            server.drop(database) if act == "drop" else server.clone(database, "x")
        assert exists(server, database.dbname)
    finally:
        execute(database, f"comment on database {database.dbname} is '{before}'")


def test_marked_database_of_another_name_is_refused(server: Server) -> None:
    execute(server.address(), "create database server_other template template0")
    try:
        execute(server.address(), f"comment on database server_other is '{MARK}'")
        with pytest.raises(CopyError, match="was not made by pgsafe"):
            server.drop(server.address("server_other"))
        assert exists(server, "server_other")
    finally:
        execute(server.address(), "drop database server_other")


def test_postgres_template_and_missing_databases_are_refused(server: Server) -> None:
    for name in ("postgres", "template1"):
        with pytest.raises(CopyError, match="was not made by pgsafe"):
            server.drop(server.address(name))
    with pytest.raises(CopyError, match="there is no database"):
        server.drop(server.address("pgsafe_nowhere"))


def test_address_of_another_server_is_refused(server: Server, database: Address) -> None:
    with pytest.raises(CopyError, match="not on this scratch server"):
        server.drop(database.with_(port="1"))
    assert exists(server, database.dbname)


def test_drop_ends_sessions_and_prepared_transactions(server: Server) -> None:
    address = server.create("busy")
    with connect(address, read_only=False) as session:
        if session.execute("show max_prepared_transactions").fetchone() != ("0",):
            session.execute("begin")
            session.execute("create table public.t ()")
            session.execute("prepare transaction 'server_prepared'")
        server.drop(address)
    assert not exists(server, address.dbname)


def test_drop_of_a_database_with_a_subscription(server: Server) -> None:
    if not server.owns_cluster:
        pytest.skip("subscriptions of others are not touched")
    address = server.create("subscribed")
    execute(
        address,
        "create subscription server_sub connection 'host=127.0.0.1 port=1 dbname=nowhere' publication p"
        " with (connect = false, slot_name = 'server_slot')",
    )
    server.drop(address)
    assert not exists(server, address.dbname)


def test_other_role_logs_in_itself(server: Server, roles: tuple[str, ...], database: Address) -> None:
    owner = roles[0]
    execute(server.address(), f"alter role {owner} connection limit 0 valid until '2001-01-01'")
    address = server.address(database.dbname, user=owner)
    assert address == server.address(database.dbname, user=owner)
    assert address.parameters["password"] not in f"{address} {address!r}"
    assert rows(address, "select session_user::text, current_user::text") == [(owner, owner)]
    with connect(address, read_only=False) as session:
        session.execute("reset role")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("create role server_another")


def test_role_that_is_not_there(server: Server) -> None:
    with pytest.raises(ServerError, match="no role 'server_nobody'"):
        server.address(user="server_nobody")


def test_nobody_gets_in_without_the_password(server: Server) -> None:
    if not server.owns_cluster:
        pytest.skip("who gets into a server that is not ours is not our doing")
    address = server.address()
    with pytest.raises(psycopg.OperationalError, match="password"):
        connect(address.with_(password=None, passfile="/nonexistent"))
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(address.with_(password="postgres"))


def test_server_is_of_the_major_that_was_asked_for(server: Server, request: pytest.FixtureRequest) -> None:
    kind, _, which = request.node.callspec.params["server"].partition(":")
    assert server.kind == kind
    if which.isdecimal():
        assert server.version.major == int(which)
    assert server.programs.version.major == server.version.major


def test_version_and_description(server: Server) -> None:
    assert rows(server.address(), "select current_setting('server_version_num')::int") == [(server.version.number,)]
    description = server.describe()
    assert description["kind"] == server.kind
    assert description["version"] == str(server.version)
    assert description["origin"]
    assert description["reason"]
    assert server.programs.version.major >= server.version.major


def test_settings_are_for_throw_away_data(server: Server) -> None:
    if not server.owns_cluster:
        pytest.skip("nothing is changed on a server that is not ours")
    wanted = {
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
        "wal_level": "replica",
        "autovacuum": "off",
        "archive_mode": "off",
        "data_checksums": "off",
        "logging_collector": "on",
        "TimeZone": "UTC",
        "lc_messages": "C",
    }
    found = dict(rows(server.address(), "select name, setting from pg_settings"))
    assert {name: found[name] for name in wanted} == {**wanted, "TimeZone": "UTC"}


def test_settings_can_be_changed_while_it_runs(server: Server) -> None:
    if not server.owns_cluster:
        pytest.skip("nothing is changed on a server that is not ours")
    execute(server.address(), "alter system set wal_keep_size = '2GB'", "select pg_reload_conf()")
    try:
        with connect(server.address()) as session:
            for _ in range(100):
                found = session.execute("show wal_keep_size").fetchone()
                if found == ("2GB",):
                    break
                session.execute("select pg_sleep(0.02)")
        assert found == ("2GB",)
    finally:
        execute(server.address(), "alter system reset wal_keep_size", "select pg_reload_conf()")


def test_log_tells_what_ran(server: Server, database: Address) -> None:
    _, before = server.log()
    execute(database, f"alter database {database.dbname} set log_statement to 'all'")
    odd = "select 'a \"quoted\" line\n\tand, another ä'"
    with connect(database, read_only=False) as session:
        pid = session.info.backend_pid
        session.execute(odd)
        with pytest.raises(psycopg.errors.DivisionByZero):
            session.execute("select 1/0")
    if not server.owns_cluster:
        records, after = server.log(since=before)
        assert (list(records), after) == ([], before)
        return
    # The collector writes what it was told a moment later.
    until = time.monotonic() + 30
    own: list[Any] = []
    while not any(record["error_severity"] == "ERROR" for record in own) and time.monotonic() < until:
        records, after = server.log(since=before)
        own = [record for record in records if record.get("pid") == pid]
    assert f"statement: {odd}" in [record["message"] for record in own]
    (failed,) = [record for record in own if record["error_severity"] == "ERROR"]
    assert failed["state_code"] == "22012"
    assert failed["message"] == "division by zero"
    assert failed["statement"] == "select 1/0"
    assert failed["dbname"] == database.dbname
    assert failed["application_name"] == "pgsafe"
    assert failed["backend_type"] == "client backend"
    assert server.log(since=after)[1] >= after
    assert not [record for record in server.log(since=after)[0] if record in own]


def test_programs_dump_and_restore(server: Server, database: Address, tmp_path: Path) -> None:
    execute(database, "create table public.t as select n, 'ä' || n as text from generate_series(1, 100) n")
    archive = tmp_path / "archive.dump"
    done = server.programs.run("pg_dump", ["--format=custom"], address=database, stdout=archive, deadline=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert archive.read_bytes()[:5] == b"PGDMP"
    copy = server.create("restored")
    done = server.programs.run(
        "pg_restore",
        ["--exit-on-error", "--dbname=service=pgsafe", str(archive)],
        address=copy,
        files=[archive],
        deadline=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert rows(copy, 'select count(*), max(text collate "C") from public.t') == [(100, "ä99")]
    server.drop(copy)


def test_programs_dump_into_a_folder_in_parallel(server: Server, database: Address, tmp_path: Path) -> None:
    execute(database, "create table public.t as select 1 as one", "create table public.u as select 2 as two")
    folder = tmp_path / "folder"
    done = server.programs.run(
        "pg_dump",
        ["--format=directory", "--jobs=2", f"--file={folder}"],
        address=database,
        files=[folder],
        deadline=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (folder / "toc.dat").is_file()
    copy = server.create("restored")
    done = server.programs.run(
        "pg_restore",
        ["--exit-on-error", "--jobs=2", "--dbname=service=pgsafe", str(folder)],
        address=copy,
        files=[folder],
        deadline=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert rows(copy, "select two from public.u") == [(2,)]
    server.drop(copy)


def test_programs_take_standard_input_and_print(server: Server, database: Address, tmp_path: Path) -> None:
    script = tmp_path / "script.sql"
    script.write_text("select 'ünï' || current_database();\n", "utf-8")
    done = server.programs.run(
        "psql",
        ["-XAt"],
        address=database,
        stdin=script,
        environment={"PGCLIENTENCODING": "UTF8"},
        deadline=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"ünï{database.dbname}\n", "")


def test_program_that_fails(server: Server, database: Address) -> None:
    done = server.programs.run("psql", ["-XAt", "-c", "select nonsense"], address=database, deadline=60)
    assert done.returncode == 1
    assert 'column "nonsense" does not exist' in done.stderr


def test_program_past_its_deadline(server: Server, database: Address) -> None:
    """The program is ended, and on a server of ours its query too."""
    with pytest.raises(TimeoutError, match="psql was ended: it had not finished after 1 s"):
        server.programs.run("psql", ["-XAt", "-c", "select pg_sleep(30)"], address=database, deadline=1)
    if not server.owns_cluster:
        return
    with connect(server.address()) as session:
        for _ in range(100):
            found = session.execute(
                "select count(*) from pg_stat_activity where datname = %s and query like '%%pg_sleep(30)%%'",
                (database.dbname,),
            ).fetchone()
            if found == (0,):
                break
            session.execute("select pg_sleep(0.05)")
    assert found == (0,)


def test_program_that_is_not_there(server: Server) -> None:
    with pytest.raises(ServerError, match="no program pg_nonsense"):
        server.programs.run("pg_nonsense", [])


def test_program_does_not_ask_for_a_password(server: Server, database: Address) -> None:
    if not server.owns_cluster:
        pytest.skip("a server that is not ours may trust us")
    done = server.programs.run("psql", ["-XAtc", "select 1"], address=database.with_(password=None), deadline=20)
    assert done.returncode == 2
    assert "password" in done.stderr


@pytest.mark.parametrize("password", ["trailing blank ", "a:b\\c \t", "#'\"=$(x)", "long" * 200, " leading"])
def test_programs_take_any_password(server: Server, database: Address, password: str) -> None:
    if not server.owns_cluster:
        pytest.skip("no role is created on a server that is not ours")
    with connect(server.address(), read_only=False) as session:
        session.execute("create role server_login login")
        set_password(session, "server_login", password)
    try:
        done = server.programs.run(
            "psql",
            ["-XAtc", "select current_user"],
            address=database.with_(user="server_login", password=password),
            deadline=60,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "server_login\n", "")
    finally:
        execute(server.address(), "drop role server_login")

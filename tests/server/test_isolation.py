"""A restored copy cannot reach production by itself."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from pytest_pgsafe.migrate.isolation import isolate
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import Connection, connect


@pytest.fixture
def session(database: Address) -> Iterator[Connection]:
    with connect(database, read_only=False) as opened:
        opened.execute("set search_path = public")
        yield opened


@pytest.fixture
def production(server: Server) -> Iterator[Address]:
    address = server.create("production")
    with connect(address, read_only=False) as opened:
        opened.execute("create table public.secret as select 42 as answer; create publication pub for all tables")
    yield address
    server.drop(address)


def extension(session: Connection, name: str) -> None:
    if session.execute("select 1 from pg_available_extensions where name = %s", (name,)).fetchone() is None:
        pytest.skip(f"the server has no extension {name}")
    session.execute(f"create extension {name} schema public".encode())


def test_an_ordinary_database_takes_one_round_trip(session: Connection, server: Server, database: Address) -> None:
    session.execute("create table t (id int)")
    position = server.log()[1]
    session.execute("set log_statement = 'all'")
    assert isolate(session) == ()
    session.execute("set log_statement = 'none'")
    seen = [str(one["message"]) for one in server.log(since=position)[0] if one.get("dbname") == database.dbname]
    # The statement itself, and the one after it that turns the log off.
    assert len([message for message in seen if message.startswith(("statement:", "execute"))]) <= 2


@pytest.mark.parametrize("more", ["", ", hostaddr '{hostaddr}'", ", service 'crm'"])
def test_a_foreign_server_is_led_nowhere(session: Connection, production: Address, more: str) -> None:
    extension(session, "postgres_fdw")
    at = production.parameters
    session.execute(
        f"""create server crm foreign data wrapper postgres_fdw options (host '{at["host"]}', port '{at["port"]}',
            dbname '{production.dbname}'{more.format(hostaddr=at["host"])});
        create user mapping for public server crm
            options (user '{at["user"]}', password '{at["password"]}', sslpassword 'geheim');
        create foreign table secret (answer int) server crm;
        create server bare foreign data wrapper postgres_fdw options (dbname '{production.dbname}')""".encode()
    )
    if "service" not in more:
        assert session.execute("select answer from secret").fetchall() == [(42,)]
        session.execute("select postgres_fdw_disconnect_all()")
    done = isolate(session)
    with pytest.raises(psycopg.OperationalError, match='could not connect to server "crm"'):
        session.execute("select answer from secret")
    options = dict(session.execute("select srvname, srvoptions from pg_foreign_server").fetchall())
    assert {"host=127.0.0.1", "port=9"} < set(options["crm"])
    assert {"host=127.0.0.1", "port=9"} < set(options["bare"])
    assert not any(one.startswith(("hostaddr", "service")) for one in options["crm"])
    masked = session.execute("select umoptions from pg_user_mapping").fetchall()
    assert masked == [([f"user={at['user']}", "password=pgsafe", "sslpassword=pgsafe"],)]
    assert [line.split(":")[0] for line in done] == [
        "user mapping of public for crm", "foreign server bare", "foreign server crm"
    ]  # fmt: skip


def test_another_wrapper_loses_its_handler(session: Connection, database: Address) -> None:
    extension(session, "file_fdw")
    session.execute(
        "create server files foreign data wrapper file_fdw; create foreign table p (line text) server files"
        " options (program 'echo out', format 'text')"
    )
    assert session.execute("select line from p").fetchall() == [("out",)]
    done = isolate(session)
    # A session keeps the handler of a table that it has read.
    with connect(database) as fresh, pytest.raises(psycopg.Error, match="no handler"):
        fresh.execute("select line from public.p")
    assert done == ("foreign-data wrapper file_fdw: its handler taken away, so its foreign tables cannot be read",)


def test_user_mappings_of_another_wrapper_are_masked(session: Connection) -> None:
    session.execute(
        "create foreign data wrapper own; create server s foreign data wrapper own options (address 'prod.example');"
        "create user mapping for postgres server s options (login 'me', secret 'geheim');"
        "create user mapping for public server s options (secret 'geheim')"
    )
    done = isolate(session)
    assert "geheim" not in str(session.execute("select umoptions from pg_user_mappings").fetchall())
    assert len(done) == 3
    assert "geheim" not in str(done)


def test_a_subscription_is_dropped_without_asking_its_publisher(session: Connection, production: Address) -> None:
    at = production.parameters
    dsn = f"host={at['host']} port={at['port']} dbname={production.dbname} user={at['user']} password={at['password']}"
    session.execute("create table secret (answer int)")
    session.execute(
        f"create subscription sub connection '{dsn}' publication pub"
        " with (connect = false, slot_name = 'pgsafe_none')".encode()
    )
    session.execute("alter subscription sub enable")
    assert isolate(session) == ("subscription sub: dropped, and its slot left alone",)
    assert session.execute("select from pg_subscription where subname = 'sub'").fetchone() is None


def test_scheduled_jobs_are_deactivated(session: Connection) -> None:
    session.execute(
        "create schema cron; create table cron.job (jobid int, command text, active boolean);"
        "insert into cron.job values (1, 'call production()', true), (2, 'x', false)"
    )
    assert isolate(session) == ("cron.job: 1 scheduled jobs deactivated",)
    assert session.execute("select count(*) from cron.job where active").fetchone() == (0,)
    assert isolate(session) == ()


def test_event_triggers_of_the_user_do_not_fire_and_stay_as_they_are(session: Connection) -> None:
    session.execute(
        "create table audit (tag text); create function audit() returns event_trigger language plpgsql as"
        " 'begin insert into public.audit values (tg_tag); end';"
        "create foreign data wrapper own; create server s foreign data wrapper own;"
        "create event trigger a on ddl_command_end execute function audit();"
        "create event trigger b on ddl_command_end execute function audit(); alter event trigger b enable always;"
        "create event trigger c on ddl_command_end execute function audit(); alter event trigger c enable replica;"
        "create event trigger d on ddl_command_end execute function audit(); alter event trigger d disable;"
    )
    session.execute("delete from audit")
    query = "select evtname, evtenabled from pg_event_trigger order by 1"
    before = session.execute(query).fetchall()
    assert isolate(session)
    assert session.execute(query).fetchall() == before
    assert session.execute("select * from audit").fetchall() == []
    assert session.execute("show session_replication_role").fetchone() == ("origin",)


def test_a_clone_of_the_isolated_copy_is_isolated(server: Server, session: Connection, database: Address) -> None:
    session.execute("create foreign data wrapper own; create server s foreign data wrapper own")
    assert isolate(session)
    session.close()
    clone = server.clone(database, "clone")
    try:
        with connect(clone, read_only=False) as other:
            assert other.execute("select fdwhandler::int from pg_foreign_data_wrapper").fetchall() == [(0,)]
    finally:
        server.drop(clone)

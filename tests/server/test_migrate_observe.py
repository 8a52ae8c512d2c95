"""The observer comes and goes without a trace."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from pytest_pgsafe.migrate.observe import LOGGING, Observer
from pytest_pgsafe.migrate.run import FailedRun, run
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from tests.migrations import parse

#: Every catalog that an object of the database could leave a row in, with its rows; shared ones too.
CATALOGS = """
select c.relname, (xpath('//n/text()', query_to_xml(format(
           'select count(*) || coalesce(md5(string_agg(t::text, '','' order by t::text collate "C")), '''') as n'
           ' from %s as t', c.oid::regclass), true, true, '')))[1]::text
  from pg_class as c
 where c.relnamespace = 'pg_catalog'::regnamespace and c.relkind = 'r'
   -- Statistics, and the pages and transaction ids of catalogs that were vacuumed.
   and c.relname not in ('pg_statistic', 'pg_class', 'pg_database')
 order by 1
"""
OBJECTS = "select relname, relkind, relowner, relacl::text, relfilenode, reloptions from pg_class order by oid"
SETTINGS = """
select setrole::regrole::text, setconfig from pg_db_role_setting
 where setdatabase = (select oid from pg_database where datname = current_database()) order by 1
"""


def facts(address: Address) -> tuple[object, ...]:
    with connect(address) as session:
        return tuple(session.execute(query.encode()).fetchall() for query in (CATALOGS, OBJECTS, SETTINGS))


def execute(address: Address, text: str) -> None:
    with connect(address, read_only=False) as session:
        session.execute(text.encode())


def test_the_catalogs_are_the_same_before_and_after(server: Server, database: Address) -> None:
    execute(database, "create table public.t (id int primary key)")
    before = facts(database)
    with Observer(server, database.dbname, role="postgres") as observer:
        during = facts(database)
        assert sorted(relation.name for relation in observer.relations.values()) == ["public.t", "public.t_pkey"]
    assert facts(database) == before
    assert during != before


def test_the_catalogs_are_the_same_after_a_run_that_failed(server: Server, database: Address, tmp_path: Path) -> None:
    (tmp_path / "up.sql").write_text("select 1/0;")
    before = facts(database)
    with pytest.raises(FailedRun):
        run(parse("up.sql", tmp_path), server, database, role="postgres", folder=tmp_path)
    assert facts(database) == before


def test_settings_that_were_there_are_there_again_in_their_order(server: Server, database: Address) -> None:
    name = database.dbname
    execute(
        database,
        f"alter database {name} set log_statement = 'ddl'; alter database {name} set work_mem = '5MB';"
        f"alter database {name} set log_min_duration_statement = '7s';"
        f"alter role postgres in database {name} set log_duration = on;",
    )
    before = facts(database)
    with Observer(server, name, role="postgres"), connect(database) as session:
        settings = dict(session.execute("select name, setting from pg_settings").fetchall())
        assert {key: settings[key] for key in LOGGING} == dict(LOGGING)
    assert facts(database) == before
    execute(database, f"alter role postgres in database {name} reset all")


def test_what_the_migration_sets_stays(server: Server, database: Address, tmp_path: Path) -> None:
    name = database.dbname
    (tmp_path / "up.sql").write_text(
        f"alter database {name} set log_statement = 'mod'; alter database {name} set work_mem = '5MB';"
    )
    run(parse("up.sql", tmp_path), server, database, role="postgres", folder=tmp_path)
    assert facts(database)[2] == [("-", ["log_statement=mod", "work_mem=5MB"])]


@pytest.mark.parametrize("mode", ["", "enable always", "enable replica"])
def test_event_triggers_of_the_user_never_fire_for_it(server: Server, database: Address, mode: str) -> None:
    execute(
        database,
        "create table public.audit (tag text);"
        "create function public.audit() returns event_trigger language plpgsql as"
        " 'begin insert into public.audit values (tg_tag); end';"
        "create event trigger audit on ddl_command_end execute function public.audit();"
        "create event trigger aaa on sql_drop execute function public.audit();"
        + (f"alter event trigger audit {mode}; alter event trigger aaa {mode};" if mode else ""),
    )
    with connect(database) as session:
        before = session.execute("select count(*) from public.audit").fetchone()
    facts_before = facts(database)
    with Observer(server, database.dbname, role="postgres"):
        pass
    assert facts(database) == facts_before
    with connect(database) as session:
        assert session.execute("select count(*) from public.audit").fetchone() == before


def test_the_observer_never_makes_a_statement_fail(server: Server, database: Address) -> None:
    """Broken on purpose: what it looks for is not there."""
    position = server.log()[1]
    with Observer(server, database.dbname, role="postgres"):
        execute(database, "alter schema pgsafe_observer rename to elsewhere")
        execute(database, "create table public.t (id int)")
        execute(database, "alter schema elsewhere rename to pgsafe_observer")
    with connect(database) as session:
        assert session.execute("select count(*) from public.t").fetchone() == (0,)
    problems = [str(one["message"]) for one in server.log(since=position)[0] if '"problem"' in str(one["message"])]
    assert any('"CREATE TABLE"' in problem and "pgsafe_observer" in problem for problem in problems)


def test_a_cancelled_statement_is_still_cancelled(server: Server, database: Address) -> None:
    with (
        Observer(server, database.dbname, role="postgres"),
        connect(database, read_only=False, statement_timeout="100ms") as session,
        pytest.raises(psycopg.errors.QueryCanceled),
    ):
        session.execute("create table public.t as select pg_sleep(5)::text as nothing")


def test_a_migration_that_drops_the_observer_is_none_the_wiser(
    server: Server, database: Address, tmp_path: Path
) -> None:
    (tmp_path / "up.sql").write_text("drop schema pgsafe_observer cascade; create table t ();")
    trace = run(parse("up.sql", tmp_path), server, database, role="postgres", folder=tmp_path)
    assert [one.error for one in trace.statements] == [None, None]
    assert all("pgsafe" not in str(row) for row in facts(database)[1])  # type: ignore[attr-defined]


DDL = [
    "create extension if not exists citext", "create type e as enum ('a')", "alter type e add value 'b'",
    "create schema s create table x (id int) create view y as select 1 as a", "create procedure p() language sql as ''",
    "create materialized view m as select 1 as a", "create index concurrently i on m (a)", "drop index concurrently i",
    "create publication pub", "grant all on s.x to public", "alter default privileges grant select on tables to public",
    "comment on schema s is 'x'", "security label on table s.x is null", "drop owned by nobody_here cascade",
    "create statistics st on id, (id + 1) from s.x", "reindex table concurrently s.x", "vacuum full s.x", "analyze",
    "drop schema s cascade", "create foreign data wrapper w", "alter table s.x add column y int",
]  # fmt: skip


def test_statements_end_the_same_with_and_without_it(server: Server, database: Address) -> None:
    def ends() -> list[str | None]:
        states: list[str | None] = []
        with connect(database, read_only=False) as session:
            session.execute("set search_path = public")
            for statement in DDL:
                try:
                    session.execute(statement.encode())
                    states.append(None)
                except psycopg.Error as error:
                    states.append(error.sqlstate)
            session.execute("drop materialized view m; drop type e; drop procedure p(); drop publication pub")
            session.execute("drop foreign data wrapper w; alter default privileges revoke select on tables from public")
        return states

    without = ends()
    with Observer(server, database.dbname, role="postgres"):
        assert ends() == without
    assert without.count(None) >= len(DDL) - 4

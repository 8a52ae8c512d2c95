"""Reading the catalog: who may, in how many queries, and what is left out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from catalog_rich import build, catalog, differences
from pytest_pgsafe.catalog import read as module
from pytest_pgsafe.catalog.names import parts
from pytest_pgsafe.catalog.queries import queries
from pytest_pgsafe.catalog.read import KINDS, read
from pytest_pgsafe.catalog.values import Catalog
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import Connection, connect


@pytest.fixture
def connection(database: Address) -> Iterator[Connection]:
    with connect(database, read_only=False) as opened:
        yield opened


def test_the_newest_file_not_newer_than_the_server_is_taken() -> None:
    # index.15.sql knows NULLS NOT DISTINCT, constraint.18.sql NOT ENFORCED.
    assert queries(14).keys() == queries(15).keys() == queries(18).keys() == queries(99).keys()
    assert queries(14)["index"] != queries(15)["index"] == queries(18)["index"]
    assert queries(17)["constraint"] == queries(14)["constraint"] != queries(18)["constraint"]
    assert KINDS.keys() < queries(14).keys()


def test_every_query_runs_in_psql_as_it_stands(server: Server, database: Address, tmp_path: Any) -> None:
    for kind, query in queries(server.version.major).items():
        file = tmp_path / f"{kind}.sql"
        file.write_bytes(query)
        done = server.programs.run(
            "psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(file)], address=database, files=[file]
        )
        assert (done.returncode, done.stderr) == (0, ""), kind


def test_the_number_of_queries_does_not_depend_on_the_number_of_objects(
    connection: Connection, database: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[object] = []
    execute = psycopg.Connection.execute

    def counting(self: Any, query: Any, *arguments: Any, **named: Any) -> Any:
        sent.append(query)
        return execute(self, query, *arguments, **named)

    monkeypatch.setattr(psycopg.Connection, "execute", counting)
    read(connection)
    few, sent[:] = len(sent), []
    build(database)
    sent[:] = []
    read(connection)
    # One more counts the relations, four ask for settings that no view lists.
    assert len(sent) == few == len(queries(connection.info.server_version // 10000)) + 5


def test_many_objects_are_read_row_by_row(
    connection: Connection, database: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(database)
    expected = read(connection)
    streamed: list[object] = []
    stream = psycopg.Cursor.stream

    def counting(self: Any, query: Any, *arguments: Any, **named: Any) -> Any:
        streamed.append(query)
        return stream(self, query, *arguments, **named)

    monkeypatch.setattr(psycopg.Cursor, "stream", counting)
    monkeypatch.setattr(module, "_MANY", 0)
    assert read(connection) == expected
    assert len(streamed) == len(queries(connection.info.server_version // 10000))
    with connection.transaction():
        assert read(connection) == expected


def test_equal_texts_are_held_once(connection: Connection, database: Address) -> None:
    build(database)
    found = read(connection)
    texts = [grant.object for grant in found.grants.values()] + [column.table for column in found.columns.values()]
    assert len(texts) > len(set(texts))
    assert len({id(text) for text in texts}) == len(set(texts))


def test_it_works_without_pipelines(connection: Connection, database: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    build(database)
    expected = read(connection)
    monkeypatch.setattr(module.capabilities, "has_pipeline", lambda: False)
    assert read(connection) == expected


def test_the_caller_holds_the_transaction(connection: Connection) -> None:
    with connection.transaction(force_rollback=True):
        connection.execute("create table public.t ()")
        assert list(read(connection).tables) == ["public.t"]
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
    assert list(read(connection).tables) == []


def test_an_ordinary_role_reads_the_same(server: Server, database: Address) -> None:
    build(database)
    everything = catalog(database)
    assert everything.definitions["subscription rich_subscription"].definition
    if not server.owns_cluster:
        pytest.skip("needs a login of its own")
    # Neither owner nor member of anything: not even USAGE on the schemas.
    with connect(database, read_only=False) as connection:
        connection.execute("drop role if exists catalog_nobody")
        connection.execute("create role catalog_nobody login")
    try:
        read_by_nobody = catalog(server.address(database.parameters["dbname"], user="catalog_nobody"))
        assert differences(everything, read_by_nobody) == {}
        assert read_by_nobody == everything
        assert read_by_nobody.roles == everything.roles
    finally:
        with connect(database, read_only=False) as connection:
            connection.execute("drop role catalog_nobody")


def test_secrets_are_masked(database: Address) -> None:
    build(database)
    found = repr(catalog(database))
    assert "never to be seen" not in found
    assert "password=secret" not in found
    assert "password=****" in found
    assert "secret_token=****" in found


def test_sql_ascii_with_names_of_other_bytes(server: Server) -> None:
    address = server.create("catalog_ascii", options={"encoding": "SQL_ASCII", "lc_collate": "C", "lc_ctype": "C"})
    try:
        with connect(address, read_only=False) as connection:
            connection.execute('create table public."täble" ("ünï" text default \'ö\')'.encode())
            connection.execute(b'create table public."latin\xe9" ()')
            connection.execute("create type public.t as enum ('ä')".encode())
        found = catalog(address)
        assert list(found.tables) == ['public."latin\\xe9"', 'public."täble"']
        assert found.columns['public."täble"."ünï"'].default == "'ö'::text"
        assert found.types["public.t"].labels == ("ä",)
        assert catalog(address) == found
    finally:
        server.drop(address)


def test_odd_names_stay_whole(connection: Connection) -> None:
    names = ["a.b", 'q"q', "select", "UPPER", "ü" * 31, "x" * 63, "a b", "a,b", "('", "%s", "1", "\\", "{}"]
    for name in names:
        made = sql.SQL("create schema {0}; create table {0}.{0} ({0} integer primary key, check ({0} > 0))")
        connection.execute(made.format(sql.Identifier(name)))
    found = read(connection)
    assert {parts(name) for name in found.tables} == {(name, name) for name in names}
    assert {parts(name) for name in found.columns} == {(name, name, name) for name in names}
    assert {one.columns for one in found.indexes.values()} == {(one.column,) for one in found.columns.values()}
    assert {one.columns for one in found.constraints.values()} == {(one.column,) for one in found.columns.values()}
    assert len(found.constraints) == 2 * len(names)


def test_what_is_not_the_databases_own_is_left_out(connection: Connection) -> None:
    empty = read(connection)
    connection.execute("create schema pgsafe_observer")
    connection.execute("create table pgsafe_observer.t (id serial primary key, name text)")
    connection.execute("grant select on pgsafe_observer.t to public")
    connection.execute("create type pgsafe_observer.e as enum ('a')")
    connection.execute("create view pgsafe_observer.v as select * from pgsafe_observer.t")
    connection.execute(
        "create function pgsafe_observer.f() returns event_trigger language plpgsql as 'begin null; end'"
    )
    connection.execute("alter default privileges in schema pgsafe_observer grant select on tables to public")
    connection.execute("create event trigger pgsafe_ddl on ddl_command_end execute function pgsafe_observer.f()")
    connection.execute("alter event trigger pgsafe_ddl enable always")
    connection.execute("create temporary table temporary (id serial primary key)")
    connection.execute("grant select on pg_temp.temporary to public")
    assert differences(empty, read(connection)) == {}


def test_members_of_extensions_are_left_out(connection: Connection) -> None:
    available = connection.execute(
        "select name from pg_available_extensions where name = any (%s) order by name",
        (["citext", "hstore", "btree_gist", "pg_trgm", "postgres_fdw", "pgcrypto"],),
    ).fetchall()
    if not available:
        pytest.skip("no contrib on this server")
    empty = read(connection)
    for (name,) in available:
        connection.execute(sql.SQL("create extension {} schema public").format(sql.Identifier(name)))
    found = differences(empty, read(connection))
    assert found == {("extension", name): set() for (name,) in available}
    if ("citext",) in available:
        connection.execute("revoke execute on function public.citext_eq(public.citext, public.citext) from public")
        changed = differences(empty, read(connection)).keys() - found.keys()
        # The list is shown once it is not what the extension made: what is left is the owner's.
        assert changed == set()
        assert any("citext_eq" in name for name in read(connection).grants)


def test_a_silently_disabled_key_is_seen(connection: Connection) -> None:
    connection.execute("create table public.a (id integer primary key)")
    connection.execute("create table public.b (a_id integer constraint key references public.a)")

    def enabled() -> str:
        return read(connection).constraints["public.b.key"].enabled

    assert enabled() == "origin"
    connection.execute("alter table public.b disable trigger all")
    assert enabled() == "check disabled, action origin"
    connection.execute("alter table public.a disable trigger all")
    assert enabled() == "disabled"
    connection.execute("alter table public.b enable trigger all")
    assert enabled() == "check origin, action disabled"


def test_partitions_of_both_sides_show_their_keys_once(connection: Connection) -> None:
    connection.execute("create table public.far (id integer primary key) partition by range (id)")
    connection.execute("create table public.far1 partition of public.far for values from (0) to (9)")
    connection.execute(
        "create table public.far2 partition of public.far for values from (9) to (20) partition by list (id)"
    )
    connection.execute("create table public.far3 partition of public.far2 default")
    connection.execute(
        "create table public.near (id integer constraint key references public.far) partition by list (id)"
    )
    connection.execute("create table public.near1 partition of public.near default")
    keys = {name: one for name, one in read(connection).constraints.items() if one.form == "foreign key"}
    assert list(keys) == ["public.near.key", "public.near1.key"]
    assert {one.references for one in keys.values()} == {"public.far"}
    assert keys["public.near1.key"].parent == "public.near.key"
    connection.execute("alter table public.far3 disable trigger all")
    assert "disabled" in read(connection).constraints["public.near.key"].enabled


def test_states_that_no_statement_leaves_whole(connection: Connection) -> None:
    connection.execute("create table public.t (a integer)")
    connection.execute("insert into public.t values (1), (1)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute("create unique index concurrently broken on public.t (a)")
    assert not read(connection).indexes["public.broken"].valid


def test_sequences_know_their_column(connection: Connection) -> None:
    connection.execute("create sequence public.plain; create sequence public.free; create sequence public.text_only")
    connection.execute(
        "create table public.t (id serial, i integer generated always as identity,"
        " p integer default nextval('public.plain'), q integer default nextval('public.text_only'::text))"
    )
    found = {name: one.column for name, one in read(connection).sequences.items()}
    assert found == {
        "public.free": None,
        "public.plain": "public.t.p",
        "public.t_i_seq": "public.t.i",
        "public.t_id_seq": "public.t.id",
        "public.text_only": None,
    }


def test_null_privileges_equal_the_defaults_said(connection: Connection) -> None:
    connection.execute("create table public.t (); create function public.f() returns int language sql as 'select 1'")
    before = read(connection)
    connection.execute("grant select on public.t to public; revoke select on public.t from public")
    connection.execute(
        "revoke execute on function public.f() from public; grant execute on function public.f() to public"
    )
    assert read(connection) == before


def test_everything_is_in_the_order_of_collate_c(database: Address) -> None:
    build(database)
    found = catalog(database)
    for name in Catalog.__dataclass_fields__:
        part = getattr(found, name)
        if name != "database":
            assert list(part) == sorted(part), name


def test_it_is_quick_on_many_tables(connection: Connection) -> None:
    """Two thousand tables here; benchmarks have the whole number."""
    connection.execute(
        "do $$ begin for i in 1..2000 loop execute format('create table public.t%s (id serial primary key,"
        " name text not null, status varchar(9) check (status in (''a'', ''b'')))', i); end loop; end $$"
    )
    start = time.process_time()
    found = read(connection)
    assert len(found.tables) == 2000
    # Seconds of this process alone, which the server's load does not lengthen.
    assert time.process_time() - start < 2

"""All facts of a database at one moment."""

# ruff: noqa: E501 (statements)

from __future__ import annotations

from collections.abc import Iterator

import pytest
from psycopg.pq import TransactionStatus

from pytest_pgsafe.catalog.read import read as read_catalog
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import Connection, connect
from pytest_pgsafe.snapshot.plan import plan_tables
from pytest_pgsafe.snapshot.session import moment
from pytest_pgsafe.snapshot.take import sequences, take
from pytest_pgsafe.snapshot.values import ForeignKeyContent, LargeObjects, SequenceValue


@pytest.fixture
def connection(database: Address) -> Iterator[Connection]:
    with connect(database, read_only=False) as opened:
        yield opened


def test_an_empty_database(connection: Connection) -> None:
    found = take(connection)
    assert (found.tables, found.sequences, found.foreign_keys, found.not_verified) == ({}, {}, {}, ())
    assert found.large_objects == LargeObjects(count=0, digest=0)
    assert found.server_version.startswith(str(connection.info.server_version // 10000))


def test_one_moment_is_held_while_others_write(database: Address, connection: Connection) -> None:
    connection.execute("create table public.t (id int primary key)")
    connection.execute("insert into public.t values (1)")
    with connect(database) as reader, reader.transaction():
        reader.execute("set transaction isolation level repeatable read, read only")
        first = take(reader)
        connection.execute("insert into public.t values (2)")
        assert take(reader) == first
        assert reader.info.transaction_status == TransactionStatus.INTRANS
    assert take(connection).tables["public.t"].rows == 2
    assert connection.info.transaction_status == TransactionStatus.IDLE


@pytest.mark.parametrize("autocommit", [True, False])
def test_the_moment_is_repeatable_read_and_read_only(
    database: Address, connection: Connection, autocommit: bool
) -> None:
    connection.execute(
        "create function public.moment() returns text immutable language sql as "
        "$$ select current_setting('transaction_isolation') || ', ' || current_setting('transaction_read_only') $$"
    )
    connection.execute("create table public.t (id int primary key)")
    connection.execute("insert into public.t values (1)")
    seen: list[object] = []
    with connect(database, read_only=False, autocommit=autocommit) as reader:
        with moment(reader):
            row = reader.execute("select public.moment()").fetchone()
            seen.append(row)
        assert reader.info.transaction_status == TransactionStatus.IDLE
        assert take(reader).tables["public.t"].rows == 1
        assert reader.info.transaction_status == TransactionStatus.IDLE
    assert seen == [("repeatable read, on",)]


def test_the_caller_may_bring_catalog_and_plans(connection: Connection) -> None:
    connection.execute("create table public.t (a int); create table public.u (a int)")
    catalog = read_catalog(connection)
    plans = [plan for plan in plan_tables(catalog)[0] if plan.table == "public.u"]
    found = take(connection, catalog=catalog, plans=plans)
    assert found.catalog is catalog
    assert list(found.tables) == ["public.u"]


def test_unlogged_tables_and_materialized_views_are_read(connection: Connection) -> None:
    connection.execute('create unlogged table public.t as select 1 as "a b", null::text as b')
    connection.execute(
        'create materialized view public.m as select "a b", b, 2.50::numeric(5,2) as "c ""x"" y" from public.t'
    )
    connection.execute("create materialized view public.empty as select 1 as a with no data")
    found = take(connection)
    assert list(found.tables) == ["public.t"]
    assert list(found.materialized_views) == ["public.m"]
    assert set(found.materialized_views["public.m"].columns) == {'"a b"', "b", '"c ""x"" y"'}
    assert found.materialized_views["public.m"].columns["b"].nulls == 1


def test_sequences_and_their_columns(connection: Connection) -> None:
    connection.execute(
        "create table public.t (id serial primary key, a int generated always as identity, s smallserial)"
    )
    connection.execute(
        "create sequence public.down increment -1; create sequence public.free; create sequence public.up"
    )
    connection.execute("create table public.d (a int default nextval('public.down'))")
    connection.execute("create table public.words (a text default nextval('public.up'))")
    connection.execute("insert into public.t (id) values (10), (20)")
    connection.execute("insert into public.d values (-3), (-7); insert into public.words values ('x')")
    connection.execute("select setval('public.free', 5, false)")
    found = take(connection)
    assert found.sequences == {
        "public.down": SequenceValue(value=-1, is_called=False),
        "public.free": SequenceValue(value=5, is_called=False),
        "public.t_a_seq": SequenceValue(value=2, is_called=True),
        "public.t_id_seq": SequenceValue(value=1, is_called=False),
        "public.t_s_seq": SequenceValue(value=2, is_called=True),
        "public.up": SequenceValue(value=1, is_called=False),
    }
    assert found.sequence_bounds == {
        "public.down": -7,
        "public.t_a_seq": 2,
        "public.t_id_seq": 20,
        "public.t_s_seq": 2,
    }
    assert sequences(connection) == found.sequences
    connection.execute("truncate public.t")
    assert take(connection).sequence_bounds["public.t_id_seq"] is None


def test_sequences_ignore_the_moment(database: Address, connection: Connection) -> None:
    connection.execute("create sequence public.s")
    with connect(database) as reader, reader.transaction():
        reader.execute("set transaction isolation level repeatable read, read only")
        assert sequences(reader)["public.s"].next == (1, False)
        connection.execute("select nextval('public.s') from generate_series(1, 5)")
        assert sequences(reader)["public.s"].next == (5, True)


def orphans(connection: Connection) -> dict[str, ForeignKeyContent]:
    return {name.rpartition(".")[2]: content for name, content in take(connection).foreign_keys.items()}


def without_checks(connection: Connection, statement: str) -> None:
    with connection.transaction():
        connection.execute("set local session_replication_role = replica")
        connection.execute(statement.encode())


def test_orphans_and_nulls(connection: Connection) -> None:
    connection.execute("create table public.p (id bigint primary key, a text, b int, unique (a, b))")
    connection.execute("create table public.c (p int, a varchar(9), b smallint, up bigint)")
    connection.execute("insert into public.p select g, 'a' || g, g from generate_series(1, 10) g")
    connection.execute("alter table public.c add constraint one foreign key (p) references public.p")
    connection.execute("alter table public.c add constraint two foreign key (a, b) references public.p (a, b)")
    connection.execute(
        "alter table public.c add constraint whole foreign key (a, b) references public.p (a, b) match full not valid"
    )
    without_checks(
        connection,
        "insert into public.c values (1, 'a1', 1), (null, null, null), (11, 'a1', 2), (12, 'zz', null), (2, 'a2', 2)",
    )
    found = orphans(connection)
    assert found["one"] == ForeignKeyContent(nulls=1, orphans=2)
    assert sorted(found["one"].samples) == [("11",), ("12",)]
    # MATCH SIMPLE lets a partial key pass, MATCH FULL does not.
    assert found["two"] == ForeignKeyContent(nulls=2, orphans=1)
    assert found["two"].samples == (("a1", "2"),)
    assert found["whole"] == ForeignKeyContent(nulls=2, orphans=2)
    assert set(found["whole"].samples) == {("a1", "2"), ("zz", None)}


def test_keys_of_a_table_to_itself_and_of_partitions(connection: Connection) -> None:
    connection.execute("create table public.tree (id int primary key, up int constraint up references public.tree)")
    connection.execute("create table public.parted (id int primary key) partition by hash (id)")
    connection.execute(
        "create table public.refs (id int, r int constraint r references public.parted) partition by hash (id)"
    )
    for at in range(2):
        bound = f"for values with (modulus 2, remainder {at})"
        connection.execute(f"create table public.parted{at} partition of public.parted {bound}".encode())
        connection.execute(f"create table public.refs{at} partition of public.refs {bound}".encode())
    connection.execute("insert into public.parted select generate_series(1, 10)")
    without_checks(connection, "insert into public.tree values (1, null), (2, 1), (3, 9)")
    without_checks(connection, "insert into public.refs select g, nullif(g, 5) from generate_series(1, 12) g")
    assert orphans(connection) == {
        "r": ForeignKeyContent(nulls=1, orphans=2),
        "up": ForeignKeyContent(nulls=1, orphans=1),
    }


def test_inheriting_rows_are_no_references(connection: Connection) -> None:
    connection.execute("create table public.p (id int primary key); create table public.q () inherits (public.p)")
    connection.execute("create table public.c (p int constraint c references public.p)")
    without_checks(connection, "insert into public.c values (7)")
    connection.execute("insert into public.q values (7)")
    assert orphans(connection)["c"].orphans == 1


def test_keys_are_compared_by_the_operators_of_the_constraint(connection: Connection) -> None:
    connection.execute("create extension citext schema public")
    connection.execute("create type public.mood as enum ('sad', 'ok')")
    connection.execute("create domain public.code as public.citext")
    connection.execute(
        "create table public.p (c public.citext primary key, m public.mood unique, n numeric unique, ch char(5) unique)"
    )
    connection.execute("insert into public.p values ('Abc', 'sad', 1.0, 'x')")
    connection.execute(
        "create table public.c (c public.code constraint c references public.p,"
        " m public.mood constraint m references public.p (m), n int constraint n references public.p (n),"
        " ch char(9) constraint ch references public.p (ch))"
    )
    connection.execute("insert into public.c values ('aBC', 'sad', 1, 'x'), (null, null, null, null)")
    assert set(orphans(connection).values()) == {ForeignKeyContent(nulls=1, orphans=0)}
    without_checks(connection, "insert into public.c values ('abd', 'ok', 2, 'y')")
    assert set(orphans(connection).values()) == {ForeignKeyContent(nulls=1, orphans=1)}


def test_large_objects_by_number_and_content(server: Server, database: Address, connection: Connection) -> None:
    connection.execute("select lo_from_bytea(1001, '\\x00112200'), lo_from_bytea(1002, ''), lo_create(1003)")
    # A hole and a page that is short: a restore writes zero bytes there.
    connection.execute("select lo_put(1003, 10000, '\\x01'), lo_put(1003, 0, '\\x02')")
    first = take(connection).large_objects
    assert first.count == 3
    with connection.transaction(force_rollback=True):
        connection.execute("select lo_unlink(1003)")
        connection.execute(
            "select lo_from_bytea(1003, '\\x02'::bytea || decode(repeat('00', 9999), 'hex') || '\\x01'::bytea)"
        )
        assert take(connection).large_objects == first
    for statement in (
        "select lo_put(1001, 0, '\\xff')",
        "select lo_put(1001, 4, '\\x00')",
        "select lo_put(1003, 10001, '\\x00')",
        "select lo_unlink(1002)",
        "select lo_create(1004)",
        "select lo_unlink(1002), lo_create(1004)",
    ):
        with connection.transaction(force_rollback=True):
            connection.execute(statement.encode())
            assert take(connection).large_objects != first, statement
    connection.execute("create role pgsafe_lo_reader login")
    try:
        connection.execute("grant select on large object 1001, 1002 to pgsafe_lo_reader")
        with connect(server.address(database.dbname, user="pgsafe_lo_reader")) as reader:
            assert [item.object for item in take(reader).not_verified] == ["large objects"]
            connection.execute("grant select on large object 1003 to pgsafe_lo_reader")
            found = take(reader)
            assert (found.large_objects, found.not_verified) == (first, ())
    finally:
        connection.execute("drop owned by pgsafe_lo_reader; drop role pgsafe_lo_reader")


def test_what_a_role_may_not_read_is_not_verified(server: Server, database: Address, connection: Connection) -> None:
    connection.execute("create role pgsafe_take_reader login")
    try:
        connection.execute(
            "create table public.p (id serial primary key); create table public.secret (id serial primary key)"
        )
        connection.execute(
            "create table public.c (p int constraint c references public.p, s int constraint s references public.secret)"
        )
        connection.execute("grant select on public.p, public.c, public.p_id_seq to pgsafe_take_reader")
        with connect(server.address(database.dbname, user="pgsafe_take_reader")) as reader:
            found = take(reader)
        assert list(found.tables) == ["public.c", "public.p"]
        assert list(found.sequences) == ["public.p_id_seq"]
        assert list(found.foreign_keys) == ["public.c.c"]
        assert sorted(item.object for item in found.not_verified) == [
            "public.c.s",
            "public.secret",
            "public.secret_id_seq",
        ]
    finally:
        connection.execute("drop owned by pgsafe_take_reader; drop role pgsafe_take_reader")


def test_the_lock_table_is_not_filled(connection: Connection) -> None:
    connection.execute("create table public.p (id serial primary key)")
    connection.execute(
        "do $$ begin for i in 1..300 loop execute format('create table public.t%s (id serial, p int references public.p)', i); end loop; end $$"
    )
    with connection.transaction():
        take(connection)
        row = connection.execute(
            "select count(*) from pg_locks where pid = pg_backend_pid() and relation >= 16384"
        ).fetchone()
    assert row == (0,)


def test_keys_that_came_with_18(connection: Connection) -> None:
    if connection.info.server_version < 180000:
        pytest.skip("temporal, unenforced and unvalidated constraints came with PostgreSQL 18")
    connection.execute("create table public.p (id int4range, at daterange, primary key (id, at without overlaps))")
    connection.execute(
        "create table public.c (id int4range, at daterange,"
        " constraint lasting foreign key (id, period at) references public.p (id, period at))"
    )
    connection.execute("create table public.q (id int primary key)")
    connection.execute("create table public.d (q int constraint loose references public.q not enforced)")
    connection.execute("insert into public.d values (1), (null)")
    connection.execute("create table public.n (a int unique); insert into public.n values (1), (null), (null)")
    connection.execute("alter table public.n add constraint there not null a not valid")
    found = take(connection)
    assert found.foreign_keys["public.d.loose"] == ForeignKeyContent(nulls=1, orphans=1)
    assert [(item.object, item.reason) for item in found.not_verified] == [("public.c.lasting", "temporal foreign key")]
    # Two rows with a NULL share a key that only promises not to be NULL.
    assert found.tables["public.n"].key == ()
    assert found.tables["public.p"].key == ("id", "at")

"""The content of tables of every shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from pytest_pgsafe.catalog.read import read as read_catalog
from pytest_pgsafe.errors import SnapshotError
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import Connection, connect
from pytest_pgsafe.snapshot import digest
from pytest_pgsafe.snapshot.digest import read_content, read_contents
from pytest_pgsafe.snapshot.plan import Plan, plan_tables
from pytest_pgsafe.snapshot.values import TableContent


@pytest.fixture
def connection(database: Address) -> Iterator[Connection]:
    with connect(database, read_only=False) as opened:
        yield opened


def plans(connection: Connection) -> dict[str, Plan]:
    return {plan.table: plan for plan in plan_tables(read_catalog(connection))[0]}


def content(connection: Connection, table: str = "public.t") -> TableContent:
    return read_content(connection, plans(connection)[table])


def changed(connection: Connection, statement: str, table: str = "public.t") -> set[str]:
    """Return what a statement changes in the numbers: column names, ``rows``, ``digest``, ``nulls of COLUMN``."""
    before = content(connection, table)
    with connection.transaction(force_rollback=True):
        connection.execute(statement.encode())
        after = content(connection, table)
    assert content(connection, table) == before
    assert list(before.columns) == list(after.columns)
    names = {name for name in before.columns if before.columns[name].digest != after.columns[name].digest}
    names |= {f"nulls of {name}" for name in before.columns if before.columns[name].nulls != after.columns[name].nulls}
    return names | {name for name in ("rows", "digest") if getattr(before, name) != getattr(after, name)}


def test_what_changes_with_a_key(connection: Connection) -> None:
    connection.execute("create table public.t (id int primary key, a text, b text)")
    connection.execute("insert into public.t select g, 'a' || g, nullif('b' || g, 'b7') from generate_series(1, 99) g")
    assert content(connection).key == ("id",)
    assert changed(connection, "update public.t set a = 'z' where id = 3") == {"a"}
    assert changed(connection, "update public.t set a = case id when 1 then 'a2' else 'a1' end where id < 3") == {"a"}
    assert changed(connection, "update public.t set a = b, b = a where id = 5") == {"a", "b"}
    assert changed(connection, "update public.t set b = case id when 7 then 'b8' end where id in (7, 8)") == {"b"}
    assert changed(connection, "update public.t set b = null where id = 5") == {"b", "nulls of b"}
    assert changed(connection, "update public.t set id = 100 where id = 5") == {"id", "a", "b", "digest"}
    assert changed(connection, "delete from public.t where id = 7") == {"rows", "nulls of b", "id", "a", "digest"}
    assert changed(connection, "update public.t set a = a") == set()
    assert changed(connection, "cluster public.t using t_pkey") == set()


def test_what_changes_without_a_key(connection: Connection) -> None:
    connection.execute("create table public.t (a text, b text)")
    connection.execute("insert into public.t values ('x', 'y'), ('x', 'y'), ('y', 'x'), (null, 'x'), ('x', null)")
    assert content(connection).key == ()
    assert changed(connection, "insert into public.t values ('x', 'y')") == {"rows", "digest", "a", "b"}
    assert changed(connection, "insert into public.t values (null, null)") == {
        "rows",
        "digest",
        "nulls of a",
        "nulls of b",
    }
    assert changed(connection, "update public.t set a = b, b = a where a = 'y'") == {"digest", "a", "b"}
    assert changed(connection, "update public.t set a = b, b = a where a is null or b is null") == set()
    swap = "update public.t set b = case a when 'x' then 'x' else 'y' end where ctid in ('(0,1)', '(0,3)')"
    assert changed(connection, swap) == {"digest"}


def test_duplicates_do_not_cancel(connection: Connection) -> None:
    connection.execute("create table public.t (a int)")
    connection.execute("insert into public.t values (1), (1), (2), (2)")
    assert "digest" in changed(connection, "update public.t set a = 3 where a = 1")
    assert "digest" in changed(connection, "delete from public.t where a = 1")


def test_composite_keys_hold_values_together(connection: Connection) -> None:
    connection.execute("create table public.t (a int, b text, c text, primary key (b, a))")
    connection.execute(
        "insert into public.t select a, b::text, 'c' from generate_series(1, 20) a, generate_series(1, 20) b"
    )
    assert content(connection).key == ("b", "a")
    connection.execute("delete from public.t where (a, b) in ((1, '2'), (2, '1'))")
    connection.execute("insert into public.t values (1, '2', 'c')")
    # The same numbers the other way round: every column holds what it held, but in another row.
    assert changed(connection, "update public.t set a = 2, b = '1' where a = 1 and b = '2'") == {
        "a",
        "b",
        "c",
        "digest",
    }


def test_order_of_columns_and_rows_is_no_content(connection: Connection) -> None:
    connection.execute("create schema s")
    for key in ("", ", primary key (a)"):
        connection.execute(f"create table public.t (a int, dropped int, b text, c date{key})".encode())
        connection.execute("alter table public.t drop column dropped")
        connection.execute(f"create table s.t (c date, b varchar(9), a bigint{key})".encode())
        connection.execute("insert into public.t select g, 'b' || g, '2020-01-01' from generate_series(1, 50) g")
        connection.execute("insert into s.t select '2020-01-01', b, a from public.t order by a desc")
        assert content(connection) == content(connection, "s.t")
        connection.execute("drop table public.t, s.t")


def test_sixteen_hundred_columns(connection: Connection) -> None:
    columns = ", ".join(f"c{at} bool" for at in range(1600))
    connection.execute(f"create table public.t ({columns})".encode())
    connection.execute("insert into public.t (c0, c1599) values (true, false), (null, null)")
    found = content(connection)
    assert len(found.columns) == 1600
    assert found.columns["c7"].nulls == 2
    assert changed(connection, "update public.t set c1599 = true where c0") == {"c1599", "digest"}
    connection.execute("delete from public.t where c0 is null")
    connection.execute("alter table public.t add primary key (c0)")
    assert changed(connection, "update public.t set c1599 = true") == {"c1599"}


def test_no_columns(connection: Connection) -> None:
    connection.execute("create table public.t ()")
    connection.execute("insert into public.t default values")
    found = content(connection)
    assert (found.rows, found.columns) == (1, {})
    assert changed(connection, "insert into public.t default values") == {"rows", "digest"}


@pytest.mark.parametrize(
    "name", ['we"ird', "Upper", "a b", "{v}{s}", "%s", "back\\slash", "é" * 31, "x" * 63, "select"]
)
def test_names(connection: Connection, name: str) -> None:
    quoted = psycopg.sql.Identifier(name)
    connection.execute(
        psycopg.sql.SQL(
            "create schema {0}; create table {0}.{0} ({0} int primary key, v text); insert into {0}.{0} values (1, 'x')"
        ).format(quoted)
    )
    (plan,) = plans(connection).values()
    found = read_content(connection, plan)
    assert found.rows == 1
    assert len(found.columns) == 2
    assert found.columns["v"].digest


def test_partitions_are_their_parent(connection: Connection) -> None:
    connection.execute("create table public.plain (a int primary key, b text)")
    connection.execute("create table public.t (b text, a int primary key) partition by range (a)")
    connection.execute("create table public.low partition of public.t for values from (0) to (10)")
    connection.execute("create table public.high partition of public.t default partition by hash (a)")
    connection.execute("create table public.high0 (dropped int, a int not null, b text)")
    connection.execute("alter table public.high0 drop column dropped")
    connection.execute("alter table public.high attach partition public.high0 for values with (modulus 1, remainder 0)")
    connection.execute("insert into public.t (a, b) select g, 'b' || g from generate_series(1, 30) g")
    connection.execute("insert into public.plain select a, b from public.t")
    assert set(plans(connection)) == {"public.t", "public.plain"}
    assert content(connection) == content(connection, "public.plain")
    assert changed(connection, "update public.high0 set b = 'x' where a = 20") == {"b"}


def test_inheriting_tables_are_on_their_own(connection: Connection) -> None:
    connection.execute("create table public.t (a int)")
    connection.execute("create table public.child (b int) inherits (public.t)")
    connection.execute("insert into public.t values (1)")
    connection.execute("insert into public.child values (2, 3)")
    assert set(plans(connection)) == {"public.t", "public.child"}
    assert content(connection).rows == 1
    assert content(connection, "public.child").rows == 1
    assert changed(connection, "update public.child set a = 5") == set()


def test_foreign_tables_are_never_scanned(connection: Connection) -> None:
    connection.execute("create foreign data wrapper nothing")
    connection.execute("create server elsewhere foreign data wrapper nothing")
    connection.execute("create foreign table public.f (a int) server elsewhere")
    connection.execute("create table public.t (a int) partition by range (a)")
    connection.execute("create table public.near partition of public.t for values from (0) to (10)")
    connection.execute("create foreign table public.far partition of public.t default server elsewhere")
    connection.execute("insert into public.near values (1)")
    planned, missing = plan_tables(read_catalog(connection))
    assert [plan.table for plan in planned] == ["public.near"]
    assert [item.object for item in missing] == ["public.f", "public.far"]
    assert read_contents([connection], planned)[0]["public.near"].rows == 1


def test_generated_columns(connection: Connection) -> None:
    connection.execute("create table public.t (a int primary key, b int generated always as (a * 2) stored)")
    if connection.info.server_version >= 180000:
        connection.execute("alter table public.t add c int generated always as (a * 3) virtual")
    connection.execute("insert into public.t values (1), (2)")
    found = content(connection)
    assert all(column.digest for column in found.columns.values())


def test_enum_labels_count_and_oids_do_not(server: Server, connection: Connection) -> None:
    connection.execute("create type public.mood as enum ('sad', 'ok')")
    connection.execute("create table public.t (id int primary key, m public.mood, ms public.mood[])")
    connection.execute("insert into public.t values (1, 'sad', '{sad}'), (2, 'ok', '{ok,sad}')")
    other = server.create("other")
    try:
        with connect(other, read_only=False) as second:
            second.execute("create type public.mood as enum ('new', 'ok', 'sad')")
            second.execute("create table public.t (id int primary key, m public.mood, ms public.mood[])")
            second.execute("insert into public.t values (2, 'ok', '{ok,sad}'), (1, 'sad', '{sad}')")
            assert content(connection) == content(second)
    finally:
        server.drop(other)
    assert changed(connection, "alter type public.mood rename value 'sad' to 'blue'") == {"m", "ms"}


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_other_encodings(server: Server, encoding: str) -> None:
    addresses = [
        server.create(name, options={"encoding": encoding, "lc_collate": "C", "lc_ctype": "C"})
        for name in ("one", "two")
    ]
    try:
        found: list[TableContent] = []
        for address in addresses:
            with connect(address, read_only=False) as opened:
                opened.execute(
                    'create table public."Größe" (id int primary key, "ä" text)'.encode(
                        "latin-1" if encoding == "LATIN1" else "utf-8"
                    )
                )
                # Bytes that no character stands for, as a SQL_ASCII database takes them.
                value = b"'caf\xe9'"
                opened.execute(
                    b"insert into public."
                    + '"Größe"'.encode("latin-1" if encoding == "LATIN1" else "utf-8")
                    + b" values (1, "
                    + value
                    + b")"
                )
                found.append(content(opened, 'public."Größe"'))
        assert found[0] == found[1]
        assert found[0].rows == 1
    finally:
        for address in addresses:
            server.drop(address)


def test_row_security_and_privileges_fail_closed(server: Server, database: Address, connection: Connection) -> None:
    connection.execute("create role pgsafe_digest_reader login")
    try:
        for name in ("hidden", "open", "secret", "partly"):
            connection.execute(f"create table public.{name} (a int, b int)".encode())
            connection.execute(f"insert into public.{name} values (1, 2), (3, 4)".encode())
        connection.execute("grant select on public.hidden, public.open to pgsafe_digest_reader")
        connection.execute("grant select (a) on public.partly to pgsafe_digest_reader")
        connection.execute("alter table public.hidden enable row level security")
        connection.execute("create policy part on public.hidden using (a = 1)")
        planned = list(plans(connection).values())
        with connect(server.address(database.dbname, user="pgsafe_digest_reader")) as reader:
            found, missing = read_contents([reader], planned)
        assert list(found) == ["public.open"]
        assert found["public.open"].rows == 2
        assert [item.object for item in missing] == ["public.hidden", "public.partly", "public.secret"]
        assert "row-level security" in missing[0].reason
        assert "permission denied" in missing[1].reason
    finally:
        connection.execute("drop owned by pgsafe_digest_reader; drop role pgsafe_digest_reader")


def test_a_table_that_is_gone_is_not_verified(connection: Connection) -> None:
    connection.execute("create table public.t (a int)")
    connection.execute("create table public.u (a int)")
    planned = list(plans(connection).values())
    connection.execute("drop table public.t")
    found, missing = read_contents([connection], planned)
    assert list(found) == ["public.u"]
    assert [item.object for item in missing] == ["public.t"]


def test_a_server_that_fails_is_an_error(connection: Connection) -> None:
    connection.execute("create table public.t as select g as a from generate_series(1, 1000000) g")
    planned = list(plans(connection).values())
    connection.execute("set statement_timeout = '5ms'")
    with pytest.raises(SnapshotError, match=r"public\.t: SQLSTATE 57014: canceling statement due to statement timeout"):
        read_contents([connection], planned)


def test_pieces_add_up(database: Address, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "_PIECE_BYTES", 16 << 10)
    connection.execute("create table public.t (id int primary key, a text)")
    connection.execute("create table public.n (a text)")
    connection.execute("create table public.p (id int, a text) partition by hash (id)")
    for at in range(2):
        connection.execute(
            f"create table public.p{at} partition of public.p for values with (modulus 2, remainder {at})".encode()
        )
    for table, columns in (("t", "g, md5(g::text)"), ("n", "md5(g::text)"), ("p", "g, md5(g::text)")):
        connection.execute(f"insert into public.{table} select {columns} from generate_series(1, 9000) g".encode())
    planned = list(plans(connection).values())
    alone, _ = read_contents([connection], planned)
    with connect(database) as second, connect(database) as third:
        tasks = list(digest._tasks(connection, planned, 3))
        assert len(tasks) > 10
        assert read_contents([connection, second, third], planned) == (alone, ())
    assert {name: found.rows for name, found in alone.items()} == {"public.n": 9000, "public.p": 9000, "public.t": 9000}


def test_many_small_tables_are_read_in_few_steps(connection: Connection) -> None:
    connection.execute(
        "do $$ begin for i in 1..500 loop execute format('create table public.t%s (a int)', i); end loop; end $$"
    )
    planned = list(plans(connection).values())
    assert len(list(digest._tasks(connection, planned, 1))) <= 6
    with connection.transaction():
        found, missing = read_contents([connection], planned)
        # Locks are given back: thousands of tables would fill the lock table.
        row = connection.execute(
            "select count(*) from pg_locks where pid = pg_backend_pid() and relation >= 16384"
        ).fetchone()
    assert (len(found), missing, row) == (500, (), (0,))


def test_a_plan_may_name_some_columns(connection: Connection) -> None:
    connection.execute("create table public.t (id int primary key, a text, b text)")
    connection.execute("insert into public.t values (1, 'a', 'b')")
    whole = content(connection)
    plan = plans(connection)["public.t"]
    part = read_content(connection, replace(plan, columns=plan.columns[:1] + plan.columns[2:]))
    assert part.columns == {name: each for name, each in whole.columns.items() if name != "b"}
    assert part.digest == whole.digest

"""Which rows differ between two live databases, exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Literal

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_pgsafe.catalog.read import read as read_catalog
from pytest_pgsafe.errors import SnapshotError
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import Connection, connect
from pytest_pgsafe.snapshot.align import Aligned, align
from pytest_pgsafe.snapshot.difference import difference
from pytest_pgsafe.snapshot.digest import read_content
from pytest_pgsafe.snapshot.values import TableContent, TableDifference


def numbers(content: TableContent) -> tuple[Any, ...]:
    return content.rows, content.digest, list(content.columns.values())


class Sides:
    """Two databases that get the same statements, and then some that one of them alone gets."""

    def __init__(self, before: Connection, after: Connection) -> None:
        self.before, self.after = before, after

    def both(self, statement: str) -> None:
        for side in (self.before, self.after):
            side.execute(statement.encode())

    def then(self, statement: str) -> None:
        self.after.execute(statement.encode())

    def aligned(self, table: str = "public.t", to: str | None = None, **renamed: str) -> Aligned:
        new = to or table
        before, after = read_catalog(self.before), read_catalog(self.after)
        columns = {
            name: f"{new}.{renamed.get(column.column, column.column)}"
            for name, column in before.columns.items()
            if column.table == table
        }
        (found,) = align(before, after, tables={table: new}, columns=columns)
        return found

    def difference(self, table: str = "public.t", to: str | None = None, **changes: Any) -> TableDifference:
        renamed = changes.pop("renamed", {})
        plans = self.aligned(table, to, **renamed)
        found = difference(self.before, self.after, plans.before, plans.after, **changes)
        with suppress(psycopg.DataError):
            one, other = read_content(self.before, plans.before), read_content(self.after, plans.after)
            assert found.same == (numbers(one) == numbers(other))
        return found


@pytest.fixture(scope="module")
def databases(server: Server) -> Iterator[tuple[Connection, Connection]]:
    addresses = [server.create("before"), server.create("after")]
    # The before side as the plugin opens it; the statements of a test say themselves that they write.
    with connect(addresses[0], read_only=False) as before, connect(addresses[1]) as after:
        after.execute("set default_transaction_read_only = off")
        yield before, after
    for address in addresses:
        server.drop(address)


@pytest.fixture
def sides(databases: tuple[Connection, Connection]) -> Sides:
    found = Sides(*databases)
    found.both("drop schema public cascade; create schema public")
    return found


def test_nothing_differs(sides: Sides) -> None:
    sides.both("create table public.t (id int primary key, a text)")
    sides.both("insert into public.t select g, 'a' || g from generate_series(1, 100) g")
    found = sides.difference()
    assert found == TableDifference(
        before="public.t", after="public.t", key=("id",), gone=0, added=0, changed={}, nulled={}
    )
    assert found.same


def test_rows_gone_added_and_changed(sides: Sides) -> None:
    sides.both("create table public.t (id int primary key, a text, b int)")
    sides.both("insert into public.t select g, 'a' || g, g from generate_series(1, 1000) g")
    sides.then("delete from public.t where id <= 7")
    sides.then("insert into public.t select g, 'new', 0 from generate_series(1001, 1003) g")
    sides.then("update public.t set a = 'x' where id between 10 and 20")
    sides.then("update public.t set a = null where id between 30 and 34")
    sides.then("update public.t set b = b + 1 where id between 20 and 21")
    found = sides.difference(samples=2)
    assert (found.gone, found.added) == (7, 3)
    assert found.changed == {"a": 16, "b": 2}
    assert found.nulled == {"a": 5}
    assert [sample.key for sample in found.gone_samples] == [{"id": "1"}, {"id": "2"}]
    assert found.gone_samples[0].before == {"a": "a1", "b": "1", "id": "1"}
    assert found.gone_samples[0].after is None
    assert [sample.after for sample in found.added_samples] == [
        {"a": "new", "b": "0", "id": "1001"},
        {"a": "new", "b": "0", "id": "1002"},
    ]
    (first, second) = found.changed_samples["b"]
    assert (first.key, first.before, first.after) == ({"id": "20"}, {"b": "20"}, {"b": "21"})
    assert second.key == {"id": "21"}
    assert not found.same


def test_every_row_changed(sides: Sides) -> None:
    sides.both("create table public.t (id int primary key, a int, b int)")
    sides.both("insert into public.t select g, g, g from generate_series(1, 20000) g")
    sides.then("update public.t set a = -a")
    found = sides.difference()
    assert (found.gone, found.added, found.changed, found.nulled) == (0, 0, {"a": 20000}, {})
    assert len(found.changed_samples["a"]) == 5


def test_swapped_values_and_text_keys(sides: Sides) -> None:
    sides.both("create table public.t (a text, b numeric, v jsonb, primary key (a, b))")
    sides.both("""insert into public.t values ('x', 1.0, '{}'), ('x', 2, '[]'), ('X', 1.00, '{}'), ('', 1, null)""")
    sides.then("update public.t set v = case b when 1 then '[]'::jsonb else '{}' end where a = 'x'")
    found = sides.difference()
    assert found.changed == {"v": 2}
    assert [(sample.key, sample.before, sample.after) for sample in found.changed_samples["v"]] == [
        ({"a": "x", "b": "1.0"}, {"v": "{}"}, {"v": "[]"}),
        ({"a": "x", "b": "2"}, {"v": "[]"}, {"v": "{}"}),
    ]


def test_rows_without_a_key_are_counted_copy_by_copy(sides: Sides) -> None:
    sides.both("create table public.t (a text, b text)")
    sides.both(
        "insert into public.t select 'x', null from generate_series(1, 5); insert into public.t values ('y', 'z')"
    )
    sides.then("delete from public.t where ctid in ('(0,1)', '(0,2)')")
    sides.then("insert into public.t values ('y', 'z'), (null, 'x')")
    found = sides.difference()
    assert (found.gone, found.added, found.changed, found.key) == (2, 2, {}, ())
    assert [(sample.key, sample.before, sample.after) for sample in found.gone_samples] == [
        ({}, {"a": "x", "b": None}, None)
    ] * 2
    assert {tuple((sample.after or {}).values()) for sample in found.added_samples} == {("y", "z"), (None, "x")}


def test_partitions_and_their_places(sides: Sides) -> None:
    sides.both("create table public.t (id int primary key, a text) partition by range (id)")
    sides.both("create table public.low partition of public.t for values from (0) to (10)")
    sides.both("create table public.high partition of public.t default")
    sides.both("insert into public.t select g, 'a' || g from generate_series(1, 20) g")
    sides.then("update public.t set a = 'x' where id in (2, 12)")
    sides.then("delete from public.t where id = 11")
    found = sides.difference()
    assert (found.gone, found.changed) == (1, {"a": 2})
    assert found.gone_samples[0].key == {"id": "11"}
    assert [sample.before for sample in found.changed_samples["a"]] == [{"a": "a2"}, {"a": "a12"}]


def test_renamed_and_retyped_columns(sides: Sides) -> None:
    sides.both("create table public.t (id int primary key, a numeric(12,4), v varchar(5), at timestamp, e text)")
    sides.both("insert into public.t values (1, 1.5, 'x', '2020-01-01', 'e'), (2, 1.2345, 'y', null, 'f')")
    sides.then("alter table public.t rename to u")
    sides.then("alter table public.u rename id to key; alter table public.u rename a to price")
    sides.then("alter table public.u alter key type bigint, alter price type numeric(12,2), alter v type text")
    sides.then("set timezone = 'UTC'; alter table public.u alter at type timestamptz")
    found = sides.difference(to="public.u", renamed={"id": "key", "a": "price"})
    assert (found.before, found.after, found.key) == ("public.t", "public.u", ("id",))
    assert (found.gone, found.added, found.changed) == (0, 0, {"a": 1})
    (sample,) = found.changed_samples["a"]
    assert (sample.key, sample.before, sample.after) == ({"id": "2"}, {"a": "1.2345"}, {"price": "1.23"})


def test_a_value_that_does_not_cast_is_compared_by_its_text(sides: Sides) -> None:
    sides.both("create table public.t (id int primary key, j json)")
    sides.both("""insert into public.t values (1, '{"a":1}'), (2, '{"a":"\\u0000"}')""")
    sides.then("""update public.t set j = '{"a": 1}'""")
    sides.then("alter table public.t alter j type jsonb")
    found = sides.difference()
    # By text the first differs from what it was, as the second does.
    assert found.changed == {"j": 2}
    assert not found.same


def test_a_key_that_lost_its_columns_or_its_uniqueness(sides: Sides) -> None:
    sides.both("create table public.t (id int primary key, a text)")
    sides.both("insert into public.t values (1, 'a'), (2, 'b'), (3, 'c')")
    sides.then("alter table public.t drop constraint t_pkey; alter table public.t alter id drop not null")
    sides.then("insert into public.t values (1, 'z'), (2, 'b'), (null, 'n')")
    found = sides.difference()
    assert (found.key, found.gone, found.added, found.changed) == (("id",), 0, 3, {})
    sides.then("update public.t set id = null where a = 'c'")
    found = sides.difference()
    assert (found.gone, found.added, found.changed) == (1, 4, {})
    sides.then("update public.t set id = 3 where a = 'c'")
    sides.then("alter table public.t drop column id")
    found = sides.difference()
    assert (found.key, found.gone, found.added) == ((), 0, 3)


def test_masks_and_levels(sides: Sides) -> None:
    sides.both("create table public.t (id int primary key, a text, secret text)")
    sides.both("insert into public.t values (1, 'a', 's'), (2, 'b', 't'), (3, 'c', null)")
    sides.then("update public.t set a = 'x', secret = null; delete from public.t where id = 3")

    def mask(column: str) -> bool:
        return column == "public.t.secret"

    found = sides.difference(mask=mask)
    assert found.changed == {"a": 2, "secret": 2}
    assert found.nulled == {"secret": 2}
    assert found.changed_samples["secret"][0].before == {"secret": "***"}
    assert found.changed_samples["secret"][0].after == {"secret": None}
    assert found.changed_samples["a"][0].before == {"a": "a"}
    assert found.gone_samples[0].before == {"a": "c", "id": "3", "secret": None}
    levels: tuple[Literal["keys", "none"], ...] = ("keys", "none")
    for level in levels:
        shown = sides.difference(values=level)
        assert (shown.gone, shown.changed, shown.nulled) == (found.gone, found.changed, found.nulled)
        samples = [*shown.gone_samples, *(each for many in shown.changed_samples.values() for each in many)]
        assert [sample.key["id"] for sample in samples] == (["3", "1", "2", "1", "2"] if level == "keys" else [])
        assert all(not sample.before and not sample.after for sample in samples)
    assert sides.difference(mask=lambda column: column == "public.t.id").gone_samples[0].key == {"id": "***"}


def test_long_values_are_cut(sides: Sides) -> None:
    sides.both("create table public.t (id int primary key, a text)")
    sides.both("insert into public.t values (1, repeat('x', 100000))")
    sides.then("update public.t set a = a || 'y'")
    (sample,) = sides.difference().changed_samples["a"]
    assert sample.before == {"a": "x" * 1000}


def test_nothing_is_left_behind(sides: Sides) -> None:
    sides.both("create table public.t (id int primary key)")
    sides.both("create function public.forbid() returns event_trigger language plpgsql as $$ begin raise 'no'; end $$")
    sides.then("insert into public.t values (1)")
    sides.both("create event trigger forbid on ddl_command_end execute function public.forbid()")
    if sides.after.info.server_version >= 170000:
        sides.both("alter event trigger forbid enable always")
    try:
        sides.after.execute("set default_transaction_read_only = on")
        assert sides.difference().added == 1
        row = sides.after.execute(
            "select count(*), current_setting('session_replication_role') from pg_class where relname like 'pgsafe%'"
        ).fetchone()
        assert row == (0, "origin")
    finally:
        sides.after.execute("set default_transaction_read_only = off")
        sides.both("drop event trigger forbid")


def test_a_table_that_cannot_be_read_is_an_error(sides: Sides) -> None:
    sides.both("create table public.t (id int primary key)")
    plans = sides.aligned()
    sides.then("drop table public.t")
    with pytest.raises(
        SnapshotError, match=r"rows of public\.t side by side: SQLSTATE 42P01: relation .* does not exist"
    ):
        difference(sides.before, sides.after, plans.before, plans.after)


VALUES = st.one_of(st.none(), st.integers(-2, 2).map(str), st.sampled_from(["", " ", "a", "A", "\\N", "é", "{}"]))
ROW = st.tuples(VALUES, VALUES)
KEYED = st.dictionaries(st.tuples(st.sampled_from(["", "a", "A", "b "]), st.integers(-3, 3)), ROW, max_size=12)
FEW = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def fill(connection: Connection, rows: list[tuple[Any, ...]]) -> None:
    connection.execute("truncate public.t")
    with connection.cursor() as cursor:
        cursor.executemany(
            psycopg.sql.SQL("insert into public.t values ({})").format(
                psycopg.sql.SQL(", ").join([psycopg.sql.Placeholder()] * (len(rows[0]) if rows else 1))
            ),
            rows,
        )


def test_random_rows_with_a_key(sides: Sides) -> None:
    sides.both("create table public.t (k text, n int, a text, b text, primary key (n, k))")
    plans = sides.aligned()

    @FEW
    @given(KEYED, KEYED, st.booleans())
    def check(one: dict[Any, Any], other: dict[Any, Any], alike: bool) -> None:
        if alike:
            other = {**one, **dict(list(other.items())[:2])}
        fill(sides.before, [(*key, *row) for key, row in one.items()])
        fill(sides.after, [(*key, *row) for key, row in reversed(other.items())])
        found = difference(sides.before, sides.after, plans.before, plans.after, samples=100)
        kept = one.keys() & other.keys()
        assert (found.gone, found.added) == (len(one.keys() - kept), len(other.keys() - kept))
        for at, name in enumerate("ab"):
            differs = {key for key in kept if one[key][at] != other[key][at]}
            assert found.changed.get(name, 0) == len(differs)
            assert found.nulled.get(name, 0) == sum(other[key][at] is None for key in differs)
            shown = {
                (sample.key["k"], int(sample.key["n"] or 0)): ((sample.before or {})[name], (sample.after or {})[name])
                for sample in found.changed_samples.get(name, ())
            }
            assert shown == {key: (one[key][at], other[key][at]) for key in differs}
        assert found.same == (one == other)
        same = read_content(sides.before, plans.before) == read_content(sides.after, plans.after)
        assert same == (one == other)

    check()


def test_random_rows_without_a_key(sides: Sides) -> None:
    sides.both("create table public.t (a text, b text)")
    plans = sides.aligned()

    @FEW
    @given(st.lists(ROW, max_size=12), st.lists(ROW, max_size=12), st.booleans())
    def check(one: list[Any], other: list[Any], alike: bool) -> None:
        if alike:
            other = one[::-1] + other[:2]
        fill(sides.before, one)
        fill(sides.after, other)
        found = difference(sides.before, sides.after, plans.before, plans.after, samples=100)
        gone, added = Counter(one) - Counter(other), Counter(other) - Counter(one)
        assert Counter(((row.before or {})["a"], (row.before or {})["b"]) for row in found.gone_samples) == gone
        assert Counter(((row.after or {})["a"], (row.after or {})["b"]) for row in found.added_samples) == added
        assert (found.gone, found.added) == (gone.total(), added.total())
        same = read_content(sides.before, plans.before) == read_content(sides.after, plans.after)
        assert same == found.same == (Counter(one) == Counter(other))

    check()


def test_rows_added_that_were_there_before_are_told_from_new_ones(sides: Sides) -> None:
    sides.both("create table public.t (a int, b text)")
    sides.both("insert into public.t values (1, 'x'), (1, 'x'), (2, 'y'), (3, null)")
    sides.then("insert into public.t values (1, 'x'), (3, null), (4, 'new'), (4, 'new')")
    found = sides.difference()
    assert (found.gone, found.added, found.duplicated) == (0, 4, 2)
    sides.then("delete from public.t where a in (1, 3, 4)")
    assert sides.difference().duplicated == 0

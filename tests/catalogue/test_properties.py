"""Random schemas, rows and one random mutation: always seen; none: no alarm. Random swaps of values: none missed.

A small number by default, all with PGSAFE_TEST_FULL=1. What is equal is decided in Python, from the text of the rows.
"""

# ruff: noqa: E501 (a type and its values read better on one line)

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.values import Finding, Rules, Severity
from pytest_pgsafe.copy.comparing import compare_databases
from pytest_pgsafe.rehearsal import judging
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import Connection, connect
from pytest_pgsafe.snapshot.digest import key_hash, row_hash
from pytest_pgsafe.snapshot.expressions import form
from pytest_pgsafe.snapshot.plan import Plan, PlanColumn
from pytest_pgsafe.snapshot.take import take
from tests.tiers import FULL

#: For each of four kinds of key: 50,000 for each family of types.
SWAPS = 12_500 if FULL else 500
EXAMPLES = 150 if FULL else 25

TYPES = """
create type public.mood as enum ('sad', 'ok', 'happy', 'Sad', '');
create type public.pair as (a integer, b text);
create type public.moods as range (subtype = public.mood);
"""

# Swaps ---------------------------------------------------------------------------------------------------------------

#: A family of types: a type of it, and SQL that makes a random value, of a few or of many. ``r()`` is random().
FAMILIES = {
    "smallint": "(r() * 65535 - 32768)::int::smallint",
    "integer": "case when r() < 0.5 then (r() * 9)::int else (r() * 4294967295 - 2147483648)::bigint::int end",
    "bigint": "((r() * 4 - 2)::int::bigint << 32) + (r() * 4)::int",
    "numeric": "(case when r() < 0.1 then 'NaN' when r() < 0.1 then 'Infinity' when r() < 0.1 then '-Infinity'"
    " when r() < 0.3 then (r() * 9 - 4)::int::text else (r() * 1e6 - 5e5)::text end)::numeric",
    "real": "(case when r() < 0.2 then '-0' when r() < 0.2 then '0' when r() < 0.1 then 'NaN' else r()::text end)::real",
    "double precision": "(case when r() < 0.2 then '-0' when r() < 0.2 then '0' when r() < 0.1 then 'Infinity'"
    " else r()::text end)::double precision",
    "money": "(r() * 100)::int::money",
    "boolean": "r() < 0.5",
    "text": "case when r() < 0.2 then '' when r() < 0.2 then ' ' when r() < 0.2 then 'a' when r() < 0.2 then 'A'"
    " else md5(r()::text) end",
    "character varying": "left(md5(r()::text), (r() * 3)::int)",
    "character(4)": "left(md5(r()::text), (r() * 4)::int)::character(4)",
    "bytea": "substr(decode(md5(r()::text), 'hex'), 1, (r() * 4)::int)",
    "date": "case when r() < 0.1 then 'infinity'::date when r() < 0.1 then '-infinity' else '2000-01-01'::date + (r() * 9 - 4)::int end",
    "timestamp without time zone": "'2000-01-01'::timestamp + (r() * 9)::int * interval '4294.967296 seconds'",
    "timestamp with time zone": "'2000-01-01 00:00+00'::timestamptz + (r() * 9)::int * interval '4294.967296 seconds'",
    "time without time zone": "'00:00'::time + (r() * 1000)::int * interval '1 microsecond'",
    "time with time zone": "(array['12:00+00', '13:00+01', '11:00-01', '24:00+00', '00:00+00'])[1 + (r() * 4)::int]::timetz",
    "interval": "(array['1 month', '30 days', '720 hours', '0', '-1 month', '1 year', '12 months 1 second'])"
    "[1 + (r() * 6)::int]::interval",
    "uuid": "md5(((r() * 20)::int)::text)::uuid",
    "inet": "(array['10.0.0.1', '10.0.0.1/24', '10.0.0.1/8', '::1', '::ffff:10.0.0.1'])[1 + (r() * 4)::int]::inet",
    "macaddr": "(array['08:00:2b:01:02:03', '08:00:2b:01:02:04', '00:00:00:00:00:00'])[1 + (r() * 2)::int]::macaddr",
    "bit varying": "substring((r() * 255)::int::bit(8) from 1 for (r() * 8)::int)::varbit",
    "json": "(array['{}', '[]', '{\"a\":1}', '{\"a\": 1}', '{\"a\":1.0}', 'null', '\"\"'])[1 + (r() * 6)::int]::json",
    "jsonb": "(array['{}', '[]', '{\"a\":1}', '{\"a\":1.0}', 'null', '\"\"', '[[]]', '[{}]'])[1 + (r() * 7)::int]::jsonb",
    "xml": "(array['<a/>', '<a></a>', '<b/>', 'x'])[1 + (r() * 3)::int]::xml",
    "tsvector": "(array['', 'a', 'a:1', 'a:1A', 'a b', 'b:2'])[1 + (r() * 5)::int]::tsvector",
    "tsquery": "(array['a', 'b', 'a & b', 'a | b', '!a'])[1 + (r() * 4)::int]::tsquery",
    "point": "(array['(0,0)', '(-0,0)', '(0,-0)', '(1,0)', '(0,1)', '(NaN,0)'])[1 + (r() * 5)::int]::point",
    "box": "(array['(1,1),(0,0)', '(2,1),(0,0)', '(1,2),(0,0)'])[1 + (r() * 2)::int]::box",
    "polygon": "(array['((0,0),(1,1),(1,0))', '((1,1),(0,0),(1,0))', '((0,0))'])[1 + (r() * 2)::int]::polygon",
    "integer[]": "(array['{}', '{NULL}', '{0}', '{1,2}', '{2,1}', '{{1,2}}', '[0:1]={1,2}'])[1 + (r() * 6)::int]::int[]",
    "text[]": "(array['{}', '{NULL}', '{\"NULL\"}', '{\"\"}', '{a,b}', '{\"a,b\"}'])[1 + (r() * 5)::int]::text[]",
    "int4range": "(array['empty', '(,)', '[1,)', '(,1)', '[1,2)', '[1,3)'])[1 + (r() * 5)::int]::int4range",
    "numrange": "(array['empty', '[1,2]', '[1,2)', '(1,2]', '[1.0,2]'])[1 + (r() * 4)::int]::numrange",
    "int4multirange": "(array['{}', '{(,)}', '{[1,2)}', '{[1,2),[3,4)}'])[1 + (r() * 3)::int]::int4multirange",
    "public.mood": "(array['sad', 'ok', 'happy', 'Sad', ''])[1 + (r() * 4)::int]::public.mood",
    "public.mood[]": "(array['{}', '{sad}', '{ok}', '{NULL}', '{\"\"}'])[1 + (r() * 4)::int]::public.mood[]",
    "public.pair": "(array['(1,a)', '(1,)', '(1,\"\")', '(,)', '(,a)'])[1 + (r() * 4)::int]::public.pair",
    "public.moods": "(array['empty', '(,)', '[sad,ok]', '[sad,ok)'])[1 + (r() * 3)::int]::public.moods",
    "regclass": "(array[1259, 1255, 4000000000])[1 + (r() * 2)::int]::oid::regclass",
    "jsonpath": "(array['$', '$.a', '$[0]', 'strict $'])[1 + (r() * 3)::int]::jsonpath",
    "pg_lsn": "(array['0/0', '0/1', '1/0', '1/1'])[1 + (r() * 3)::int]::pg_lsn",
}


@pytest.fixture(scope="module")
def connection(server: Server) -> Iterator[Connection]:
    address = server.create("swaps")
    with connect(address, read_only=False) as opened:
        opened.execute(TYPES.encode())
        yield opened
    server.drop(address)


def column(name: str, type_: str) -> PlanColumn:
    return PlanColumn(name=name, type=type_, base=type_, form=form(type_))


@pytest.mark.parametrize("key", ["integer", "text", "two columns", "none"])
@pytest.mark.parametrize("type_", FAMILIES)
def test_no_swap_is_missed(connection: Connection, type_: str, key: str) -> None:
    """The sum over two rows differs after each swap of their values; all other rows add the same before and after."""
    names = {"integer": ("k",), "text": ("w",), "two columns": ("k", "w"), "none": ()}[key]
    value = column("v", type_)
    plan = Plan(table="public.t", key=names, columns=(column("k", "integer"), value, column("w", "text")))

    def hashed(held: str, row: str) -> str:
        if names:
            return value.form.hash(held, key_hash(plan, row))
        # As for a table without key: the hash of the whole row.
        each = [column("k", "integer").form.hash(f"{row}.k", "0"), value.form.hash(held, "0")]
        return row_hash([*each, column("w", "text").form.hash(f"{row}.w", "0")])

    text = f"""
        select count(*), count(*) filter (where one.h + two.h is not distinct from three.h + four.h)
        from a join b using (n),
        lateral (select coalesce({hashed("a.v", "a")}, 0)::numeric as h) one,
        lateral (select coalesce({hashed("b.v", "b")}, 0)::numeric as h) two,
        lateral (select coalesce({hashed("b.v", "a")}, 0)::numeric as h) three,
        lateral (select coalesce({hashed("a.v", "b")}, 0)::numeric as h) four
        where concat(a.v) collate "C" <> concat(b.v) collate "C" {"and a.v <> b.v" if type_ == "numeric" else ""}
        or (a.v is null) <> (b.v is null)
    """
    made = FAMILIES[type_].replace("r()", "random()")
    # Two rows never have one key: the numbers of one are even, those of the other odd.
    rows = """create temporary table {} on commit drop as select n, 2 * (random() * 1000000)::int + {} as k,
        md5(random()::text) || {} as w, case when random() > 0.05 then {} end as v from generate_series(1, {}) n"""
    with connection.transaction(force_rollback=True):
        connection.execute("select setseed(0.25)")
        # More pairs than are asked for: two equal values make no swap.
        size = SWAPS * 3
        connection.execute(rows.format("a", 0, "'a'", made, size).encode())
        connection.execute(rows.format("b", 1, "'b'", made, size).encode())
        found = connection.execute(text.encode()).fetchone()
    assert found is not None
    assert found[0] >= SWAPS
    assert found[1] == 0


# Random schemas ------------------------------------------------------------------------------------------------------

words = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"), max_size=6)
json_values = st.sampled_from(["{}", "[]", "null", '{"a":1}', '{"a": 1.0}', '{"a":1,"b":[]}', '""', "[1,2]"])
#: Text forms of values, by type.
VALUES: dict[str, st.SearchStrategy[str]] = {
    "integer": st.integers(-(2**31), 2**31 - 1).map(str),
    "bigint": st.integers(-(2**63), 2**63 - 1).map(str),
    "numeric": st.one_of(st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str), st.just("NaN")),
    "double precision": st.floats().map(repr),
    "real": st.floats(width=32).map(repr),
    "text": words,
    "character varying(20)": words,
    'text collate "C"': words,
    "boolean": st.sampled_from(["t", "f"]),
    "date": st.dates().map(str),
    "timestamp": st.datetimes().map(str),
    "timestamp with time zone": st.datetimes().map(lambda moment: f"{moment}+00"),
    "interval": st.sampled_from(["1 month", "30 days", "720:00:00", "0", "-1 day", "1 day -24:00:00"]),
    "bytea": st.binary(max_size=5).map(lambda data: "\\x" + data.hex()),
    "uuid": st.uuids().map(str),
    "json": json_values,
    "jsonb": json_values,
    "text[]": st.sampled_from(["{}", "{NULL}", '{""}', "{a,b}", "{b,a}", '{"a,b"}', "{{a,b}}"]),
    "int4range": st.sampled_from(["empty", "(,)", "[1,5)", "[1,)", "(,5)"]),
    "public.mood": st.sampled_from(["sad", "ok", "happy", "Sad", ""]),
    "public.pair": st.sampled_from(["(1,a)", "(1,)", '(1,"")', "(,)", "(2,a)"]),
    "point": st.sampled_from(["(0,0)", "(-0,0)", "(1,0)"]),
    "bit varying(8)": st.text("01", max_size=8),
}
NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\x00"), min_size=1, max_size=10)
MUTATIONS = ("nothing", "rewrite", "value", "null", "swap", "delete", "repeat", "replace")

Row = tuple["str | None", ...]


@dataclass(frozen=True)
class Case:
    """A table, its rows, and what is done to them: which mutation, of which rows and column, with which value."""

    table: str
    names: tuple[str, ...]
    types: tuple[str, ...]
    keyed: bool
    partitioned: bool
    rows: tuple[Row, ...]
    mutation: str
    one: int
    two: int
    at: int
    value: str | None


@st.composite
def cases(draw: st.DrawFn) -> Case:
    types = tuple(draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=5)))
    names = tuple(draw(st.lists(NAMES, min_size=len(types), max_size=len(types), unique=True)))
    row = st.tuples(*(st.one_of(st.none(), VALUES[type_]) for type_ in types))
    rows = tuple(draw(st.lists(row, min_size=1, max_size=12)))
    at = draw(st.integers(0, len(types) - 1))
    place = st.integers(0, len(rows) - 1)
    return Case(
        table=draw(NAMES),
        names=tuple(name for name in names),
        types=types,
        keyed=draw(st.booleans()),
        partitioned=draw(st.booleans()),
        rows=rows,
        mutation=draw(st.sampled_from(MUTATIONS)),
        one=draw(place),
        two=draw(place),
        at=at,
        value=draw(VALUES[types[at]]),
    )


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def mutated(case: Case) -> list[tuple[int, Row]]:
    """Return the rows after, with the key of each."""
    rows = list(enumerate(case.rows))
    key, row = rows[case.one]
    if case.mutation == "rewrite":
        return rows[::-1]
    if case.mutation in ("value", "null"):
        value = case.value if case.mutation == "value" else None
        rows[case.one] = (key, (*row[: case.at], value, *row[case.at + 1 :]))
    elif case.mutation == "swap":
        other, held = rows[case.two]
        rows[case.one] = (key, (*row[: case.at], held[case.at], *row[case.at + 1 :]))
        if other != key:
            rows[case.two] = (other, (*held[: case.at], row[case.at], *held[case.at + 1 :]))
    elif case.mutation == "delete":
        del rows[case.one]
    elif case.mutation == "repeat":
        rows.append((len(rows), row))
    elif case.mutation == "replace":
        del rows[case.one]
        rows.append((len(case.rows), (*row[: case.at], case.value, *row[case.at + 1 :])))
    return rows


class Sides:
    """Two databases whose tables are made alike, one of them to be mutated."""

    def __init__(self, before: Connection, after: Connection) -> None:
        self.before, self.after = before, after

    def fill(self, connection: Connection, case: Case, rows: Sequence[tuple[int, Row]]) -> Counter[Row]:
        """Make the table anew, and return its rows as a reader sees them."""
        table = f"public.{quoted(case.table)}"
        columns = [f"{quoted(name)} {type_}" for name, type_ in zip(case.names, case.types, strict=True)]
        connection.execute("drop schema if exists public cascade; create schema public")
        connection.execute(TYPES.encode())
        # A quoted key that no column of a case can be called.
        key = ['"k\x01" integer primary key'] if case.keyed else []
        parted = case.partitioned and case.keyed
        suffix = ' partition by hash ("k\x01")' if parted else ""
        connection.execute(f"create table {table} ({', '.join([*key, *columns])}){suffix}".encode())
        for part in range(2 if parted else 0):
            connection.execute(
                f'create table public."part\x01{part}" partition of {table}'
                f" for values with (modulus 2, remainder {part})".encode()
            )
        with connection.cursor() as cursor:
            width = len(case.types) + len(key)
            cursor.executemany(
                f"insert into {table.replace('%', '%%')} values ({', '.join(['%s'] * width)})".encode(),
                [((number,) if key else ()) + row for number, row in rows],
            )
        shown = [*(['"k\x01"'] if key else []), *map(quoted, case.names)]
        types = [*(["integer"] if key else []), *case.types]
        # One value in two scales is one value; any other text is another value.
        texts = [
            f"concat(trim_scale({name}), num_nulls({name}))"
            if type_ == "numeric"
            else f"concat({name}, '/', num_nulls({name}))"
            for name, type_ in zip(shown, types, strict=True)
        ]
        return Counter(connection.execute(f"select {', '.join(texts)} from {table}".encode()).fetchall())

    def judge(self) -> tuple[Finding, ...]:
        facts, now = take(self.before), take(self.after)
        assert facts.not_verified == now.not_verified == ()
        comparison = compare_databases(self.before, self.after, facts, now, "values")
        return judge(judging.evidence(comparison, None, Rules(), self.before, self.after))


@pytest.fixture(scope="module")
def sides(server: Server) -> Iterator[Sides]:
    addresses = server.create("one"), server.create("two")
    with connect(addresses[0], read_only=False) as before, connect(addresses[1], read_only=False) as after:
        yield Sides(before, after)
    for address in addresses:
        server.drop(address)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=not FULL,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(case=cases())
def test_a_mutation_is_seen_and_nothing_else_is(sides: Sides, case: Case) -> None:
    held = sides.fill(sides.before, case, list(enumerate(case.rows)))
    holds = sides.fill(sides.after, case, mutated(case))
    found = sides.judge()
    errors = [one for one in found if one.severity is Severity.ERROR]
    if held == holds:
        assert found == ()
    elif case.mutation == "repeat" and case.keyed:
        assert [one.check for one in found] == ["rows"]
        assert errors == []
    else:
        assert errors, found

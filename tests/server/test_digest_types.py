"""Digests see every difference that a reader sees, in every type, and no other."""

# ruff: noqa: E501 (tables of values)

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import Connection, connect
from pytest_pgsafe.snapshot.digest import read_content
from pytest_pgsafe.snapshot.expressions import common_forms, form
from pytest_pgsafe.snapshot.plan import Plan, PlanColumn
from pytest_pgsafe.snapshot.values import TableContent


@dataclass(frozen=True)
class Case:
    type: str
    #: SQL of values that a reader tells apart.
    distinct: tuple[str, ...]
    #: SQL of values that are the first of ``distinct``, written otherwise.
    same: tuple[str, ...] = ()


def q(*texts: str) -> tuple[str, ...]:
    return tuple("E'" + text.replace("'", "''") + "'" for text in texts)


CASES = [
    Case("smallint", ("1", "0", "-1", "32767", "-32768", "256")),
    Case("integer", ("1", "0", "-1", "2147483647", "-2147483648", "65536")),
    Case("bigint", ("1", "4294967296", "-1", "4294967295", "0", "9223372036854775807", "-9223372036854775808", "8589934592")),
    Case("numeric", ("1.0", *q("NaN", "Infinity", "-Infinity"), "0", "-1", "10000", "100000000", "1e-10", "1.01", "1e300"), ("1", "1.00")),
    Case("numeric(10,2)", ("1.5", "1.51", "0", "-1.5", "15000"), ("1.50",)),
    Case("real", q("0", "-0", "NaN", "Infinity", "-Infinity", "1", "1e-45", "0.1")),
    Case("double precision", q("0", "-0", "NaN", "Infinity", "-Infinity", "1", "5e-324", "0.1", "0.10000000000000002")),
    Case("money", ("1::money", "0::money", "(-1)::money", "1.01::numeric::money")),
    Case("boolean", ("true", "false"), ("'t'",)),
    Case("oid", ("1", "0", "4294967295", "2147483648")),
    Case('"char"', (*q("a", "A", ""), "(-1)::\"char\"")),
    Case("name", q("a", "A", "a ", "")),
    Case("text", q("a", "A", "a ", " a", "", "\\t", "a\\nb", "\\u00e4", "a\\u0308", "\\\\x61", "NULL", "1")),
    Case("character varying", q("a", "A", "a ", "", "ab")),
    Case("character(5)", q("a", "A", " a", "", "ab"), q("a ", "a    ")),
    Case("bpchar", q("a", "A", " a", "", "ab"), q("a ", "a    ")),
    Case("bytea", q("\\\\x00", "\\\\x", "\\\\x0000", "\\\\x3030", "\\\\xff")),
    Case("date", q("2020-01-01", "2020-01-02", "infinity", "-infinity", "0044-03-15 BC", "5874897-12-31", "2000-01-01")),
    Case("timestamp", q("2020-01-01", "2020-01-01 00:00:00.000001", "2020-01-01 01:11:34.967296", "infinity", "-infinity", "0044-03-15 BC", "294276-12-31 23:59:59.999999", "2000-01-01"), q("2020-01-01 00:00")),
    Case("timestamp with time zone", q("2020-01-01 00:00+00", "2020-01-01 00:00+01", "infinity", "-infinity", "0044-03-15 BC"), q("2020-01-01 02:00+02")),
    Case("time", q("00:00", "24:00", "01:11:34.967296", "00:00:00.000001", "12:00")),
    Case("time with time zone", q("12:00+00", "13:00+01", "12:00+01", "24:00+00")),
    Case("interval", q("1 month", "30 days", "720 hours", "0", "1 year", "-1 month", "1 month 1 second"), q("1 mon")),
    Case("uuid", q("00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000001", "10000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
    Case("inet", q("10.0.0.1", "10.0.0.1/24", "10.0.0.2", "::1", "::ffff:10.0.0.1"), q("10.0.0.1/32")),
    Case("cidr", q("10.0.0.0/8", "10.0.0.0/16", "::/0", "0.0.0.0/0")),
    Case("macaddr", q("08:00:2b:01:02:03", "08:00:2b:01:02:04", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"), q("08002b010203")),
    Case("macaddr8", q("08:00:2b:01:02:03:04:05", "08:00:2b:01:02:03:04:06", "00:00:00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff:ff:ff")),
    Case("bit(4)", q("0000", "0001", "1000", "1111")),
    Case("bit varying", q("", "0", "00", "1")),
    Case("json", q("{}", "[]", '{"a":1}', '{"a": 1}', '{"a":1.0}', "null", '""')),
    Case("jsonb", q("{}", "[]", '{"a":1}', '{"a":1.0}', "null", '""', '"1"', "1", "[1,[]]"), q("{ }")),
    Case("jsonpath", q("$", "$.a", "$[0]", "strict $")),
    Case("tsvector", q("", "a", "a:1", "a b", "a:1A")),
    Case("tsquery", q("a", "b", "a & b", "a | b", "!a")),
    Case("xml", q("<a/>", "<a></a>", "<b/>", "text")),
    Case("point", q("(0,0)", "(-0,0)", "(1,0)", "(0,1)", "(NaN,0)")),
    Case("line", q("{1,0,0}", "{0,1,0}", "{1,1,0}", "{1,0,1}")),
    Case("lseg", q("(0,0),(1,1)", "(1,1),(0,0)", "(0,0),(1,2)", "(0,0),(0,0)")),
    Case("box", q("(1,1),(0,0)", "(2,1),(0,0)", "(1,2),(0,0)", "(1,1),(0,-1)")),
    Case("path", q("[(0,0),(1,1)]", "((0,0),(1,1))", "[(1,1),(0,0)]", "[(0,0)]")),
    Case("polygon", q("((0,0),(1,1),(1,0))", "((1,1),(0,0),(1,0))", "((0,0))", "((0,0),(1,1))")),
    Case("circle", q("<(0,0),1>", "<(0,0),2>", "<(1,0),1>", "<(0,1),1>")),
    Case("regclass", q("pg_catalog.pg_class", "pg_catalog.pg_proc", "pg_catalog.pg_type", "4000000000")),
    Case("regtype", q("integer", "text", "integer[]", "0")),
    Case("regprocedure", q("pg_catalog.now()", "pg_catalog.abs(integer)", "pg_catalog.abs(bigint)", "0")),
    Case("regnamespace", q("pg_catalog", "public", "information_schema", "0")),
    Case("pg_lsn", q("0/0", "0/1", "1/0", "FFFFFFFF/FFFFFFFF")),
    Case("xid", q("0", "1", "4294967295", "3")),
    Case("xid8", q("0", "1", "4294967296", "18446744073709551615")),
    Case("tid", q("(0,0)", "(0,1)", "(1,0)", "(4294967295,65535)")),
    Case("oidvector", q("", "1", "1 2", "2 1")),
    Case("int2vector", q("", "1", "1 2", "2 1")),
    Case("pg_snapshot", q("1:1:", "1:2:", "1:3:1", "1:3:2")),
    Case("integer[]", q("{}", "{NULL}", "{0}", "{1,2}", "{2,1}", "{{1,2}}", "[0:1]={1,2}")),
    Case("text[]", q("{}", "{NULL}", '{"NULL"}', '{""}', '{"a,b"}', "{a,b}")),
    Case("numeric[]", q("{1.0}", "{1.00}", "{NaN}", "{Infinity}", "{}")),
    Case("double precision[]", q("{0}", "{-0}", "{NaN}", "{0.1}")),
    Case("regclass[]", q("{pg_class}", "{pg_proc}", "{}", "{NULL}")),
    Case("int4range", q("empty", "[1,2)", "(,)", "[1,)", "(,1)"), q("(1,1)")),
    Case("numrange", q("[1,2]", "[1,2)", "(1,2]", "empty", "[1.0,2]")),
    Case("tstzrange", q("[2020-01-01,2020-01-02)", "[2020-01-01,)", "(,)", "empty")),
    Case("int4multirange", q("{}", "{[1,2)}", "{[1,2),[3,4)}", "{(,)}")),
    Case("public.mood", q("sad", "ok", "Sad", "")),
    Case("public.mood[]", q("{sad}", "{ok}", "{}", "{sad,ok}")),
    Case("public.pair", q("(1,a)", "(1,)", '(1,"")', "(,)", "(2,a)")),
    Case("public.nested", q('("(1,a)",sad)', '("(1,a)",ok)', '("(,)",sad)', "(,sad)", "(,)")),
    Case("public.pair[]", q('{"(1,a)"}', '{"(1,)"}', "{}", "{NULL}")),
    Case("public.moods", q("[sad,ok]", "[sad,ok)", "empty", "(,)")),
    Case("public.digits", ("1.0", "2", "0", "'NaN'", "-1"), ("1.00",)),
    Case("public.label", q("a", "A", "", "b")),
    Case("public.feeling", q("sad", "ok", "Sad", "")),
]  # fmt: skip

EXTENSIONS = [
    Case("public.citext", q("a", "A", "a ", "")),
    Case("public.hstore", q("", "a=>1", "a=>NULL", 'a=>"NULL"', "a=>1,b=>2")),
    Case("public.ltree", q("", "a", "a.b", "b.a")),
    Case("public.cube", q("(0)", "(-0)", "(1)", "(0),(1)")),
]

SCHEMA = """
create type public.mood as enum ('sad', 'ok', 'Sad', '');
create type public.pair as (a integer, b text);
create type public.nested as (p public.pair, m public.mood);
create type public.moods as range (subtype = public.mood);
create domain public.digits as numeric;
create domain public.label as text;
create domain public.feeling as public.mood;
-- A cast to text that says nothing: digests go by what the type prints.
create function public.blank(public.mood) returns text language sql immutable as $$ select 'x' $$;
create cast (public.mood as text) with function public.blank(public.mood);
"""


@pytest.fixture(scope="module")
def connection(server: Server) -> Iterator[Connection]:
    address = server.create("types")
    with connect(address, read_only=False) as opened:
        for statement in SCHEMA.split(";\n"):
            opened.execute(statement.encode())
        yield opened
    server.drop(address)


@pytest.fixture
def extended(connection: Connection, request: pytest.FixtureRequest) -> Connection:
    name = request.param.partition(".")[2]
    try:
        connection.execute(f"create extension if not exists {name} schema public".encode())
    except (psycopg.errors.UndefinedFile, psycopg.errors.FeatureNotSupported):
        pytest.skip(f"the server has no extension {name}")
    return connection


#: Domains over other types take part by what lies below.
BELOW = {"public.digits": "numeric", "public.label": "text", "public.feeling": "public.mood"}


def named(type_: str) -> str:
    return {"timestamp": "timestamp without time zone", "time": "time without time zone"}.get(type_, type_)


def column(type_: str, name: str = "v") -> PlanColumn:
    base = BELOW.get(type_, named(type_))
    return PlanColumn(name=name, type=named(type_), base=base, form=form(base))


def plan(type_: str, *, keyed: bool) -> Plan:
    return Plan(
        table="public.t",
        key=("id",) if keyed else (),
        columns=(PlanColumn(name="id", type="integer", base="integer", form=form("integer")), column(type_)),
    )


def content(connection: Connection, type_: str, value: str, *, keyed: bool) -> TableContent:
    connection.execute("truncate public.t")
    connection.execute(f"insert into public.t values (1, {value})".encode())
    return read_content(connection, plan(type_, keyed=keyed))


def check_values(connection: Connection, case: Case) -> None:
    with connection.transaction(force_rollback=True):
        connection.execute(f"create table public.t (id integer, v {case.type})".encode())
        for keyed in (True, False):
            seen = [content(connection, case.type, value, keyed=keyed) for value in (*case.distinct, "NULL")]
            digests = [each.columns["v"].digest for each in seen]
            assert len(set(digests)) == len(digests), [
                (one, other)
                for one, other in itertools.combinations((*case.distinct, "NULL"), 2)
                if digests[(*case.distinct, "NULL").index(one)] == digests[(*case.distinct, "NULL").index(other)]
            ]
            assert [each.columns["v"].nulls for each in seen] == [0] * len(case.distinct) + [1]
            if not keyed:
                assert len({each.digest for each in seen}) == len(seen)
            for value in (case.distinct[0], *case.same):
                assert content(connection, case.type, value, keyed=keyed) == seen[0], value


def check_swaps(connection: Connection, case: Case) -> None:
    """Every pair of values, in some thousands of pairs of rows, changes places."""
    held = column(case.type).form
    seed = form("integer")
    pairs = list(itertools.combinations(range(len(case.distinct)), 2))
    rounds = -(-3000 // len(pairs))
    with connection.transaction(force_rollback=True):
        connection.execute(f"create table public.v (n integer, v {case.type})".encode())
        for at, value in enumerate(case.distinct):
            connection.execute(f"insert into public.v values ({at}, {value})".encode())
        text = f"""
            select count(*), count(*) filter (where a.h + b.h is distinct from c.h + d.h)
            from (
                select x.v as v1, y.v as v2, {seed.hash("g", "0")} as s1, {seed.hash("(g * 7919 + 1)", "0")} as s2
                from public.v x join public.v y on x.n < y.n, generate_series(1, {rounds}) g
            ) r,
            lateral (select ({held.hash("v1", "s1")})::numeric as h) a,
            lateral (select ({held.hash("v2", "s2")})::numeric as h) b,
            lateral (select ({held.hash("v2", "s1")})::numeric as h) c,
            lateral (select ({held.hash("v1", "s2")})::numeric as h) d
        """
        row = connection.execute(text.encode()).fetchone()
    assert row is not None
    assert row[0] >= 3000
    assert row[1] == row[0]


def skip_without_xml(connection: Connection, case: Case) -> None:
    if case.type == "xml":
        try:
            connection.execute("select '<a/>'::xml")
        except psycopg.errors.FeatureNotSupported:
            pytest.skip("the server is built without libxml")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.type)
def test_values_that_differ_and_values_that_do_not(connection: Connection, case: Case) -> None:
    skip_without_xml(connection, case)
    check_values(connection, case)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.type)
def test_values_that_change_places(connection: Connection, case: Case) -> None:
    skip_without_xml(connection, case)
    check_swaps(connection, case)


@pytest.mark.parametrize(
    ("extended", "case"), [(case.type, case) for case in EXTENSIONS], ids=lambda case: getattr(case, "type", ""),
    indirect=["extended"],
)  # fmt: skip
def test_types_of_extensions(extended: Connection, case: Case) -> None:
    check_values(extended, case)
    check_swaps(extended, case)


def test_every_built_in_type_is_tried(connection: Connection) -> None:
    rows = connection.execute(
        "select format_type(oid, null) from pg_type where typnamespace = 'pg_catalog'::regnamespace"
        " and typtype in ('b', 'r', 'm') and typcategory <> 'A' and typname not in"
        # Types of the server's own statistics, without input; and arrays by another name.
        " ('pg_node_tree', 'pg_ndistinct', 'pg_dependencies', 'pg_mcv_list', 'pg_brin_bloom_summary',"
        " 'pg_brin_minmax_multi_summary', 'aclitem', 'gtsvector')"
    ).fetchall()
    kinds = {named(case.type).partition("(")[0] for case in CASES} | {"character", "bit"}
    # Of their families one each is tried: they differ in what they point to, or in their bounds.
    families = {
        "reg": "regclass", "range": "int4range", "multirange": "int4multirange", "txid_snapshot": "pg_snapshot",
        "cid": "xid", "refcursor": "text",
    }  # fmt: skip
    missing = {
        name
        for (name,) in rows
        if name not in kinds and not any(name.startswith(family) or name.endswith(family) for family in families)
    }
    assert missing == set()


def test_a_case_insensitive_collation_hides_nothing(connection: Connection) -> None:
    try:
        with connection.transaction():
            connection.execute(
                "create collation public.blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
            )
    except psycopg.Error as error:
        pytest.skip(f"the server has no ICU: {error}")
    check_values(connection, Case("text collate public.blind", q("a", "A", "b", "")))


@pytest.mark.parametrize(
    ("narrow", "wide", "values"),
    [
        ("smallint", "integer", ("1", "-1", "0", "-32768")),
        ("integer", "bigint", ("1", "-1", "0", "-2147483648")),
        ("character varying(5)", "text", q("a", "", "A ")),
        ("character varying(5)", "character varying(9)", q("a", "", "A ")),
        ("character(3)", "character(9)", q("a", "", "A ")),
        ("numeric(10,2)", "numeric(14,4)", ("1.5", "0", "-7", "10000")),
        ("integer", "numeric", ("1", "0", "-5", "10000")),
        ("bigint", "numeric(22,2)", ("9223372036854775807", "0")),
        ("integer", "double precision", ("1", "0", "-5")),
        ("real", "numeric", ("0.1", "0", "1e-5", "'NaN'")),
        ("numeric(6,2)", "double precision", ("1.50", "0", "1000")),
        ("real", "double precision", ("0.5", "0", "'-0'", "'Infinity'")),
        ("money", "numeric", ("1.5::numeric::money", "0::money")),
        ("boolean", "integer", ("true", "false")),
        ("date", "timestamp without time zone", q("2020-01-01", "infinity", "0044-03-15 BC")),
        ("date", "timestamp with time zone", q("2020-01-01", "-infinity")),
        ("timestamp without time zone", "timestamp with time zone", q("2020-01-01 12:00:00.5", "infinity")),
        ("json", "jsonb", q('{"b":1, "a" : [1.0]}', "null", '{"a" :":b", "c\\\\\\\\":":" }', '{"\\\\"a":"\\\\u003a"}')),
        ("character varying(20)", "public.mood", q("sad", "ok")),
        ("public.mood", "text", q("sad", "ok")),
        ("text", "json", q("{}", "[1, 2]")),
        ("integer", "text", ("1", "-1")),
        ("uuid", "text", q("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
        ("cidr", "inet", q("10.0.0.0/8", "10.0.0.1/32")),
        ("integer[]", "bigint[]", q("{1,NULL}", "{}")),
        ("numeric", "public.digits", ("1.50", "0")),
    ],
)  # fmt: skip
def test_a_value_keeps_its_digest_in_another_type(
    connection: Connection, narrow: str, wide: str, values: tuple[str, ...]
) -> None:
    forms = common_forms(BELOW.get(narrow, narrow), BELOW.get(wide, wide))
    for value in (*values, "NULL"):
        cast = f"({value})::{narrow}"
        wider = f"({cast})::{wide}" if (narrow, wide) != ("public.mood", "text") else f"concat({cast})"
        if (narrow, wide, value) == ("public.mood", "text", "NULL"):
            continue
        if narrow == "real" and wide == "numeric":
            wider = f"({cast})::text::numeric"
        row = connection.execute(
            f"select {forms[0].hash(cast, '7')}, {forms[1].hash(wider, '7')}, {forms[0].hash(cast, '8')}".encode()
        ).fetchone()
        assert row is not None
        assert row[0] == row[1], value
        assert (row[0] is None) == (value == "NULL")
        assert value == "NULL" or row[0] != row[2]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("1.2345::numeric(12,4)", "1.23::numeric(12,2)"),
        ("12345678901234567.5::numeric", "12345678901234567.5::double precision"),
        ("'2020-01-01 12:00'::timestamp without time zone", "'2020-01-01'::date"),
        ("1.5::double precision", "2::integer"),
        ("'abcdef'::text", "'abc'::character varying(3)"),
        ("'2020-01-01 12:00'::timestamp without time zone", "'2020-01-01 11:00+00'::timestamp with time zone"),
        ("'5874897-12-31'::date", "'294276-12-31'::timestamp without time zone"),
        ("""'{"a":1,"a":2}'::json""", """'{"a":1}'::jsonb"""),
        ("""'{"a":1,"a":2}'::json""", """'{"a":1,"a":2}'::jsonb"""),
        ("""'[{"b" : {"a":":", "a" :1}}]'::json""", """'[{"b" : {"a":":", "a" :1}}]'::jsonb"""),
    ],
)
def test_what_another_type_loses_is_seen(connection: Connection, before: str, after: str) -> None:
    forms = common_forms(before.rpartition("::")[2], after.rpartition("::")[2])
    row = connection.execute(f"select {forms[0].hash(before, '7')}, {forms[1].hash(after, '7')}".encode()).fetchone()
    assert row is not None
    assert None not in row
    assert row[0] != row[1]

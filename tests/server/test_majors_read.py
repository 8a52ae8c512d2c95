"""What is read of majors in SQL text, held against the majors themselves."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from pytest_pgsafe.reading.majors import (
    BEHAVIOURS,
    FEATURES,
    VIRTUAL,
    Behaviour,
    Feature,
    Needs,
    behaviours,
    features,
    shapes,
)
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from tests.tiers import part

BASE = """
create table t (id int primary key, a int, b int, d jsonb, s text, at timestamptz);
create table u (id int primary key, t int, s text);
create materialized view m as select 1 as one;
create view v as select id, a from t;
create role pgsafe_one; create role pgsafe_two;
"""
#: A statement that holds it, for each feature.
EXAMPLES = {
    "MERGE": "merge into t using u on t.id = u.t when matched then update set s = u.s",
    "NULLS NOT DISTINCT": "create unique index on t (a) nulls not distinct",
    "security_invoker of a view": "create view w with (security_invoker = true) as select * from t",
    "a publication of a schema": "create publication p for tables in schema public",
    "columns or rows of a published table": "create publication p for table only t (id, a)",
    "SET ACCESS METHOD": "alter table t set access method heap",
    "ON DELETE SET NULL of some columns": "alter table u add foreign key (t) references t on delete set null (t)",
    "GRANT … ON PARAMETER": "grant set on parameter work_mem to pgsafe_one",
    "regexp_count()": "select regexp_count('a', 'a')",
    "regexp_instr()": "select regexp_instr('a', 'a')",
    "regexp_like()": "select pg_catalog.regexp_like('a', 'a')",
    "pg_backup_start()": "select pg_backup_start('x')",
    "SET stats_fetch_consistency": "set stats_fetch_consistency = snapshot",
    "SET recursive_worktable_factor": "set local recursive_worktable_factor to 2",
    "IS JSON": "alter table t add check (s is json)",
    "STORAGE in CREATE TABLE": "create table x (c text storage external)",
    "an integer in another notation": "update t set a = 1_000",
    "GRANT of a role WITH INHERIT or SET": "grant pgsafe_one to pgsafe_two with inherit false",
    "any_value()": "select any_value(a) from t",
    "array_sample()": "select array_sample(array[1, 2], 1)",
    "array_shuffle()": "select array_shuffle(array[1, 2])",
    "random_normal()": "select random_normal()",
    "pg_input_is_valid()": "select pg_input_is_valid('1', 'integer')",
    "pg_input_error_info()": "select pg_input_error_info('1', 'integer')",
    "date_subtract()": "select date_subtract(now(), '1 day')",
    "json_arrayagg()": "select json_arrayagg(a) from t",
    "json_objectagg()": "select json_objectagg(id: a) from t",
    "SET debug_parallel_query": "set debug_parallel_query = off",
    "SET createrole_self_grant": "set createrole_self_grant = 'set'",
    "SET enable_presorted_aggregate": "alter role pgsafe_one set enable_presorted_aggregate = off",
    "SET vacuum_buffer_usage_limit": "set vacuum_buffer_usage_limit = '1MB'",
    "MERGE … RETURNING": "merge into t using u on t.id = u.t when matched then update set s = u.s returning t.id",
    "WHEN NOT MATCHED BY SOURCE": "merge into t using u on t.id = u.t when not matched by source then delete",
    "COPY … ON_ERROR": "copy t from '/dev/null' with (on_error ignore)",
    "SET EXPRESSION": "create table g (a int, b int generated always as (a) stored);"
    "alter table g alter column b set expression as (a + 1)",
    "AT LOCAL": "select at at local from t",
    "the privilege MAINTAIN": "grant maintain on t to pgsafe_one",
    "the collation provider builtin": "create collation c (provider = builtin, locale = 'C')",
    "an event trigger for logins": "create function f() returns event_trigger language plpgsql as $$begin end$$;"
    "create event trigger e on login execute function f()",
    "JSON_TABLE": "select * from t, json_table(t.d, '$[*]' columns (x int path '$'))",
    "json_exists()": "select json_exists(d, '$') from t",
    "json_query()": "select json_query(d, '$') from t",
    "json_value()": "select json_value(d, '$') from t",
    "json_serialize()": "select json_serialize('1')",
    "json_scalar()": "select json_scalar(1)",
    "to_bin()": "select to_bin(1)",
    "to_oct()": "select to_oct(1)",
    "xmltext()": "select xmltext('a')",
    "uuid_extract_timestamp()": "select uuid_extract_timestamp(gen_random_uuid())",
    "uuid_extract_version()": "select uuid_extract_version(gen_random_uuid())",
    "SET transaction_timeout": "SET transaction_timeout = 0",
    "SET event_triggers": "set event_triggers = off",
    "SET enable_group_by_reordering": "set enable_group_by_reordering = off",
    VIRTUAL.name: "create table x (a int, b int generated always as ((a + 1)) virtual)",
    "WITHOUT OVERLAPS": "create table x (id int4range, at tstzrange, primary key (id, at without overlaps))",
    "a foreign key with PERIOD": "create table x (id int4range, at tstzrange, primary key (id, at without overlaps));"
    "create table y (id int4range, at tstzrange, foreign key (id, period at) references x (id, period at))",
    "NOT ENFORCED": "alter table t add constraint c check (a > 0) not enforced",
    "NOT NULL as a constraint of a table": "alter table t add constraint nn not null a",
    "OLD and NEW in RETURNING": "update t set a = 1 returning with (old as o) o.a",
    "COPY … REJECT_LIMIT": "copy t from '/dev/null' with (on_error ignore, reject_limit 3)",
    "uuidv7()": "alter table t add column k uuid default uuidv7()",
    "uuidv4()": "select uuidv4()",
    "array_sort()": "select array_sort(array[2, 1])",
    "array_reverse()": "select array_reverse(array[2, 1])",
    "casefold()": "select casefold('A' collate \"unicode\")",
    "crc32c()": "select crc32c('a'::bytea)",
    "SET file_copy_method": "set file_copy_method = copy",
    "SET vacuum_truncate": "set vacuum_truncate = off",
    "SET enable_self_join_elimination": "set enable_self_join_elimination = off",
    "SET enable_distinct_reordering": "set enable_distinct_reordering = off",
    "pg_start_backup()": "select pg_start_backup('x', true, false)",
    "PL/Python for Python 2": "create extension plpython2u",
    "the extension adminpack": "create extension adminpack",
    "an unlogged partitioned table": "create unlogged table x (a int) partition by list (a)",
    "the privilege RULE": "grant rule on t to pgsafe_one",
    "SET force_parallel_mode": "set force_parallel_mode = off",
    "SET vacuum_defer_cleanup_age": "alter system set vacuum_defer_cleanup_age = 0",
    "SET promote_trigger_file": "alter system set promote_trigger_file = ''",
    "SET old_snapshot_threshold": "alter system set old_snapshot_threshold = -1",
    "SET db_user_namespace": "alter system set db_user_namespace = off",
    "SET trace_recovery_messages": "alter system set trace_recovery_messages = log",
}
#: What a server says of what it does not know; anything else is about the example.
_UNKNOWN = (
    psycopg.errors.SyntaxError, psycopg.errors.UndefinedFunction, psycopg.errors.UndefinedObject,
    psycopg.errors.InvalidParameterValue, psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedFile,
    psycopg.errors.UndefinedColumn, psycopg.errors.InvalidTableDefinition, psycopg.errors.WrongObjectType,
    psycopg.errors.InvalidObjectDefinition,
)  # fmt: skip
#: What the programs at hand may have been built without.
_BUILT_WITHOUT = {"xmltext()", "PL/Python for Python 2", "the extension adminpack", "casefold()"}


@pytest.fixture(scope="module")
def ground(server: Server) -> Iterator[Address]:
    address = server.create("majors")
    yield address
    server.drop(address)


def test_each_feature_has_an_example() -> None:
    assert set(EXAMPLES) == {one.name for one in (*FEATURES, VIRTUAL)}


#: One of three is held against the server; all of them with PGSAFE_TEST_FULL=1.
HELD = part([*FEATURES, VIRTUAL], 3)


@pytest.mark.parametrize("feature", HELD, ids=lambda one: one.name)
def test_a_feature_is_read_and_is_what_the_server_says(server: Server, ground: Address, feature: Feature) -> None:
    statements = EXAMPLES[feature.name].split(";") if "$$" not in EXAMPLES[feature.name] else [EXAMPLES[feature.name]]
    read = [one.name for text in statements for shape in shapes(text.strip()) for one in features(shape)]
    if "$$" not in EXAMPLES[feature.name]:
        assert feature.name in read
    if not server.owns_cluster:
        pytest.skip("roles are not made on an existing server")
    with psycopg.connect(**ground.parameters, autocommit=True) as connection:
        with connection.transaction(force_rollback=True):
            connection.execute(BASE.encode())
            taken = True
            try:
                with connection.transaction(force_rollback=True):
                    connection.execute(EXAMPLES[feature.name].encode())
            except psycopg.errors.ActiveSqlTransaction:
                # ALTER SYSTEM, which knows the setting.
                taken = _known(connection, feature.name)
            except _UNKNOWN as error:
                if feature.name in _BUILT_WITHOUT and feature.within(server.version.major):
                    pytest.skip(str(error).splitlines()[0])
                taken = False
        assert taken == feature.within(server.version.major)


def _known(connection: psycopg.Connection, name: str) -> bool:
    found = connection.execute("select from pg_settings where name = %s", (name.removeprefix("SET "),)).fetchone()
    return found is not None


@pytest.mark.parametrize(
    "text",
    [
        "select 'merge into t', \"merge\", $$uuidv7()$$",
        "update t set transaction_timeout = 1, storage = 2",
        "create function uuidv7() returns uuid language sql as $$select gen_random_uuid()$$",
        "create publication p for table t with (publish = 'insert')",
        "grant pgsafe_one to pgsafe_two with admin option",
        "create table x (a int, b int generated always as (a * (2 + 1)) stored)",
        "create table x (a int generated always as identity, constraint c check (a > 0), b int constraint n not null)",
        "alter table t alter column s set storage external",
        "create function f() returns int language plpython3u as $$merge into t$$",
        "select mine.json_value(d) from t",
        "insert into t (merge) values (1e5)",
    ],
)
def test_what_every_major_takes_is_no_feature(text: str) -> None:
    assert Needs().read([(text, "")]).features == ()


def test_bodies_and_own_functions() -> None:
    merge = "merge into t using u on true when matched then delete"
    body = f"create or replace procedure p() language plpgsql as $x$declare n int; begin\n{merge}; end$x$"
    needs = Needs().read([(body, "a.sql:3"), ("select uuidv7()", "a.sql:9")])
    assert needs.least is not None
    assert (needs.least[0].name, needs.least[1]) == ("uuidv7()", "a.sql:9")
    needs = needs.read(
        [("create function public.uuidv7() returns uuid language sql as 'select gen_random_uuid()'", "")]
    )
    assert needs.least is not None
    assert (needs.least[0].name, needs.least[0].first, needs.least[1]) == ("MERGE", 15, "a.sql:3")
    assert needs.most is None


#: A query for each that the two majors answer differently (an error is an answer too), and one that none of them does.
BEHAVE = {
    "interval-fraction": ("select interval '1.99 years'", "select interval '1.99 months', 1.99 as years"),
    "escape-v": (r"select E'a\vb'", r"select E'a\\vb', '\v'"),
    "json-null": ("""select ('{"a": null}'::jsonb -> 'a')::int""", """select ('{"a": null}'::jsonb ->> 'a')::int"""),
    "infinite-interval": ("select 'infinity'::interval", "select 'infinity'::timestamp"),
    "time-zone-abbreviation": (
        "select '2024-01-01 10:00 LMT'::timestamptz",
        "select '2024-01-01 10:00 UTC'::timestamptz",
    ),
    "createrole": ("create role x", "create table role (a int)"),
    "bound-cursor": ("do $$declare c cursor for select 1; begin open c; end$$", "select 1 as cursor"),
    "maintenance-path": ("refresh materialized view m", "refresh publication"),
    "copy-csv": ("copy t from '/x' with (format csv)", "copy t from stdin with (format csv)"),
    "trigger-role": ("set local role x", "set roles to x"),
}


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda one: one.name)
def test_a_behaviour_is_read(behaviour: Behaviour) -> None:
    otherwise, alike = BEHAVE[behaviour.name]
    assert behaviour in [one for shape in shapes(otherwise) for one in behaviours(shape)]
    assert behaviour not in [one for shape in shapes(alike) for one in behaviours(shape)]


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("interval-fraction", "1 year 11 mons", "2 years"),
        ("escape-v", "avb", "a\x0bb"),
        ("json-null", "error", None),
        ("infinite-interval", "error", "infinity"),
    ],
)
def test_a_behaviour_is_what_the_server_does(
    server: Server, ground: Address, name: str, before: str, after: str | None
) -> None:
    [behaviour] = [one for one in BEHAVIOURS if one.name == name]
    with psycopg.connect(**ground.parameters, autocommit=True) as connection:
        try:
            [(found,)] = connection.execute(f"select x::text from ({BEHAVE[name][0]}) y(x)".encode()).fetchall()
        except psycopg.Error:
            found = "error"
    assert found == (after if server.version.major >= behaviour.first else before)

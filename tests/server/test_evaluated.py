"""What PostgreSQL plans or parses of a table's own expressions when pgsafe reads it, and pg_dump does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_pgsafe.backup.take import take
from pytest_pgsafe.compare import restored_equals_source
from pytest_pgsafe.copy import restoring
from pytest_pgsafe.copy.comparing import compare_databases
from pytest_pgsafe.copy.source import Source
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.snapshot.take import take as read_facts

#: A function that names another one, of the schema public, without its schema: as most functions are written.
INLINED = """
create function helper(int) returns int immutable language sql as 'select $1 + 1';
create function twice(int) returns int immutable language sql as 'select helper($1) * 2';
create table t (id int primary key, a int, b int);
insert into t select g, g, g from generate_series(1, 50) g;
"""
STATISTICS = INLINED + "create statistics s on (twice(a)), b from t;"
CHILD = """
create table part (id bigserial, a int) partition by range (a);
create table part_1 partition of part for values from (0) to (10);
create statistics sp on (twice(a)), id from part_1;
create table child () inherits (t);
create statistics sc on (twice(a)), id from child;
"""
POLICY = """
create function mine(int) returns boolean stable language sql as 'select helper($1) > 0';
alter table t enable row level security;
create policy p on t using (mine(a));
create view v as select twice(a) as d from t;
"""


def build(address: Address, text: str) -> None:
    with connect(address, read_only=False) as connection:
        connection.execute("set search_path = public, app")
        connection.execute(text.encode())
        if connection.info.server_version < 170000:
            # From 17 on nobody can: ANALYZE's own search path keeps the functions from finding each other.
            connection.execute("analyze")


@pytest.mark.parametrize(
    "schema",
    [STATISTICS, STATISTICS + CHILD, STATISTICS + POLICY, "create schema app; set search_path = app;" + STATISTICS],
    ids=["statistics", "partitions", "policy", "another schema"],
)
def test_a_table_that_pg_dump_reads_is_read(server: Server, database: Address, tmp_path: Path, schema: str) -> None:
    build(database, schema)
    backup = take(database, tmp_path / "backup", server.programs, durable=False)
    assert backup.facts is not None
    assert backup.facts.not_verified == ()
    prepared = restoring.prepare(server, backup.facts.catalog)
    try:
        restoring.fill(Source(shown=""), backup, prepared, server)
        with connect(prepared.address) as connection:
            facts = read_facts(connection)
        assert restored_equals_source(backup.facts, facts) == ()
        assert [content.rows for content in facts.tables.values() if content.rows] == [50]
        # Which rows of it a migration changed is told too.
        after = server.clone(prepared.address, "after")
        name = next(name for name, content in facts.tables.items() if content.rows)
        build(after, f"update {name} set b = -b where id > 45")
        with connect(prepared.address) as one, connect(after, read_only=False) as two:
            found = compare_databases(one, two, facts, read_facts(two), "values")
        assert dict(found.rows[name].changed) == {"b": 5}
        server.drop(after)
    finally:
        server.drop(prepared.address)


def test_an_index_that_pg_dump_does_not_mind_is_in_the_backup(
    server: Server, database: Address, tmp_path: Path
) -> None:
    if not server.extensions() >= {"cube", "earthdistance"}:
        pytest.skip("the server has no earthdistance")
    build(
        database,
        "create extension cube; create extension earthdistance;"
        "create table place (id int primary key, lat float8, lon float8);"
        "create index on place using gist (ll_to_earth(lat, lon));"
        "insert into place select g, g, g from generate_series(1, 10) g",
    )
    backup = take(database, tmp_path / "backup", server.programs, durable=False)
    assert backup.facts is not None
    assert backup.facts.not_verified == ()
    assert backup.facts.tables["public.place"].rows == 10


def test_where_a_value_reads_otherwise_the_table_is_not_verified(database: Address) -> None:
    # The text of a regclass depends on the search path: two readings of it would differ.
    build(database, STATISTICS + "create table u (c regclass[]); insert into u values (array['t'::regclass]);")
    with connect(database) as connection:
        facts = read_facts(connection)
    assert [gap.object for gap in facts.not_verified] == ["public.t"]
    assert "helper" in facts.not_verified[0].reason
    assert facts.tables["public.u"].rows == 1


def test_the_owner_of_a_database_may_hold_its_privileges_with_grant_option(
    server: Server, database: Address, tmp_path: Path
) -> None:
    if not server.owns_cluster:
        pytest.skip("roles are not made on an existing server")
    build(
        database,
        "create role pgsafe_keeper; create role pgsafe_reader; create table t ();"
        f"alter database {database.dbname} owner to pgsafe_keeper;"
        f"grant all on database {database.dbname} to pgsafe_keeper with grant option;"
        f"grant connect on database {database.dbname} to pgsafe_reader with grant option;",
    )
    try:
        backup = take(database, tmp_path / "backup", server.programs, durable=False)
        assert backup.facts is not None
        prepared = restoring.prepare(server, backup.facts.catalog)
        restoring.fill(Source(shown=""), backup, prepared, server)
        with connect(prepared.address) as connection:
            facts = read_facts(connection)
        assert restored_equals_source(backup.facts, facts) == ()
        assert {grant.grantable for grant in facts.catalog.grants.values() if grant.grantee == "pgsafe_keeper"} == {
            True
        }
        server.drop(prepared.address)
    finally:
        build(
            database,
            f"alter database {database.dbname} owner to current_user; drop owned by pgsafe_keeper, pgsafe_reader;"
            "drop role pgsafe_keeper, pgsafe_reader",
        )

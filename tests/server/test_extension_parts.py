"""What somebody put on an extension's objects is named wherever a restore is proven: no dump carries it."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from pytest_pgsafe.backup.take import take
from pytest_pgsafe.compare import not_restored_with_extensions, restored_equals_source
from pytest_pgsafe.copy import restoring
from pytest_pgsafe.copy.source import Source
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.snapshot.take import take as read_facts


def restored(server: Server, source: Address, folder: Path) -> tuple[dict[str, str], int]:
    """Return what is named of a restored copy, and how many differences it has."""
    backup = take(source, folder / "backup", server.programs, durable=False)
    assert backup.facts is not None
    prepared = restoring.prepare(server, backup.facts.catalog)
    try:
        restoring.fill(Source(shown=""), backup, prepared, server)
        with connect(prepared.address) as connection:
            facts = read_facts(connection)
    finally:
        server.drop(prepared.address)
    named = {gap.object: gap.reason for gap in not_restored_with_extensions(backup.facts, facts)}
    return named, len(restored_equals_source(backup.facts, facts))


def do(address: Address, *statements: str) -> None:
    with psycopg.connect(**address.parameters, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def test_an_extension_that_nobody_touched_is_whole(server: Server, database: Address, tmp_path: Path) -> None:
    for name in sorted({"hstore", "citext", "pg_trgm", "pg_stat_statements", "postgis", "ltree"} & server.extensions()):
        do(database, f"create extension {name}")
    assert restored(server, database, tmp_path) == ({}, 0)


def test_functions_of_an_extension_that_were_changed_are_named(
    server: Server, database: Address, tmp_path: Path
) -> None:
    do(
        database, "create extension hstore",
        # What a restore that stops at a function without its search path asks for.
        "alter function hstore_to_json(hstore) set search_path = public",
        "comment on function hstore_to_jsonb(hstore) is 'ours'",
        "create function ours() returns int language sql as 'select 1'", "alter extension hstore add function ours()",
    )  # fmt: skip
    named, _ = restored(server, database, tmp_path)
    assert set(named) == {
        "function public.hstore_to_json(public.hstore)",
        "comment on function public.hstore_to_jsonb(public.hstore)",
        "function public.ours()",
    }
    assert "changed in the extension hstore" in named["function public.hstore_to_json(public.hstore)"]
    assert "added to the extension hstore" in named["function public.ours()"]


def test_what_stands_on_tables_of_postgis_is_named(server: Server, database: Address, tmp_path: Path) -> None:
    if "postgis" not in server.extensions():
        pytest.skip("postgis is not installed (Debian: postgresql-MAJOR-postgis-3)")
    do(
        database, "create extension postgis",
        "create table place (id int primary key, at geometry(point, 4326))",
        "insert into place select n, st_setsrid(st_makepoint(n, n), 4326) from generate_series(1, 50) n",
        "create index on place using gist (at)",
    )  # fmt: skip
    do(
        database,
        "insert into spatial_ref_sys (srid, auth_name, srtext) values (990001, 'ours', 'x')",
        "create index ours on spatial_ref_sys (auth_name)",
        "comment on table spatial_ref_sys is 'ours'",
        "alter table spatial_ref_sys add constraint ours_check check (srid <> 7)",
        "create function noted() returns trigger language plpgsql as $$begin return new; end$$",
        "create trigger ours before update on spatial_ref_sys for each row execute function noted()",
        "alter table spatial_ref_sys set (fillfactor = 90)",
    )
    named, _ = restored(server, database, tmp_path)
    assert {name for name in named if name != "public.spatial_ref_sys"} == {
        "index public.ours on public.spatial_ref_sys",
        "comment on table public.spatial_ref_sys",
        "constraint ours_check on public.spatial_ref_sys",
        "trigger ours on public.spatial_ref_sys",
        "relation public.spatial_ref_sys",
    }


def test_rows_that_no_dump_carries_are_named(server: Server, database: Address, tmp_path: Path) -> None:
    if "postgis" not in server.extensions():
        pytest.skip("postgis is not installed (Debian: postgresql-MAJOR-postgis-3)")
    do(database, "create extension postgis", "update spatial_ref_sys set auth_name = 'ours' where srid = 4326")
    named, differences = restored(server, database, tmp_path)
    assert (set(named), differences) == ({"public.spatial_ref_sys"}, 0)
    assert "no dump is to carry them" in named["public.spatial_ref_sys"]

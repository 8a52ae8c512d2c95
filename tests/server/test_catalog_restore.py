"""A dump and a restore give an equal catalog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path

import pytest
from psycopg import sql

from catalog_rich import build, catalog, differences
from pytest_pgsafe.catalog import codec
from pytest_pgsafe.catalog.names import unquoted
from pytest_pgsafe.catalog.roles import (
    create_roles_sql,
    existing_roles,
    needed_roles,
)
from pytest_pgsafe.catalog.values import Catalog
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.settings import alter


def restore(server: Server, source: Address, folder: Path, name: str) -> Address:
    """Dump a database and restore it as another one, with what only ``--create`` would carry."""
    archive = folder / f"{name}.dump"
    dumped = server.programs.run("pg_dump", ["-Fc", f"--file={archive}"], address=source, files=[folder])
    assert dumped.returncode == 0, dumped.stderr
    copy = server.create(name)
    arguments = ["--exit-on-error", "--dbname=service=pgsafe", str(archive)]
    restored = server.programs.run("pg_restore", arguments, address=copy, files=[folder])
    assert restored.returncode == 0, restored.stderr
    return copy


@pytest.fixture(scope="module")
def rich(server: Server) -> Iterator[Address]:
    address = server.create("catalog_rich")
    build(address)
    yield address
    server.drop(address)


@pytest.fixture(scope="module")
def restored(server: Server, rich: Address, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    address = restore(server, rich, tmp_path_factory.mktemp("dump"), "catalog_restored")
    yield address
    server.drop(address)


def test_the_rich_schema_has_everything(rich: Address) -> None:
    found = catalog(rich)
    # Of what pgsafe does not know there is nothing to be made.
    known = [part.name for part in fields(Catalog) if part.name not in {"database", "unknown"}]
    empty = [name for name in known if not getattr(found, name)]
    assert empty == []
    assert {"event trigger", "publication", "subscription", "statistics", "foreign server", "foreign-data wrapper"} | {
        "user mapping",
        "cast",
        "operator",
        "operator class",
        "operator family",
        "collation",
        "conversion",
        "language",
    } | {"access method", "transform", "text search configuration", "text search dictionary", "text search parser"} | {
        "text search template",
        "large objects",
        "view column",
        "materialized view column",
        "attribute",
        "index column",
    } == {one.form for one in found.definitions.values()}
    assert {one.form for one in found.constraints.values()} >= {
        "primary key",
        "unique",
        "foreign key",
        "check",
        "exclusion",
    }
    assert {one.object_kind for one in found.grants.values()} == {
        "table",
        "column",
        "sequence",
        "schema",
        "function",
        "type",
        "database",
        "large object",
        "foreign server",
        "foreign-data wrapper",
        "language",
        "default privileges",
    }
    assert {one.form for one in found.types.values()} == {"enum", "domain", "composite", "range", "base"}
    assert {one.form for one in found.functions.values()} == {"function", "procedure", "aggregate", "window function"}


def test_a_restore_is_equal(rich: Address, restored: Address) -> None:
    source, copy = catalog(rich), catalog(restored)
    assert differences(source, copy) == {}
    assert source == copy


def test_a_restore_of_the_restore_is_equal(server: Server, rich: Address, restored: Address, tmp_path: Path) -> None:
    again = restore(server, restored, tmp_path, "catalog_again")
    try:
        assert catalog(again) == catalog(rich)
    finally:
        server.drop(again)


def test_the_restore_did_change_the_order_of_columns(rich: Address, restored: Address) -> None:
    source, copy = catalog(rich), catalog(restored)

    def number(of: Catalog) -> int:
        return of.columns["rich.heir.own"].number

    assert number(source) != number(copy)


def test_the_catalog_of_the_rich_schema_survives_json(rich: Address) -> None:
    found = catalog(rich)
    back = codec.loads(Catalog, codec.dumps(found))
    assert back == found
    assert back.roles == found.roles
    assert back.database.name == found.database.name


def test_what_only_create_carries(server: Server, rich: Address, restored: Address) -> None:
    if not server.owns_cluster:
        pytest.skip("needs a cluster of its own")
    name = sql.Identifier(rich.parameters["dbname"])
    with connect(rich, read_only=False) as connection:
        connection.execute(sql.SQL("alter database {} set search_path = rich, public").format(name))
        connection.execute(sql.SQL("alter database {} set \"my.own\" = 'a=b, c'").format(name))
        connection.execute(sql.SQL("alter role rich_login in database {} set work_mem = '7MB'").format(name))
        connection.execute(sql.SQL("alter database {} connection limit 99").format(name))
        connection.execute(sql.SQL("revoke connect on database {} from public").format(name))
    source = catalog(rich)
    assert source.database.settings == ("my.own=a=b, c", "search_path=rich, public")
    assert differences(source, catalog(restored)) == {
        ("database", "database"): {"settings", "connection_limit"},
        ("grant", "database CONNECT PUBLIC"): set(),
    }
    assert source.roles["rich_login"].database_settings == ("work_mem=7MB",)
    target = restored.parameters["dbname"]
    with connect(restored, read_only=False) as connection:
        pairs = [(None, setting) for setting in source.database.settings]
        pairs += [
            (unquoted(role.name), setting) for role in source.roles.values() for setting in role.database_settings
        ]
        for statement in [alter(target, setting, role=role) for role, setting in pairs]:
            connection.execute(statement)
        connection.execute(sql.SQL("alter database {} connection limit 99").format(sql.Identifier(target)))
        connection.execute(sql.SQL("revoke connect on database {} from public").format(sql.Identifier(target)))
    copy = catalog(restored)
    assert copy == source
    assert copy.roles == source.roles


def test_roles_are_made_again(server: Server, database: Address) -> None:
    if not server.owns_cluster:
        pytest.skip("needs a cluster of its own")
    names = ["catalog_owner", 'Catalog, "member"', "catalog_top", "catalog_stranger"]
    with connect(database, read_only=False) as connection:
        major = connection.info.server_version // 10000
        for name in names:
            connection.execute(sql.SQL("create role {}").format(sql.Identifier(name)))
        try:
            connection.execute("alter role catalog_owner noinherit createdb login connection limit 4 bypassrls")
            connection.execute('alter role catalog_owner set search_path = "$user", "a, b", public')
            connection.execute("alter role catalog_owner set log_statement = 'all'")
            connection.execute("comment on role catalog_owner is 'it''s'")
            connection.execute("alter role catalog_owner password 'never to be seen'")
            connection.execute('grant "Catalog, ""member""" to catalog_owner with admin option')
            connection.execute('grant catalog_top to "Catalog, ""member"""')
            connection.execute("grant pg_read_all_data to catalog_top")
            if major >= 16:
                connection.execute("grant catalog_top to catalog_owner with inherit true, set false")
            connection.execute("create table public.t ()")
            connection.execute("alter table public.t owner to catalog_owner")
            found = needed_roles(connection)
            superuser = connection.info.user
            assert set(found) == {"catalog_owner", '"Catalog, ""member"""', "catalog_top", superuser}
            assert "never" not in repr(found)
            made = create_roles_sql(found, existing_roles(connection))
            assert made == []
            connection.execute("drop table public.t")
            for name in names[:3]:
                connection.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))
            for statement in create_roles_sql(found, existing_roles(connection)):
                connection.execute(statement)
            connection.execute("create table public.t ()")
            connection.execute("alter table public.t owner to catalog_owner")
            again: Mapping[str, object] = needed_roles(connection)
            assert again == found
        finally:
            connection.execute("drop table if exists public.t")
            for name in names:
                connection.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(name)))

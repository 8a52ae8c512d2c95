"""Dumps in the forms that people have: restored, verified, rehearsed; and nothing beside them is touched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import pytest
from psycopg import sql

from dump_forms import FORMS, Form, Made, shop
from pytest_pgsafe.config import forms as words
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.runbook.admission import Order
from pytest_pgsafe.runbook.restore import restore
from pytest_pgsafe.runbook.verify import Scratch, verify
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.snapshot.take import take as read_facts
from pytest_pgsafe.snapshot.values import Snapshot
from test_rehearsal import settings
from tests.tiers import part

#: Every form is restored; of the other two ways each is taken by some.
VERIFIED, REHEARSED = part(FORMS, 4), part([*FORMS][::-1], 4)


@pytest.fixture(scope="module")
def source(server: Server) -> Iterator[Address]:
    """A database with owners, privileges and text that looks like psql's commands."""
    with shop(server) as address:
        yield address


@pytest.fixture(scope="module")
def facts(source: Address) -> Snapshot:
    return facts_of(source)


def facts_of(address: Address) -> Snapshot:
    with connect(address) as session:
        return read_facts(session)


@pytest.fixture(params=FORMS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def form(name: str) -> Form:
    return FORMS[name]


@pytest.fixture
def dump(server: Server, source: Address, form: Form, tmp_path: Path) -> Path:
    return form.make(Made(server.programs, source, tmp_path))


@pytest.fixture(autouse=True)
def untouched(server: Server, source: Address, facts: Snapshot) -> Iterator[None]:
    """Hold the server's other databases and its roles against what they were."""
    before = around(server)
    yield
    assert around(server) == before
    assert facts_of(source) == facts


def around(server: Server) -> dict[str, object]:
    found: dict[str, object] = {}
    with connect(server.address()) as session:
        found["databases"] = session.execute(
            "select datname, datistemplate, shobj_description(oid, 'pg_database') from pg_database order by 1"
        ).fetchall()
        found["roles"] = session.execute("select rolname, rolsuper from pg_roles order by 1").fetchall()
        found["settings"] = session.execute("select * from pg_db_role_setting order by 1, 2").fetchall()
    for database in ("postgres", "template1"):
        with connect(server.address(database)) as session:
            found[database] = session.execute("select count(*) from pg_class").fetchall()
    return found


def without_owners(one: Snapshot) -> Snapshot:
    catalog = one.catalog
    bare = {
        one.name: {
            key: replace(value, owner="") if hasattr(value, "owner") else value
            for key, value in getattr(catalog, one.name).items()
        }
        for one in fields(catalog)
        if isinstance(getattr(catalog, one.name), dict)
    }
    return replace(one, catalog=replace(catalog, **{**bare, "grants": {}}))  # type: ignore[arg-type]


def test_it_is_restored(
    server: Server, source: Address, facts: Snapshot, dump: Path, form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", source.parameters.get("password", ""))
    into = source.with_(dbname=f"{source.dbname}_restored")
    try:
        done = restore(dump, into, Order())
        assert done.relations == len(facts.tables)
        restored = facts_of(into)
        if form.equal:
            wanted, got = (facts, restored) if form.owners else map(without_owners, (facts, restored))
            assert got.catalog == replace(wanted.catalog, database=got.catalog.database)
            assert got.tables == wanted.tables
            assert got.sequences == wanted.sequences
        else:
            assert set(restored.tables) == set(facts.tables)
            assert restored.catalog.grants == facts.catalog.grants
    finally:
        drop(server, into)


def drop(server: Server, address: Address) -> None:
    with connect(server.address(), read_only=False) as session:
        session.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(address.dbname)))


@pytest.mark.parametrize("name", VERIFIED, indirect=True)
def test_it_is_verified(server: Server, source: Address, dump: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", source.parameters.get("password", ""))
    use = server.address().url() if server.kind == "existing" else server.kind
    found = verify(dump, Scratch(use=use, superuser=True))
    assert {one.name for one in found.outcomes if one.result == "failed"} == set(), found.outcomes
    assert {"exists", "format", "restore", "orphans"} <= {one.name for one in found.outcomes if one.result == "passed"}
    assert not found.proven


@pytest.mark.parametrize("name", REHEARSED, indirect=True)
def test_it_is_a_source(server: Server, dump: Path, tmp_path: Path) -> None:
    migration = tmp_path / "migration.sql"
    migration.write_text("alter table sales.orders add column paid_at timestamptz;")
    given = words.source([str(dump)], base=tmp_path, origin="--pgsafe-source")
    result = rehearse(settings(server, given, migration, tmp_path))
    assert result.verdict == "passed", result
    assert result.relations == 2

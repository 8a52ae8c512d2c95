"""The CRM fixture is what its README says: rows, copies, the way there and back, what harms and what does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql

from pytest_pgsafe.config.file import parse
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from tests.server.crm_facts import (
    CRM,
    RULES,
    SETTINGS,
    behind,
    cast,
    columns,
    content,
    drift,
    facts,
    harmed,
    hashes,
    header,
    name,
    psql,
)

HARMS = sorted((CRM / "harms").glob("*.sql"))
BENIGN = sorted((CRM / "benign").glob("*.sql"))
ROWS = {
    "categories": 40,
    "users": 150,
    "suppliers": 200,
    "products": 1600,
    "customers": 3000,
    "contracts": 3000,
    "contract_approval_records": 4000,
    "service_contracts": 1500,
    "sales": 6000,
    "sale_items": 8000,
    "product_sales": 4000,
    "tickets": 5000,
    "ticket_comments": 5000,
    "ticket_attachments": 2000,
    "job_works": 3000,
    "job_work_specifications": 2350,
    "complaints": 1500,
}
#: What the runbook's data snapshot looks for (Backup 4, section 2).
NAMES = {
    "category",
    "is_active",
    "supplier_name",
    "customer_name",
    "assigned_to_name",
    "amount",
    "customer_email",
    "customer_phone",
    "reported_by_name",
    "product_name",
    "product_sku",
    "product_category",
    "customer_short_name",
    "customer_contact",
    "receiver_engineer_name",
    "receiver_engineer_email",
    "assigned_by_name",
}


@pytest.fixture(scope="module")
def crm(server: Server) -> Iterator[Address]:
    address = server.create("crm")
    psql(server, address, CRM / "schema.sql", CRM / "data.sql")
    yield address
    server.drop(address)


@pytest.fixture
def copy(server: Server, crm: Address) -> Iterator[Address]:
    address = server.clone(crm, "crm_copy")
    yield address
    server.drop(address)


def test_every_table_has_its_rows(crm: Address) -> None:
    with connect(crm) as connection:
        found = {
            table: connection.execute(
                sql.SQL("select count(*) from public.{}").format(sql.Identifier(table))
            ).fetchone()
            for table in {table.removeprefix("public.") for table, _, _ in columns(connection).values()}
        }
    assert {table: row[0] for table, row in found.items() if row} == ROWS
    assert 45_000 <= sum(ROWS.values()) <= 60_000


def test_the_same_rows_come_out_again(server: Server, crm: Address, database: Address) -> None:
    psql(server, database, CRM / "schema.sql", CRM / "data.sql")
    with connect(crm) as one, connect(database) as other:
        assert content(one) == content(other)
        assert facts(one) == facts(other)


def test_the_scale_is_a_setting(server: Server, database: Address) -> None:
    psql(server, database, CRM / "schema.sql", CRM / "data.sql", settings="-c crm.scale=0.1")
    with connect(database) as connection:
        row = connection.execute(
            "select (select count(*) from public.sales), (select count(*) from public.users)"
        ).fetchone()
        assert row == (600, 50)
        assert not [rule for rule in RULES if drift(connection, rule)[1]]


def test_everything_belongs_to_the_owner(crm: Address) -> None:
    query = """select pg_get_userbyid(datdba)::text from pg_database where datname = current_database()
        union select pg_get_userbyid(relowner)::text from pg_class where relnamespace = 'public'::regnamespace
        union select pg_get_userbyid(proowner)::text from pg_proc where pronamespace = 'public'::regnamespace
        union select pg_get_userbyid(typowner)::text from pg_type where typnamespace = 'public'::regnamespace"""
    with connect(crm) as connection:
        assert connection.execute(query).fetchall() == [("crm_owner",)]


def test_no_sequence_is_behind(crm: Address) -> None:
    query = """select c.oid::regclass::text from pg_class c
        where relkind = 'S' and relnamespace = 'public'::regnamespace and relname <> 'contract_number_seq'"""
    with connect(crm) as connection:
        sequences = [row[0] for row in connection.execute(query)]
        assert len(sequences) == 11
        assert not [sequence for sequence in sequences if behind(connection, sequence)]


def test_seventeen_names_agree_with_their_sources(crm: Address) -> None:
    query = """select table_name || '.' || column_name from information_schema.columns where table_schema = 'public'
        and table_name in ('products', 'sales', 'tickets', 'contracts', 'job_works') and column_name = any(%s)"""
    copies = {rule["column"] for rule in RULES}
    assert len(NAMES) == 17
    assert {copy.partition(".")[2] for copy in copies} == NAMES
    assert {entry["column"] for entry in SETTINGS["expect"]["dropped"]} == copies
    with connect(crm) as connection:
        assert {row[0] for row in connection.execute(query, (list(NAMES),))} == copies
        for rule in RULES:
            filled, distinct = drift(connection, rule)
            assert filled > 0, rule
            assert distinct == [], rule


def test_drift_and_repair(server: Server, copy: Address) -> None:
    psql(server, copy, CRM / "drift.sql", role="crm_owner")
    with connect(copy) as connection:
        drifted = {rule["column"] for rule in RULES if drift(connection, rule)[1]}
    psql(server, copy, CRM / "repair.sql", role="crm_owner")
    with connect(copy) as connection:
        assert not [rule for rule in RULES if drift(connection, rule)[1]]
    assert {column.partition(".")[2] for column in drifted} == NAMES


@pytest.mark.parametrize("role", ["crm_owner", ""], ids=["owner", "superuser"])
def test_phase_4_and_back(server: Server, crm: Address, copy: Address, role: str) -> None:
    copies = {("public." + rule["column"].partition(".")[0], rule["column"].partition(".")[2]) for rule in RULES}
    views = sql.SQL("select md5(string_agg(v::text, '' order by v::text)) from {} v")
    with connect(crm) as connection:
        before, definitions = content(connection), facts(connection)
        relations = [
            which for (kind, which), what in definitions.items() if kind == "relation" and what and what[0] in "vm"
        ]
        shown = {view: connection.execute(views.format(name(view))).fetchone() for view in relations}
    psql(server, copy, CRM / "phase4.sql", role=role)
    with connect(copy) as connection:
        gone = before.keys() - content(connection).keys()
        assert gone == copies
        assert {view: connection.execute(views.format(name(view))).fetchone() for view in relations} == shown
    psql(server, copy, CRM / "phase4.down.sql", role=role)
    with connect(copy) as connection:
        assert content(connection) == before
        assert facts(connection) == definitions
    assert len(relations) == 7


def test_additive_only_adds(server: Server, crm: Address, copy: Address) -> None:
    psql(server, copy, CRM / "additive.sql", role="crm_owner")
    with connect(crm) as one, connect(copy) as other:
        assert content(one).items() < content(other).items()
        assert facts(one).items() < facts(other).items()


def test_the_settings_are_known() -> None:
    document = parse(SETTINGS, path=CRM / "pgsafe.toml")
    assert len(document.denormalized) == len(RULES) == 25
    assert "source" not in SETTINGS


def test_enough_of_each() -> None:
    assert len(HARMS) >= 14
    assert len(BENIGN) >= 12
    checks = {header(file)["check"][0] for file in HARMS}
    assert checks == {"rows", "values", "foreign_keys", "denormalized", "schema", "sequences", "privileges"}


@pytest.mark.parametrize("file", HARMS, ids=lambda file: file.stem)
def test_harm(server: Server, crm: Address, copy: Address, file: Path) -> None:
    said = header(file)
    assert said.keys() <= {"harm", "object", "check", "key", "needs"}
    assert said["object"]
    before = server.clone(crm, "crm_before") if "needs" in said else crm
    try:
        for needed in said.get("needs", []):
            psql(server, before, CRM / needed)
            psql(server, copy, CRM / needed)
        psql(server, copy, file, role="crm_owner")
        with connect(before) as one, connect(copy) as other:
            assert harmed(one, other, said)
    finally:
        if before is not crm:
            server.drop(before)


@pytest.mark.parametrize("file", BENIGN, ids=lambda file: file.stem)
def test_benign(server: Server, crm: Address, copy: Address, file: Path) -> None:
    assert header(file).keys() == {"benign"}
    psql(server, copy, file, role="crm_owner")
    with connect(crm) as before, connect(copy) as after:
        old, new = columns(before), columns(after)
        for oid in {oid for oid, _ in old}:
            table = next(found[0] for (o, _), found in old.items() if o == oid)
            kept = [(found, new[where]) for where, found in old.items() if where[0] == oid and where in new]
            for where, (_, column, _) in old.items():
                if where[0] == oid and where not in new:
                    query = sql.SQL("select count({}) from {}").format(sql.Identifier(column), name(table))
                    assert before.execute(query).fetchone() == (0,), f"{table}.{column} held data"
            was = hashes(before, table, [cast(one[1], one[2]) for one, _ in kept])
            now = hashes(after, kept[0][1][0], [cast(other[1], one[2]) for one, other in kept])
            assert not was - now, f"rows of {table} are gone or changed"
        assert not [rule for rule in RULES if drift(after, rule)[1]]

"""What seems to be denormalised: the CRM's copies are found, and next to nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_pgsafe.backup.restore import run_sql
from pytest_pgsafe.catalog.read import read as read_catalog
from pytest_pgsafe.cli import run
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.snapshot.proposals import propose
from pytest_pgsafe.snapshot.values import Proposal
from tests.server.crm_facts import CRM, RULES


@pytest.fixture(scope="module")
def crm(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """The CRM at a fifth of its size, with what drifted in production."""
    address = server.create("crm")
    scale = tmp_path_factory.mktemp("crm") / "scale.sql"
    scale.write_text(f"alter database {address.dbname} set crm.scale = '0.2';\n")
    run_sql([scale, CRM / "schema.sql", CRM / "data.sql", CRM / "drift.sql"], address, server.programs)
    yield address
    server.drop(address)


def proposed(address: Address) -> list[Proposal]:
    with connect(address) as connection:
        found, missing = propose(connection, read_catalog(connection))
    assert missing == ()
    return list(found)


def test_the_copies_of_the_crm_are_found_although_some_rows_drifted(crm: Address) -> None:
    found = {one.rule.column: one for one in proposed(crm)}
    for rule in RULES:
        told = found.pop(f"public.{rule['column']}")
        assert told.rule.source == f"public.{rule['source']}"
        assert 0.5 < told.share <= 1.0
    # What a line of a sale cost is a copy of the product's price, and so on: these agree in every row.
    assert set(found) <= {"public.product_sales.revenue", "public.product_sales.units", "public.sale_items.unit_price"}
    assert {one.share for one in found.values()} <= {1.0}


SHOP = """
create table public.customers (
    id int primary key, name text, active boolean not null default true, orders_count int, spent numeric(12,2),
    last_order timestamptz, joined timestamptz default '2026-01-01', score int
);
create table public.orders (
    id int primary key, customer_id int references public.customers, helper_id int references public.customers,
    helper_name text, active boolean not null default true, total numeric, made timestamptz, joined timestamptz,
    "Customer's name" text, quantity int
);
insert into public.customers (id, name, score) select n, 'Customer ' || n, n % 7 from generate_series(1, 50) n;
insert into public.orders
select n, n * n % 50 + 1, n * 7 % 50 + 1, 'Customer ' || (n * 7 % 50 + 1), n % 40 <> 0, n + 0.25,
    timestamptz '2026-01-01' + n * interval '1 hour', '2026-01-01', 'Customer ' || (n * n % 50 + 1), n % 5
from generate_series(1, 300) n;
update public.orders set "Customer's name" = null, helper_name = 'x' where id % 30 = 0;
update public.customers c set orders_count = o.n, spent = o.s, last_order = o.m
from (select customer_id, count(*) n, sum(total) s, max(made) m from public.orders group by 1) o
where o.customer_id = c.id;
"""


def test_counts_sums_and_odd_names_but_no_coincidence(database: Address) -> None:
    with connect(database, read_only=False) as connection:
        connection.execute(SHOP)
    found = {one.rule.column: (one.rule.expected, one.rule.via, one.agreeing) for one in proposed(database)}
    assert found == {
        "public.customers.last_order": ("max(public.orders.made)", "public.orders.customer_id", 50),
        "public.customers.orders_count": ("count(public.orders)", "public.orders.customer_id", 50),
        "public.customers.spent": ("sum(public.orders.total)", "public.orders.customer_id", 50),
        'public.orders."Customer\'s name"': ("public.customers.name", "public.orders.customer_id", 290),
        "public.orders.helper_name": ("public.customers.name", None, 290),
    }


def test_the_command_writes_rules_that_hold(
    crm: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    # Passwords do not belong into arguments.
    monkeypatch.setenv("PGSAFE_SOURCE", crm.url())
    assert run(["propose"]) == 0
    text = capsys.readouterr().out
    assert '[[denormalized]]\ncolumn = "sales.amount"\nsource = "contracts.value"\n' in text
    assert "# 1,176 of 1,200 rows agree (98.0 %)\n" in text
    (tmp_path / "pgsafe.toml").write_text(text, encoding="utf-8")
    assert run(["propose", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["proposals"] == []
    assert run(["propose"]) == 0
    assert capsys.readouterr().out == "# 0 proposed, 28 more stand in the configuration\n"
    monkeypatch.delenv("PGSAFE_SOURCE")
    assert run(["propose"]) == 4
    assert "name one" in capsys.readouterr().err

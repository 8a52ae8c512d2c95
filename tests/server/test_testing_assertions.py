"""Assertions for tests of one's own, on real databases: what each lets pass, and what it shows when it fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

import pytest_pgsafe
from pytest_pgsafe import (
    ScratchDatabase,
    SourceDatabase,
    assert_denormalized,
    assert_no_fk_nulls,
    assert_rows,
    assert_same,
)
from pytest_pgsafe.config.values import Settings
from pytest_pgsafe.errors import ConfigError, MigrationError
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.testing.migrating import Ways
from tests.migrations import parse

SHOP = """
create schema billing;
create table customer (id int primary key, name text, email text);
create table sale (id int primary key, customer_id int references customer, customer_name text);
create table billing.invoice (id int primary key, sale_id int references sale);
create table heap (a int, b text);
insert into customer values (1, 'Ada', 'a@x'), (2, 'Bea', null), (3, 'Cy', 'c@x');
insert into sale values (1, 1, 'Ada'), (2, 2, 'Bea'), (3, 3, 'Cy');
insert into heap values (1, 'x'), (1, 'x'), (2, 'y');
"""


@pytest.fixture(scope="module")
def shop(server: Server) -> Iterator[ScratchDatabase]:
    """Never written to but for its first lines: it is cloned."""
    ways = Ways(settings=Settings(folder=Path()), migration=None, rollback=None, empty=True)
    address = server.create("shop")
    with ScratchDatabase(address, server=server, ways=ways, origin=address.dbname, release=server.drop) as made:
        made.execute(SHOP)
        yield made


@pytest.fixture
def copy(shop: ScratchDatabase) -> ScratchDatabase:
    return shop.clone()


def refused(call: Any, *given: Any, **named: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        call(*given, **named)
    return str(caught.value)


def test_rows_that_are_there(shop: ScratchDatabase) -> None:
    assert_rows(shop, "customer", 3)
    assert_rows(shop, "public.customer", 3)
    assert_rows(shop.uri, "billing.invoice", 0)
    assert_rows(shop, "select 1 where false;", 0)
    assert_rows(shop, "heap", [(2, "y"), (1, "x"), (1, "x")])
    assert_rows(shop, "customer", [{"name": "Cy", "id": 3}, {"id": 1, "name": "Ada"}, {"id": 2, "name": "Bea"}])
    assert_rows(shop, "select name, id from customer order by id desc", [("Cy", 3), ("Bea", 2), ("Ada", 1)])
    assert_rows(shop, "select 'a % b' as s", [("a % b",)])
    assert_rows(shop.snapshot(), "customer", 3)


def test_rows_that_are_not(shop: ScratchDatabase) -> None:
    assert refused(assert_rows, shop, "customer", 4) == "customer has 3 rows, not 4"
    assert refused(assert_rows, shop.snapshot(), "customer", 4) == "public.customer has 3 rows, not 4"
    assert refused(assert_rows, shop, "heap", [(1, "x"), (2, "y"), (3, "z")]).splitlines() == [
        "heap has 3 rows, 2 of the 3 expected",
        "  missing: (3, 'z')",
        "  not expected: (1, 'x')",
    ]
    named = refused(assert_rows, shop, "customer", [{"id": 1, "name": "ADA"}])
    assert named.splitlines()[1:3] == ["  compared by (id, name)", "  missing: (1, 'ADA')"]
    order = refused(assert_rows, shop, "select id from customer order by id", [(1,), (3,), (2,)])
    assert order.endswith("in another order: row 1 is (2,), not (3,)")
    # The order of a window, of a subquery or in a text is not that of the rows.
    within = "select 'order by', (select max(b) over (order by (a)) from heap limit 1), id from customer -- order by"
    assert_rows(shop, within, [("order by", "x", 3), ("order by", "x", 1), ("order by", "x", 2)])


def test_rows_of_what_is_not_there(shop: ScratchDatabase) -> None:
    with pytest.raises(ConfigError, match=r"there is no table 'custmer'\n  remedy: did you mean customer\?"):
        assert_rows(shop, "custmer", 3)
    with pytest.raises(ConfigError, match="no column 'nick'"):
        assert_rows(shop, "select id from customer", [{"nick": 1}])
    with pytest.raises(psycopg.errors.UndefinedTable):
        assert_rows(shop, "select * from custmer", 3)
    with pytest.raises(TypeError, match="all mappings of the same columns"):
        assert_rows(shop, "customer", [{"id": 1}, (2,)])
    with pytest.raises(TypeError, match="a snapshot holds no rows"):
        assert_rows(shop.snapshot(), "customer", [(1,)])
    with pytest.raises(ConfigError, match="neither a libpq URI nor a conninfo"):
        assert_rows("customer", "customer", 3)


def test_a_copy_of_a_column(copy: ScratchDatabase) -> None:
    assert_denormalized(copy, "sale.customer_name", "customer.name")
    assert_denormalized(copy, "sale.customer_name", "customer.name", via="customer_id")
    copy.execute("update customer set name = 'Abe' where id = 1")
    assert refused(assert_denormalized, copy, "sale.customer_name", "customer.name").splitlines() == [
        "public.sale.customer_name = public.customer.name does not hold in 1 of 3 rows",
        "  row id=1: public.sale.customer_name=Ada but public.customer.name=Abe",
    ]
    copy.execute("delete from sale")
    assert "public.sale has no rows: nothing was looked at" in refused(
        assert_denormalized, copy, "sale.customer_name", "customer.name"
    )
    assert_denormalized(copy, "sale.customer_name", "customer.name", allow_empty=True)
    with pytest.raises(ConfigError, match=r"there is no column 'sale.custumer_name'\n  remedy: did you mean"):
        assert_denormalized(copy, "sale.custumer_name", "customer.name")


def test_foreign_keys(copy: ScratchDatabase) -> None:
    assert_no_fk_nulls(copy)
    assert_no_fk_nulls(copy, "sale.customer_id")
    assert_no_fk_nulls(copy.snapshot(), "sale.customer_id")
    empty = refused(assert_no_fk_nulls, copy, "invoice.sale_id")
    assert empty == refused(assert_no_fk_nulls, copy.snapshot(), "invoice.sale_id")
    assert empty.startswith("billing.invoice has no rows: nothing was looked at")
    assert_no_fk_nulls(copy, "invoice.sale_id", allow_empty=True)
    copy.execute("update sale set customer_id = null where id = 2")
    copy.execute("alter table sale disable trigger all; update sale set customer_id = 9 where id = 3")
    said = ["public.sale.customer_id is NULL in 1 row", "public.sale.customer_id points to no row of public.customer"]
    for looked in (copy, copy.uri, copy.snapshot()):
        text = refused(assert_no_fk_nulls, looked, "customer_id")
        assert all(line in text for line in said)
    assert "\n  9" in refused(assert_no_fk_nulls, copy)
    with pytest.raises(ConfigError, match=r"no column of a foreign key 'sale\.id'"):
        assert_no_fk_nulls(copy, "sale.id")
    copy.execute("drop table customer, sale, billing.invoice cascade")
    assert "no foreign key" in refused(assert_no_fk_nulls, copy)


def test_copies_that_are_the_same(shop: ScratchDatabase, copy: ScratchDatabase) -> None:
    assert_same(shop, copy)
    copy.execute("update customer set name = name, email = email")
    assert_same(shop, copy)
    assert_same(shop.snapshot(), copy)
    assert_same(shop.snapshot(), copy.snapshot())


def test_copies_that_differ_show_the_rows(shop: ScratchDatabase, copy: ScratchDatabase) -> None:
    copy.execute("update customer set email = 'b@x' where id = 2; delete from sale where id = 3")
    copy.execute("alter table heap rename to pile; create index i on customer (name)")
    lines = refused(assert_same, shop, copy).splitlines()
    assert lines == [
        f"{shop.name} and {copy.name} are not the same",
        "  index public.i added",
        "  rows public.sale: 3 → 2",
        "    row id=3: gone, was customer_id=3, customer_name=Cy, id=3",
        "  table public.heap renamed to public.pile",
        "  values public.customer.email: another value in 1 row",
        "    row id=2: email: NULL -> b@x",
    ]
    assert_same(shop, copy, ignore=["sale", "heap", "customer"])
    assert "public.i" not in refused(assert_same, shop, copy, structure=False)
    assert "public.sale" not in refused(assert_same, shop, copy, ignore="s*le")


def test_protection_that_is_gone_shows_against_facts_too(shop: ScratchDatabase, copy: ScratchDatabase) -> None:
    copy.execute("alter table sale disable trigger all")
    for looked in (shop, shop.snapshot()):
        assert "constraint public.sale.sale_customer_id_fkey enabled: origin → " in refused(assert_same, looked, copy)
    copy.execute("alter table sale enable trigger all; create materialized view m as select 1 as a")
    other = copy.clone()
    other.execute("drop materialized view m; create materialized view m as select 2 as a")
    assert "view public.m: other content" in refused(assert_same, copy, other, structure=False)


def test_what_is_no_copy_is_known_by_its_names(server: Server, shop: ScratchDatabase) -> None:
    address = server.create("other")
    with ScratchDatabase(address, server=server, ways=shop.ways, origin=address.dbname, release=server.drop) as other:
        other.execute(SHOP)
        source = SourceDatabase(shop.address)
        assert_same(source, other)
        assert_same(source, other.uri)
        other.execute("alter table heap rename to pile; update customer set name = 'Bo' where id = 2")
        text = refused(assert_same, source, other)
        assert "table public.heap dropped" in text
        assert "row id=2: name: Bea -> Bo" in text
        # Without a place for a temporary table the facts have to do.
        assert "values public.customer.name: other values" in refused(assert_same, source, other.uri)


def test_nothing_compared_is_no_success(server: Server, shop: ScratchDatabase) -> None:
    address = server.create("empty")
    with ScratchDatabase(address, server=server, ways=shop.ways, origin=address.dbname, release=server.drop) as empty:
        assert "nothing was compared" in refused(assert_same, empty, empty.clone())
        assert "nothing was compared" in refused(assert_same, shop, empty, ignore=["*", "*.*"])


def test_alembic_goes_to_a_revision_and_nothing_is_no_migration(
    server: Server, shop: ScratchDatabase, tmp_path: Path
) -> None:
    pytest.importorskip("alembic")
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/steps\n")
    (tmp_path / "steps" / "versions").mkdir(parents=True)
    (tmp_path / "steps" / "env.py").write_text(
        "from alembic import context\nfrom sqlalchemy import create_engine\n"
        "engine = create_engine(context.config.get_main_option('sqlalchemy.url'))\n"
        "with engine.connect() as connection:\n"
        "    context.configure(connection=connection)\n"
        "    with context.begin_transaction():\n        context.run_migrations()\n"
    )
    for name, before in (("one", None), ("two", "one")):
        (tmp_path / "steps" / "versions" / f"{name}.py").write_text(
            f"from alembic import op\nrevision, down_revision = {name!r}, {before!r}\n"
            f"def upgrade(): op.execute('create table {name} ()')\n"
        )
    ways = Ways(settings=Settings(folder=tmp_path), migration=parse("alembic.ini", tmp_path), rollback=None, empty=True)
    address = server.create("alembic")
    with ScratchDatabase(address, server=server, ways=ways, origin=address.dbname, release=server.drop) as made:
        made.migrate(to="one")
        assert_rows(made, "alembic_version", [("one",)])
        with pytest.raises(MigrationError, match=r"nothing was migrated: .* left the copy at one"):
            made.migrate(to="one")


def test_the_public_surface() -> None:
    assert {name: getattr(pytest_pgsafe, name).__name__ for name in pytest_pgsafe.__all__} == {
        name: name for name in pytest_pgsafe.__all__
    }
    assert set(pytest_pgsafe.__all__) <= set(dir(pytest_pgsafe))
    with pytest.raises(AttributeError, match="no attribute 'assert_rwos'"):
        _ = pytest_pgsafe.assert_rwos

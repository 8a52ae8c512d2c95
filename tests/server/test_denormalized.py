"""Denormalised columns and undeclared references on a real server: every kind, before and after, and who broke what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.values import Finding
from pytest_pgsafe.config import Options, resolve
from pytest_pgsafe.copy.comparing import compare_databases
from pytest_pgsafe.errors import ConfigError
from pytest_pgsafe.rehearsal import denormalized, judging
from pytest_pgsafe.rehearsal.rules import resolve_rules
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import Connection, connect
from pytest_pgsafe.snapshot.take import take
from pytest_pgsafe.snapshot.values import Snapshot

SHOP = """
create type public.stage as enum ('open', 'paid', 'void');
create table public.customers (
    id int primary key, name varchar(40) not null, tier text collate "C", rate numeric(10,4), stamp timestamptz,
    orders_made int, spent numeric(12,2), last_stage public.stage, first_order date, orders_paid int, lines int
);
create table public.orders (
    id int primary key, customer_id int references public.customers, customer_name text, rate numeric(8,2),
    total numeric(12,4) not null, stage public.stage not null, made_at timestamp not null, shouted text
);
create table public.lines (order_id int references public.orders, line int, what text, primary key (order_id, line));
create table public.people (
    id int primary key, boss_id int references public.people, boss_name text, name text not null
);
create table public.audit (id int primary key, person int, kind text, subject int, person_name text);
create table public.empty_copies (
    id int primary key, customer_id int references public.customers, customer_name text
);
insert into public.customers
select n, 'Customer ' || n, case when n % 3 = 0 then null else 'gold' end, n + 0.1250, '2026-01-01 00:00+00'
from generate_series(1, 20) n;
insert into public.orders
select n, nullif(n / 2 % 18, 0), null, null, n + 0.1255, (array['open', 'paid', 'void'])[n % 3 + 1]::public.stage,
    timestamp '2026-01-01' + n / 2 * interval '1 day', null
from generate_series(1, 60) n;
insert into public.lines select n, k, 'line' from generate_series(1, 60) n, generate_series(1, n % 4) k;
update public.orders o set customer_name = c.name, rate = c.rate, shouted = upper(c.name)
from public.customers c where c.id = o.customer_id;
update public.customers c set
    orders_made = (select count(*) from public.orders o where o.customer_id = c.id),
    orders_paid = (select count(*) from public.orders o where o.customer_id = c.id and o.stage = 'paid'),
    spent = (select sum(total) from public.orders o where o.customer_id = c.id),
    first_order = (select min(made_at) from public.orders o where o.customer_id = c.id),
    last_stage = (select stage from public.orders o where o.customer_id = c.id order by made_at desc, id limit 1),
    lines = (select count(*) from public.orders o join public.lines l on l.order_id = o.id where o.customer_id = c.id);
update public.customers set spent = 0, orders_made = null where id = 19;
insert into public.people select n, nullif(n - 1, 0), 'Person ' || (n - 1), 'Person ' || n from generate_series(1, 9) n;
update public.people set boss_name = null where id = 1;
insert into public.audit
select n, n % 9 + 1, case when n % 2 = 0 then 'customer' else 'order' end, n % 18 + 1, 'Person ' || n % 9 + 1
from generate_series(1, 30) n;
-- Drift.
update public.orders set customer_name = 'Somebody' where id in (7, 8);
"""
COPY = '[[denormalized]]\ncolumn = "orders.customer_name"\nsource = "customers.name"\n'


def rule(column: str, **keys: str) -> str:
    lines = [f'column = "{column}"', *(f'{key.rstrip("_")} = "{value}"' for key, value in keys.items())]
    return "[[denormalized]]\n" + "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Shop:
    """The shop before and after: what is done to it after is rolled back."""

    before: Connection
    after: Connection
    facts: Snapshot


@pytest.fixture(scope="module")
def shop(server: Server) -> Iterator[Shop]:
    address = server.create("shop")
    with connect(address, read_only=False) as connection:
        connection.execute(SHOP)
    clone = server.clone(address, "after")
    with connect(address) as before, connect(clone, read_only=False) as after:
        yield Shop(before, after, take(before))
    server.drop(clone)
    server.drop(address)


Rehearse = Callable[[str, str], list[Finding]]


@pytest.fixture
def rehearse(shop: Shop, tmp_path: Path) -> Rehearse:
    """Judge SQL that was run on the clone by what a pgsafe.toml says; only what is about the rules comes back."""

    def run(toml: str, migration: str) -> list[Finding]:
        (tmp_path / "pgsafe.toml").write_text(toml, encoding="utf-8")
        (tmp_path / "shop.sql").write_text("", encoding="utf-8")
        told = Options(source=(str(tmp_path / "shop.sql"),))
        settings = resolve(told, environment={}, rootdir=tmp_path, invocation_dir=tmp_path)
        one, two = shop.before, shop.after
        rules = resolve_rules(settings, shop.facts.catalog)
        denormalized.check(rules, shop.facts.catalog, one)
        with two.transaction(force_rollback=True):
            two.execute("set local search_path = public")
            two.execute(migration)
            two.execute("set constraints all immediate")
            two.execute("set local search_path = pg_catalog")
            comparison = compare_databases(one, two, shop.facts, take(two), "values")
            found = judge(judging.evidence(comparison, None, rules, one, two))
        return [one for one in found if one.code.startswith(("PGS30", "PGS4"))]

    return run


def said(findings: list[Finding]) -> list[tuple[str, str, str]]:
    return [(one.code, one.severity.value, one.object) for one in findings]


ALL = "".join(
    [
        COPY,
        rule("orders.rate", source="customers.rate"),
        rule("orders.shouted", sql="upper((select c.name from customers c where c.id = orders.customer_id)); "),
        rule("customers.orders_made", count="orders"),
        rule("customers.orders_paid", count="orders", where="stage = 'paid'"),
        rule("customers.spent", sum="orders.total"),
        rule("customers.first_order", min="orders.made_at"),
        rule("customers.last_stage", latest="orders.stage", by="orders.made_at"),
        rule("customers.lines", count="lines"),
        rule("people.boss_name", source="people.name", via="people.boss_id"),
        rule("audit.person_name", source="people.name"),
        '[foreign_keys]\n"audit.person" = { references = "people.id" }\n'
        '"audit.subject" = { references = "customers.id", where = "kind = \'customer\'" }\n',
    ]
)
DRIFTED = ("PGS402", "warning", "public.orders.customer_name")


def test_every_kind_agrees_where_it_should_and_shows_what_had_drifted_before(rehearse: Rehearse) -> None:
    [found] = rehearse(ALL, "select 1")
    assert said([found]) == [DRIFTED]
    assert [(dict(one.key), dict(one.before or {}), dict(one.after or {})) for one in found.samples] == [
        ({"id": "7"}, {"public.orders.customer_name": "Somebody"}, {"public.customers.name": "Customer 3"}),
        ({"id": "8"}, {"public.orders.customer_name": "Somebody"}, {"public.customers.name": "Customer 4"}),
    ]
    assert found.standing


@pytest.mark.parametrize(
    ("migration", "object_", "shown"),
    [
        ("update customers set name = 'New' where id = 3", "orders.customer_name", ("id", "6")),
        ("update customers set rate = rate + 1 where id = 4", "orders.rate", ("id", "8")),
        ("update orders set shouted = lower(shouted) where id = 5", "orders.shouted", ("id", "5")),
        ("update customers set orders_made = orders_made + 1 where id = 6", "customers.orders_made", ("id", "6")),
        ("update customers set orders_made = null where id = 6", "customers.orders_made", ("id", "6")),
        ("update orders set stage = 'paid' where id = 17", "customers.orders_paid", ("id", "8")),
        ("update customers set spent = 0 where id = 9", "customers.spent", ("id", "9")),
        ("update orders set total = total + 0.01 where id = 10", "customers.spent", ("id", "5")),
        ("insert into orders values (99, 11, 'Customer 11', 11.13, 0, 'open', '2020-01-01', 'CUSTOMER 11')",
         "customers.first_order", ("id", "11")),
        ("update customers set last_stage = 'open' where id = 14", "customers.last_stage", ("id", "14")),
        ("delete from lines where order_id = 13", "customers.lines", ("id", "6")),
        ("update people set boss_name = 'x' where id = 5", "people.boss_name", ("id", "5")),
        ("update people set name = 'x' where id = 2", "audit.person_name", ("id", "1")),
    ],
)  # fmt: skip
def test_every_kind_sees_what_a_migration_breaks(
    rehearse: Rehearse, migration: str, object_: str, shown: tuple[str, str]
) -> None:
    found = [one for one in rehearse(ALL, migration) if one.object == f"public.{object_}"]
    worse = [one for one in found if one.severity.value == "error"]
    assert [one.code for one in worse] == ["PGS402"], found
    assert dict([shown]) in [dict(sample.key) for sample in worse[0].samples]


@pytest.mark.parametrize(
    "migration",
    [
        # Scale, width and type of a copy; the same value in other words.
        "alter table orders alter column customer_name type varchar(60)",
        "alter table customers alter column spent type numeric(14,3)",
        "alter table customers alter column orders_made type bigint",
        "alter table customers alter column last_stage type text",
        "alter table customers alter column first_order type timestamp",
        # No row refers to it: NULL and 0 say the same.
        "update customers set spent = null, orders_made = 0 where id = 19",
        "update customers set orders_made = null, spent = 0 where id = 20",
        # Either of two that are the latest at once.
        "update customers c set last_stage = o.stage from orders o where o.customer_id = c.id and o.made_at = "
        "(select max(made_at) from orders p where p.customer_id = c.id)",
        # Names change, and keys are declared no more.
        "alter table customers rename to clients",
        "alter table customers rename column name to title",
        "alter table orders drop constraint orders_customer_id_fkey",
        "alter table orders rename column made_at to placed_at",
    ],
)
def test_no_false_alarm(rehearse: Rehearse, migration: str) -> None:
    found = rehearse(
        ALL.replace(
            '[[denormalized]]\ncolumn = "orders.shouted"', '[[denormalized]]\ncolumn = "orders.shouted"\nwhere = "true"'
        ),
        migration,
    )
    told = [one for one in said(found) if one != DRIFTED]
    # What is plain SQL does not follow a rename: it is said to be unread, no more.
    renamed = "rename" in migration and "made_at" not in migration
    assert told == ([("PGS403", "warning", "public.orders.shouted")] if renamed else []), found


def test_who_broke_what_is_told_row_by_row(rehearse: Rehearse) -> None:
    # As many disagree as before, and other ones.
    repaired = "update orders set customer_name = 'Customer ' || customer_id where id = 7;"
    found = rehearse(COPY, repaired + "update orders set customer_name = 'Other' where id in (9, 10)")
    assert said(found) == [("PGS402", "error", "public.orders.customer_name"), DRIFTED]
    assert [dict(one.key) for one in found[0].samples] == [{"id": "9"}, {"id": "10"}]
    assert "in 2 rows that agreed before or are new" in found[0].message
    assert "in 1 row that disagreed before, of 2 that did" in found[1].message
    assert said(rehearse(COPY, repaired)) == [DRIFTED]
    assert rehearse(COPY, "update orders set customer_name = 'Customer ' || customer_id where id in (7, 8)") == []


DROP = "alter table orders drop column customer_name;"
AND = rule("orders.rate", source="customers.rate")


@pytest.mark.parametrize(
    ("migration", "lost"),
    [
        (DROP, ["7", "8"]),
        # One more row was wrong in the end, but had it said so before.
        ("update customers set name = 'Somebody' where id = 3;" + DROP, ["6", "8", "42", "43"]),
        # The key that it was read through points elsewhere now, or nowhere.
        ("update orders set customer_id = 5 where id = 30;" + DROP, ["7", "8", "30"]),
        ("alter table orders drop constraint orders_customer_id_fkey;" + DROP, ["7", "8"]),
        ("delete from lines where order_id = 7; delete from orders where id = 7;" + DROP, ["8"]),
        ("update customers set tier = 'x';" + DROP, ["7", "8"]),
        ("alter table customers alter column name type text; alter table orders rename to sales;"
         "alter table sales drop column customer_name", ["7", "8"]),
        # Repairing the copy on the way out loses what it said as well.
        ("update orders set customer_name = 'Customer ' || customer_id;" + DROP, ["7", "8"]),
    ],
)  # fmt: skip
def test_a_drop_is_safe_exactly_when_every_value_can_be_read(rehearse: Rehearse, migration: str, lost: list) -> None:
    found = [one for one in rehearse(COPY, migration) if one.code == "PGS401"]
    assert {one.severity.value for one in found} == {"error"}
    told = [dict(sample.key)["id"] for one in found for sample in one.samples]
    assert sorted(told, key=int) == lost, found


def test_a_drop_loses_nothing_when_its_values_went_to_the_source(rehearse: Rehearse) -> None:
    moved = (
        "update orders set customer_id = 20 where id in (7, 8); update customers set name = 'Somebody' where id = 20;"
    )
    assert [one for one in rehearse(COPY, moved + DROP) if one.code == "PGS401"] == []


def test_announced_values_of_the_source_are_nobodys_loss(rehearse: Rehearse) -> None:
    announced = '[expect]\nvalues = [{ column = "customers.rate", reason = "a new price list" }]\n'
    migration = "update customers set rate = rate * 2 where id < 5; alter table orders drop column rate"
    assert said(rehearse(announced + AND, migration)) == [("PGS401", "note", "public.orders.rate")]
    assert said(rehearse(AND, migration)) == [("PGS401", "error", "public.orders.rate")]


@pytest.mark.parametrize(
    ("toml", "column"),
    [
        (rule("customers.orders_made", count="orders"), "customers.orders_made"),
        (rule("customers.spent", sum="orders.total"), "customers.spent"),
        (rule("customers.last_stage", latest="orders.stage", by="orders.made_at"), "customers.last_stage"),
        (rule("customers.lines", count="lines"), "customers.lines"),
        (rule("orders.shouted", sql="upper((select c.name from customers c where c.id = orders.customer_id))"),
         "orders.shouted"),
    ],
)  # fmt: skip
def test_other_kinds_dropped(rehearse: Rehearse, toml: str, column: str) -> None:
    table, name = column.split(".")
    drop = f"alter table {table} drop column {name};"
    assert rehearse(toml, drop) == []
    assert rehearse(toml, f"update audit set kind = 'x'; {drop}") == []
    lost = rehearse(toml, f"delete from lines where order_id = 54; delete from orders where id = 54; "
                    f"update customers set name = 'x' where id = 9; {drop}")  # fmt: skip
    assert {one.code for one in lost} == {"PGS401"}, lost


def test_a_drop_counts_rows_that_the_rule_is_not_about(rehearse: Rehearse) -> None:
    toml = rule("orders.customer_name", source="customers.name", where="id not in (7, 8)")
    assert rehearse(toml, "select 1") == []
    [found] = rehearse(toml, DROP)
    assert [dict(sample.key) for sample in found.samples] == [{"id": "7"}, {"id": "8"}]


def test_a_rule_over_no_row_and_one_that_can_be_read_no_more(rehearse: Rehearse) -> None:
    nothing = rule("empty_copies.customer_name", source="customers.name")
    assert said(rehearse(nothing, "select 1")) == [("PGS403", "warning", "public.empty_copies.customer_name")]
    assert said(rehearse("strict = true\n" + nothing, "select 1"))[0][1] == "error"
    gone = rehearse(AND, "alter table orders drop column customer_id")
    assert ("PGS403", "warning", "public.orders.rate") in said(gone)


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        (rule("orders.customer_nam", source="customers.name"), ["orders.customer_nam", "public.orders.customer_name"]),
        (rule("orders.customer_name", source="audit.kind"), ["no foreign key leads", "public.audit"]),
        (rule("orders.customer_name", source="customers.name", via="orders.id"), ["through public.orders.id"]),
        (rule("orders.customer_name", sql="(select nam from customers)"), ['column "nam" does not exist', "sql ="]),
        (rule("orders.customer_name", sql="'x') AS e FROM public.orders) r; drop table public.lines; "
              "SELECT * FROM (SELECT (1"), ["multiple commands"]),
        (rule("customers.spent", sum="orders.total", where="nothing = 1"), ['column "nothing"', "where ="]),
        (rule("customers.spent", sum="orders.customer_name"), ["sum(text)"]),
        (rule("customers.last_stage", latest="orders.stage", by="lines.line"), ["by is no column of public.orders"]),
        (rule("orders.rate", source="orders.rate"), ["compared with itself"]),
        ('[foreign_keys]\n"audit.person" = { references = "people.name" }\n', ["operator does not exist"]),
        ('[foreign_keys]\n"audit.person" = { references = "people.idd" }\n', ["people.idd", "public.people.id"]),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_checked_says_why(rehearse: Rehearse, toml: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        rehearse(toml, "select 1")
    for word in words:
        assert word in str(caught.value)


REFERENCES = (
    '[foreign_keys]\n"audit.person" = { references = "people.id", policy = "no nulls" }\n'
    '"audit.subject" = { references = "customers.id", where = "kind = \'customer\'" }\n'
)


@pytest.mark.parametrize(
    ("migration", "expected"),
    [
        ("select 1", []),
        ("update audit set person = 99 where id in (3, 4)", [("PGS302", "error", "public.audit.person")]),
        ("update audit set person = null where id = 3",
         [("PGS301", "error", "public.audit.person"), ("PGS303", "error", "public.audit.person")]),
        ("delete from people where id = 9", [("PGS302", "error", "public.audit.person")]),
        ("update audit set subject = 99 where id = 3", []),
        ("update audit set subject = 99 where id = 4", [("PGS302", "error", "public.audit.subject")]),
        ("alter table audit rename column person to by_whom", []),
    ],
)  # fmt: skip
def test_undeclared_references(rehearse: Rehearse, migration: str, expected: list) -> None:
    assert said(rehearse(REFERENCES, migration)) == expected


def test_orphans_that_were_there_are_a_warning_with_their_keys(rehearse: Rehearse) -> None:
    toml = '[foreign_keys]\n"audit.subject" = { references = "people.id" }\n'
    [found] = rehearse(toml, "select 1")
    assert said([found]) == [("PGS302", "warning", "public.audit.subject")]
    assert (dict(found.samples[0].key), dict(found.samples[0].after or {})) == ({"id": "9"}, {"subject": "10"})
    empty = '[foreign_keys]\n"empty_copies.customer_id" = { references = "customers.id", policy = "no nulls" }\n'
    assert said(rehearse(empty, "select 1")) == [("PGS303", "warning", "public.empty_copies.customer_id")] * 2

"""Names that people write, resolved against a catalog."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pytest_pgsafe.config import Budget, Denormalized, Expect, LockBudget, Settings
from pytest_pgsafe.config.expectations import Dropped, RowsRule
from pytest_pgsafe.errors import ConfigError
from pytest_pgsafe.rehearsal.rules import resolve_rules
from pytest_pgsafe.snapshot.values import DenormalizedRule

#: The names alone: nothing else of a catalog is looked at.
CATALOG = cast(
    "Any",
    SimpleNamespace(
        **{
            kind: dict.fromkeys(names)
            for kind, names in {
                "columns": [
                    "public.sales.customer_name",
                    "public.sales.customer_id",
                    "public.customers.name",
                    "billing.invoices.total",
                    "public.invoices.total",
                    'public."Order Items"."Unit"',
                    "app.app.app",
                    "x.app.app",
                ],
                "tables": ["public.sales", "public.invoices", "billing.invoices"],
                "views": ["public.v"],
                "indexes": ["public.i"],
                "constraints": ["public.sales.sales_check"],
                "functions": ["public.f(integer)", "public.f(text)", "public.g(integer, text)"],
                "types": ["public.mood"],
                "sequences": ["public.s"],
                "schemas": ["public", "billing"],
                "triggers": ["public.sales.tr"],
                "policies": [],
                "rules": [],
                "extensions": [],
            }.items()
        }
    ),
)


def settings(**more: object) -> Settings:
    return Settings(folder=Path(), **more)  # type: ignore[arg-type]


def dropped(kind: str, name: str) -> str:
    expect = Expect(dropped=(Dropped(kind=kind, object=name, reason="r"),))
    (entry,) = resolve_rules(settings(expect=expect), CATALOG).dropped
    assert entry == Dropped(kind=kind, object=entry.object, reason="r")
    return entry.object


@pytest.mark.parametrize(
    ("kind", "name", "full"),
    [
        ("column", "sales.customer_name", "public.sales.customer_name"),
        ("column", "public.sales.customer_name", "public.sales.customer_name"),
        ("column", "billing.invoices.total", "billing.invoices.total"),
        ("column", '"Order Items"."Unit"', 'public."Order Items"."Unit"'),
        ("column", "Order Items.Unit", 'public."Order Items"."Unit"'),
        ("column", "app.app.app", "app.app.app"),
        ("table", "sales", "public.sales"),
        ("table", "billing.invoices", "billing.invoices"),
        ("view", "v", "public.v"),
        ("index", "i", "public.i"),
        ("constraint", "sales.sales_check", "public.sales.sales_check"),
        ("constraint", "sales_check", "public.sales.sales_check"),
        ("function", "g", "public.g(integer, text)"),
        ("function", "f(text)", "public.f(text)"),
        ("type", "mood", "public.mood"),
        ("sequence", "public.s", "public.s"),
        ("schema", "billing", "billing"),
        ("trigger", "sales.tr", "public.sales.tr"),
    ],
)
def test_a_name_is_made_full(kind: str, name: str, full: str) -> None:
    assert dropped(kind, name) == full


@pytest.mark.parametrize(
    ("kind", "name", "candidates"),
    [
        ("column", "invoices.total", ["billing.invoices.total", "public.invoices.total"]),
        ("column", "app.app", ["app.app.app", "x.app.app"]),
        ("table", "invoices", ["public.invoices", "billing.invoices"]),
        ("function", "f", ["public.f(integer)", "public.f(text)"]),
    ],
)
def test_an_ambiguous_name(kind: str, name: str, candidates: list[str]) -> None:
    with pytest.raises(ConfigError, match="ambiguous") as caught:
        dropped(kind, name)
    assert sorted(caught.value.looked_at) == sorted(candidates)


@pytest.mark.parametrize(
    ("kind", "name"), [("column", "sales.gone"), ("table", "gone"), ("table", "sales.customer_name")]
)
def test_what_is_announced_and_not_there_is_for_the_checks(kind: str, name: str) -> None:
    assert dropped(kind, name) == name


def test_rows() -> None:
    expect = Expect(rows=(RowsRule(table="sales", rule="any"), RowsRule(table="gone", rule="-5", reason="r")))
    assert resolve_rules(settings(expect=expect), CATALOG).rows == (
        RowsRule(table="public.sales", rule="any"),
        RowsRule(table="gone", rule="-5", reason="r"),
    )
    with pytest.raises(ConfigError, match="ambiguous"):
        resolve_rules(settings(expect=Expect(rows=(RowsRule(table="invoices", rule="any"),))), CATALOG)


def test_copies() -> None:
    rule = Denormalized(column="sales.customer_name", source="customers.name", via="sales.customer_id")
    assert resolve_rules(settings(denormalized=(rule,)), CATALOG).denormalized == (
        DenormalizedRule(
            column="public.sales.customer_name", source="public.customers.name", via="public.sales.customer_id"
        ),
    )


def test_a_rule_about_what_is_not_there_would_check_nothing() -> None:
    for rule in (
        Denormalized(column="sales.custmer_name", source="customers.name"),
        Denormalized(column="sales.customer_name", source="custmers.name"),
    ):
        with pytest.raises(ConfigError, match="not in the database") as caught:
            resolve_rules(settings(denormalized=(rule,)), CATALOG)
        assert caught.value.remedies
    with pytest.raises(ConfigError, match=r"sales\.customr_id"):
        resolve_rules(settings(foreign_keys={"sales.customr_id": "no nulls"}), CATALOG)


def test_the_rest_is_taken_over() -> None:
    rules = resolve_rules(
        settings(
            foreign_keys={"sales.customer_id": "no nulls"},
            budget=Budget(migrate=30.0, lock=LockBudget(mode="ShareLock", longer_than=1.0)),
            strict=True,
        ),
        CATALOG,
    )
    assert rules.foreign_keys == {"public.sales.customer_id": "no nulls"}
    assert rules.migrate_budget == 30.0
    assert rules.lock_budget == ("ShareLock", 1.0)
    assert rules.strict

"""Which columns are the key of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from pytest_pgsafe.catalog.values import Catalog, Column, Constraint, Database, Index
from pytest_pgsafe.snapshot.key import choose_key, choose_keys

DATABASE = Database(name="d", owner="o", encoding="UTF8", provider="libc", collate="C", ctype="C")
T = "public.t"


def index(name: str, *columns: str | None, **changes: Any) -> Index:
    plain: dict[str, Any] = {"unique": True, "primary": False, "valid": True, "ready": True}
    return Index(name=f"public.{name}", table=T, definition="", columns=columns, **{**plain, **changes})


def catalog(*indexes: Index, nullable: Sequence[str] = (), constraints: Sequence[Constraint] = ()) -> Catalog:
    columns = [
        Column(name=f"{T}.{name}", table=T, column=name, number=at, type="integer", not_null=name not in nullable)
        for at, name in enumerate("abc", start=1)
    ]
    return Catalog(
        database=DATABASE,
        columns={column.name: column for column in columns},
        indexes={each.name: each for each in indexes},
        constraints={each.name: each for each in constraints},
    )


def test_no_index_no_key() -> None:
    assert choose_key(catalog(), T) == ()
    assert choose_keys(catalog()) == {}


def test_the_primary_key_wins() -> None:
    found = catalog(index("a", "a"), index("z", "c", "b", primary=True))
    assert choose_key(found, T) == ("c", "b")
    assert choose_keys(found) == {T: ("c", "b")}


def test_a_deferrable_primary_key_is_one() -> None:
    assert choose_key(catalog(index("p", "a", primary=True, immediate=False)), T) == ("a",)


def test_fewest_columns_then_name() -> None:
    assert choose_key(catalog(index("a", "a", "b"), index("z", "c"), index("y", "b")), T) == ("b",)


@pytest.mark.parametrize(
    "changes",
    [
        {"unique": False},
        {"valid": False},
        {"ready": False},
        {"immediate": False},
        {"predicate": "a > 0"},
        {"columns": (None,)},
        {"columns": ()},
        {"columns": ("a", "gone")},
    ],
)
def test_what_is_no_key(changes: dict[str, Any]) -> None:
    assert choose_key(catalog(index("u", "a")), T) == ("a",)
    assert choose_key(catalog(replace(index("u", "a"), **changes)), T) == ()


@pytest.mark.parametrize("nulls_not_distinct", [False, True])
def test_nullable_columns_are_no_key(nulls_not_distinct: bool) -> None:
    unique = index("u", "a", "b", nulls_not_distinct=nulls_not_distinct)
    assert choose_key(catalog(unique, nullable="b"), T) == ()


def test_not_null_that_was_never_validated_is_nullable() -> None:
    constraint = Constraint(
        name=f"{T}.nn", table=T, form="not null", definition="NOT NULL a", validated=False, columns=("a",)
    )
    assert choose_key(catalog(index("u", "a"), constraints=[constraint]), T) == ()
    assert choose_key(catalog(index("u", "a"), constraints=[replace(constraint, validated=True)]), T) == ("a",)

"""Two recorded snapshots: which table and column differ, and what the facts alone cannot tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from builders import DATABASE, changed, content, foreign_key, sales, sales_content, sequence, snapshot, view
from pytest_pgsafe.catalog.values import Extension
from pytest_pgsafe.compare import recorded, sentence
from pytest_pgsafe.compare.values import Comparison
from pytest_pgsafe.snapshot.values import (
    ExtensionContent,
    ForeignKeyContent,
    LargeObjects,
    NotVerified,
    SequenceValue,
    Snapshot,
)

T = "public.sales"
BEFORE = snapshot(*sales(oid=1), tables={T: sales_content()})


def told(found: Comparison) -> list[str]:
    return [sentence(change) for change in found.changes]


def gaps(found: Comparison) -> dict[str, str]:
    return {item.object: item.reason for item in found.not_verified}


def after(**columns: Any) -> list[str]:
    return told(recorded(BEFORE, snapshot(*sales(oid=2), tables={T: sales_content(**columns)})))


def test_equal() -> None:
    # Restored elsewhere: other OIDs, another name of the database.
    other = snapshot(*sales(oid=2), tables={T: sales_content()}, database=replace(DATABASE, name="copy"))
    found = recorded(BEFORE, other)
    assert told(found) == []
    assert found.not_verified == ()


def test_values_and_nulls_by_column() -> None:
    assert after(total=5, name=(3, 2)) == [
        "values public.sales.name nulls: 0 → 2",
        "values public.sales.total: other values",
    ]


def test_rows() -> None:
    assert after(rows=9, total=5) == ["rows public.sales: 10 → 9"]
    found = recorded(BEFORE, snapshot(*sales(), tables={T: sales_content(rows=9)}))
    assert "another number of rows" in gaps(found)[T]


def test_other_rows_in_the_same_number() -> None:
    other = replace(sales_content(total=5), digest=2)
    assert told(recorded(BEFORE, snapshot(*sales(), tables={T: other}))) == ["rows public.sales: other content"]


def test_another_key_is_said_not_to_be_compared() -> None:
    other = replace(sales_content(total=5, name=(9, 1)), key=("name",), digest=77)
    found = recorded(BEFORE, snapshot(*sales(), tables={T: other}))
    assert told(found) == ["values public.sales.name nulls: 0 → 1"]
    assert "another key" in gaps(found)[T]


def test_a_key_of_another_type_is_said_not_to_be_compared() -> None:
    objects = changed(sales(), "public.sales.id", type="bigint")
    found = recorded(BEFORE, snapshot(*objects, tables={T: replace(sales_content(total=5), digest=77)}))
    assert told(found) == ["column public.sales.id type: integer → bigint"]
    assert "another key" in gaps(found)[T]


def test_a_column_of_another_type_is_said_not_to_be_compared() -> None:
    objects = changed(sales(), "public.sales.total", type="numeric(14,4)")
    found = recorded(BEFORE, snapshot(*objects, tables={T: sales_content(total=5, name=9)}))
    assert told(found) == [
        "column public.sales.total type: numeric(10,2) → numeric(14,4)",
        "values public.sales.name: other values",
    ]
    assert gaps(found) == {T: "values of another type were not compared, only NULLs: total"}


def test_without_a_key() -> None:
    heap = [one for one in sales() if one.name in {T, f"{T}.id", f"{T}.name"}]
    before = snapshot(*heap, tables={T: content(key=(), id=1, name=2)})
    swapped = snapshot(*heap, tables={T: content(key=(), digest=9, id=1, name=2)})
    assert told(recorded(before, swapped)) == ["rows public.sales: other content"]
    other = snapshot(*heap, tables={T: content(key=(), digest=9, id=1, name=5)})
    assert told(recorded(before, other)) == ["values public.sales.name: other values"]
    # One column fewer: the sum of whole rows is another, and says nothing.
    fewer = snapshot(*heap[:-1], tables={T: content(key=(), digest=9, id=1)})
    assert told(recorded(before, fewer)) == ["column public.sales.name dropped"]


def test_a_table_that_came_or_went_is_told_once() -> None:
    found = recorded(BEFORE, snapshot())
    assert told(found) == ["table public.sales dropped"]
    assert not found.not_verified
    assert told(recorded(snapshot(), BEFORE)) == ["table public.sales added"]


def test_what_was_not_read_on_one_side() -> None:
    unread = snapshot(*sales(), not_verified=[NotVerified(object=T, reason="permission denied")])
    found = recorded(BEFORE, replace(unread, tables={}))
    assert gaps(found) == {T: "permission denied"}
    assert "one side only" in gaps(recorded(BEFORE, replace(unread, tables={}, not_verified=())))[T]


@pytest.mark.parametrize(
    ("one", "other", "lines"),
    [
        (SequenceValue(value=5, is_called=True), SequenceValue(value=5, is_called=True), []),
        (SequenceValue(value=5, is_called=True), SequenceValue(value=6, is_called=True), ["value: 5 → 6"]),
        (SequenceValue(value=1, is_called=False), SequenceValue(value=1, is_called=True), ["is_called: False → True"]),
        # Of a backup: two readings.
        (SequenceValue(value=5, is_called=True, upper=9), SequenceValue(value=7, is_called=True), []),
        (SequenceValue(value=5, is_called=True, upper=9), SequenceValue(value=10, is_called=True), ["value: 5 → 10"]),
    ],
)
def test_sequences(one: SequenceValue, other: SequenceValue, lines: list[str]) -> None:
    name = "public.sales_id_seq"
    sides = [snapshot(sequence(name), sequences={name: value}) for value in (one, other)]
    assert told(recorded(*sides)) == [f"sequence value {name} {line}" for line in lines]


def test_the_rest() -> None:
    key = foreign_key("public.sales.fk", "customer_id", "public.customers")
    before = snapshot(
        *sales(), key, view("public.v", "SELECT 1"), tables={T: sales_content()},
        foreign_keys={key.name: ForeignKeyContent(nulls=1, orphans=0)},
    )  # fmt: skip
    later = snapshot(
        *sales(), key, view("public.v", "SELECT 2"), tables={T: sales_content()},
        foreign_keys={key.name: ForeignKeyContent(nulls=2, orphans=3)},
        large_objects=LargeObjects(count=2, digest=1),
    )  # fmt: skip
    before = replace(before, materialized_views={"public.m": content(key=(), a=1)})
    later = replace(later, materialized_views={"public.m": content(key=(), digest=4, a=2)})
    assert told(recorded(before, later)) == [
        "foreign key public.sales.fk nulls: 1 → 2",
        "foreign key public.sales.fk orphans: 0 → 3",
        "large objects count: 0 → 2",
        "view public.m: other content",
        "view public.v definition: SELECT 1 → SELECT 2",
    ]


def test_another_major_prints_otherwise() -> None:
    before = snapshot(view("public.v", "SELECT sales.id FROM sales"), version="15.18")
    same = snapshot(view("public.v", "SELECT id FROM sales"), version="17.1")
    assert told(recorded(before, same)) == []
    assert told(recorded(before, replace(same, server_version="15.2"))) != []


def test_rows_of_extensions_by_their_version() -> None:
    def having(version: str, rows: int, configured: int) -> Snapshot:
        gis = Extension(name="gis", version=version, schema="public", owner="owner")
        held = ExtensionContent(extension="gis", rows=content(rows), configuration=content(configured))
        return replace(snapshot(gis), extension_tables={"public.srs": held})

    assert told(recorded(having("1", 9, 2), having("1", 8, 2))) == ["rows public.srs: 9 → 8"]
    newer = told(recorded(having("1", 9, 2), having("2", 12, 1)))
    assert newer == ["extension gis version: 1 → 2", "rows public.srs: 2 → 1"]

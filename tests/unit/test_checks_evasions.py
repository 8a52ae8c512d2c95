"""What slipped past a reviewer, and past the checks, before the catalogue had it."""

from __future__ import annotations

import pytest

from builders import (
    changed,
    column,
    constraint,
    content,
    evidence,
    sales,
    sequence,
    shown,
    snapshot,
    table,
    type_,
)
from pytest_pgsafe.checks import judge
from pytest_pgsafe.snapshot.values import LargeObjects, SequenceValue, Snapshot


def errors(before: Snapshot, after: Snapshot) -> list[tuple[str, str]]:
    return [(code, name) for code, severity, name in shown(judge(evidence(before, after))) if severity == "error"]


def objects(**each: int) -> Snapshot:
    return snapshot(large_objects=LargeObjects(count=len(each), digest=sum(each.values()), each=each))


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ({"a": 1, "b": 2}, []),
        ({"a": 1, "b": 2, "c": 3, "d": 4}, []),
        ({"a": 1, "c": 3, "d": 4}, [("PGS107", "large objects")]),
        ({"a": 1, "b": 9, "c": 3}, [("PGS107", "large objects")]),
        ({"a": 9, "b": 2}, [("PGS107", "large objects")]),
        ({"a": 1, "c": 9}, [("PGS107", "large objects")]),
    ],
)
def test_new_large_objects_hide_none_that_is_gone_or_altered(
    after: dict[str, int], expected: list[tuple[str, str]]
) -> None:
    assert errors(objects(a=1, b=2), objects(**after)) == expected


def heirs(rows: int, *, inherits: bool) -> Snapshot:
    child = table("public.child", parents=("public.parent",) if inherits else ())
    tables = {"public.parent": content(0), "public.child": content(rows)}
    return snapshot(table("public.parent"), child, column("public.parent.id"), column("public.child.id"), tables=tables)


def test_rows_of_a_child_that_does_not_inherit_any_more_are_gone_for_readers_of_the_parent() -> None:
    assert errors(heirs(3, inherits=True), heirs(3, inherits=False)) == [("PGS101", "public.parent")]
    assert errors(heirs(0, inherits=True), heirs(0, inherits=False)) == []
    assert errors(heirs(3, inherits=False), heirs(3, inherits=True)) == []


DOMAIN = [
    type_("public.percent", "domain", definition="numeric(5,2)"),
    constraint("public.percent.in_range", "check", "CHECK (((VALUE >= (0)::numeric) AND (VALUE <= (100)::numeric)))"),
]


def test_a_column_that_leaves_its_domain_loses_its_constraints() -> None:
    before = [*sales(), *DOMAIN, column("public.sales.discount", "public.percent", 5)]
    after = changed(before, "public.sales.discount", type="numeric(5,2)")
    assert errors(snapshot(*before), snapshot(*after)) == [("PGS204", "public.sales.discount")]
    kept = constraint(
        "public.sales.discount_range", "check", "CHECK (((discount >= 0::numeric) AND (discount <= 100::numeric)))"
    )
    assert errors(snapshot(*before), snapshot(*after, kept)) == []
    other = [
        type_("public.share", "domain", definition="public.percent"),
        *changed(before, "public.sales.discount", type="public.share"),
    ]
    assert errors(snapshot(*before), snapshot(*other)) == []


def test_a_column_that_leaves_a_domain_that_is_not_null() -> None:
    label = type_("public.label", "domain", definition="text NOT NULL")
    before = [*sales(), label, column("public.sales.label", "public.label", 5)]
    after = changed(before, "public.sales.label", type="text")
    assert errors(snapshot(*before), snapshot(*after)) == [("PGS204", "public.sales.label")]
    assert errors(snapshot(*before), snapshot(*changed(after, "public.sales.label", not_null=True))) == []


def counter(value: int, **attributes: object) -> Snapshot:
    return snapshot(
        sequence("public.s", **attributes), sequences={"public.s": SequenceValue(value=value, is_called=True)}
    )


def test_neither_cycle_nor_another_direction_excuses_a_sequence_that_went_back() -> None:
    back = [("PGS602", "public.s")]
    assert errors(counter(50), counter(5, cycle=True)) == back
    assert errors(counter(50, cycle=True), counter(5, cycle=True)) == []
    assert errors(counter(50), counter(50, increment=-1)) == back
    assert errors(counter(50), counter(50, increment=5)) == []

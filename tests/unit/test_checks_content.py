"""Values, dropped columns, types, foreign keys, copies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import (
    changed,
    column,
    content,
    difference,
    evidence,
    foreign_key,
    sales,
    sales_content,
    sample,
    shown,
    snapshot,
    table,
    without,
)
from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.announcing import announcement
from pytest_pgsafe.checks.contents import COLUMN_DROPPED
from pytest_pgsafe.checks.denormalized import COPY_LOST
from pytest_pgsafe.checks.values import Rules
from pytest_pgsafe.compare.values import Action, Change
from pytest_pgsafe.config.expectations import Dropped
from pytest_pgsafe.snapshot.values import DenormalizedContent, DenormalizedRule, ForeignKeyContent

NAME = "public.sales.name"
TOTAL = "public.sales.total"
FK = "public.sales.fk"


def sold(objects=None, **columns):
    return snapshot(*(objects or sales()), tables={"public.sales": sales_content(**columns)})


def test_changed_values_are_an_error_with_column_count_and_samples() -> None:
    found = judge(evidence(sold(), sold(name=9), difference(changed={"name": 3}, nulled={"name": 1})))
    assert shown(found) == [("PGS201", "error", NAME)]
    assert found[0].message == f"{NAME} has another value in 3 rows that were there before; in 1 of them it became NULL"
    assert found[0].samples[0].before == {"name": "old"}


def test_values_that_all_became_null_say_so() -> None:
    found = judge(evidence(sold(), sold(name=(0, 10)), difference(changed={"name": 10}, nulled={"name": 10})))
    assert found[0].message == f"{NAME} became NULL in 10 rows that had a value"


def test_a_column_that_held_values_and_is_dropped_is_an_error() -> None:
    found = judge(evidence(sold(name=(3, 4)), sold(without(sales(), NAME), name=(3, 4))))
    assert shown(found) == [("PGS203", "error", NAME)]
    assert found[0].message == f"{NAME} was dropped with 6 values"


@pytest.mark.parametrize("rows", [10, 0])
def test_a_column_that_held_nothing_and_is_dropped_is_a_note(rows: int) -> None:
    def side(objects):
        return snapshot(*objects, tables={"public.sales": sales_content(rows, name=(0, rows))})

    assert shown(judge(evidence(side(sales()), side(without(sales(), NAME))))) == [("PGS203", "note", NAME)]


def test_a_dropped_column_of_a_table_that_was_not_read_is_an_error() -> None:
    before, after = sold(), sold(without(sales(), NAME))
    found = judge(evidence(replace(before, tables={}), replace(after, tables={})))
    assert shown(found) == [("PGS203", "error", NAME)]


def test_a_column_added_back_under_its_name_is_judged_by_its_values() -> None:
    recreated = changed(sales(), NAME, number=9)
    assert judge(evidence(sold(), sold(recreated))) == ()
    lost = judge(evidence(sold(), sold(recreated, name=(0, 10)), difference(changed={"name": 10})))
    assert shown(lost) == [("PGS201", "error", NAME)]


@pytest.mark.parametrize("name", ["sales.name", NAME, '"sales"."name"'])
def test_an_announced_column_is_a_note(name: str) -> None:
    rules = Rules(dropped=(Dropped(object=name, kind="column", reason="phase 4"),), strict=True)
    found = judge(evidence(sold(), sold(without(sales(), NAME)), rules=rules))
    assert [(one.code, one.severity.value, one.reason) for one in found] == [("PGS203", "note", "phase 4")]


def test_another_drop_than_the_announced_one_stays_an_error() -> None:
    rules = Rules(dropped=(Dropped(object="sales.name", kind="column", reason="phase 4"),))
    found = judge(evidence(sold(), sold(without(sales(), NAME, TOTAL)), rules=rules))
    assert shown(found) == [("PGS203", "error", TOTAL), ("PGS203", "note", NAME)]


@pytest.mark.parametrize(
    ("name", "said"), [("sales.name", "is still there"), ("sales.nothing", "there was none"), ("name", "still there")]
)
def test_an_announced_drop_that_did_not_happen_is_an_error(name: str, said: str) -> None:
    rules = Rules(dropped=(Dropped(object=name, kind="column", reason="phase 4"),))
    found = judge(evidence(sold(), sold(), rules=rules))
    assert [finding.code for finding in found] == ["PGS002"]
    assert said in found[0].message


def test_an_announced_drop_that_became_a_rename_did_not_happen() -> None:
    def side(name: str):
        objects = [table("public.t", 5), column(f"public.t.{name}", oid=5)]
        return snapshot(*objects, tables={"public.t": content(key=(), **{name: 3})})

    rules = Rules(dropped=(Dropped(object="t.a", kind="column", reason="unused"),))
    found = judge(evidence(side("a"), side("b"), rules=rules))
    assert shown(found) == [("PGS002", "error", "t.a"), ("PGS534", "note", "public.t.a")]
    assert "is called public.t.b now" in found[0].message


def wider(type_: str):
    return changed(sales(), TOTAL, type=type_)


def test_a_type_change_that_keeps_each_value_is_a_note() -> None:
    found = judge(evidence(sold(), sold(wider("numeric(14,4)"))))
    assert shown(found) == [("PGS204", "note", TOTAL)]
    found = judge(evidence(sold(), sold(wider("numeric(14,4)")), rules=Rules(strict=True)))
    assert shown(found) == [("PGS204", "error", TOTAL)]


def test_a_type_with_another_hash_is_judged_by_the_rows() -> None:
    found = judge(evidence(sold(), sold(wider("text"), total=99), difference()))
    assert shown(found) == [("PGS204", "note", TOTAL)]


def test_a_type_change_that_loses_precision_is_an_error_that_names_both_types() -> None:
    found = judge(evidence(sold(), sold(wider("numeric(10,0)"), total=99), difference(changed={"total": 4})))
    assert shown(found) == [("PGS201", "error", TOTAL)]
    assert "from numeric(10,2) to numeric(10,0)" in found[0].message


def test_a_type_change_that_nobody_compared_is_an_error() -> None:
    found = judge(evidence(sold(), sold(wider("text"), total=99)))
    assert ("PGS106", "error", "public.sales") in shown(found)


def keyed(nulls: int = 0, orphans: int = 0, customers: int = 2):
    objects = [*sales(), table("public.customers"), foreign_key(FK, "customer_id", "public.customers")]
    return snapshot(
        *objects,
        tables={"public.sales": sales_content(customer_id=(customers, nulls))},
        foreign_keys={FK: ForeignKeyContent(nulls=nulls, orphans=orphans, samples=(("7",),) if orphans else ())},
    )


def test_a_reference_that_became_null_is_told_as_value_and_as_reference() -> None:
    lost = difference(changed={"customer_id": 2}, nulled={"customer_id": 2})
    found = judge(evidence(keyed(), keyed(nulls=2, customers=5), lost))
    assert shown(found) == [
        ("PGS201", "error", "public.sales.customer_id"),
        ("PGS301", "error", "public.sales.customer_id"),
    ]
    assert found[1].samples


def test_new_rows_without_a_reference_harm_none_that_exist() -> None:
    found = judge(evidence(keyed(), keyed(nulls=2, customers=5), difference(added=2)))
    assert shown(found) == [("PGS104", "note", "public.sales")]


def test_risen_nulls_that_nobody_explains_are_an_error() -> None:
    found = judge(evidence(keyed(), keyed(nulls=2, customers=5)))
    assert ("PGS301", "error", FK) in shown(found)


@pytest.mark.parametrize(
    ("before", "after", "severity"), [(0, 3, "error"), (3, 4, "error"), (3, 3, "warning"), (3, 1, "warning")]
)
def test_orphans(before: int, after: int, severity: str) -> None:
    found = judge(evidence(keyed(orphans=before), keyed(orphans=after)))
    assert shown(found) == [("PGS302", severity, FK)]
    assert found[0].samples[0].key == {"customer_id": "7"}


def test_no_orphans_nothing_told() -> None:
    assert judge(evidence(keyed(orphans=3), keyed())) == ()


def test_a_new_key_over_orphans_is_a_warning() -> None:
    after = keyed(orphans=2)
    before = snapshot(*without(after.catalog.columns.values(), ""), *after.catalog.tables.values(), tables=after.tables)
    found = judge(evidence(before, after))
    assert ("PGS302", "warning", FK) in shown(found)


@pytest.mark.parametrize(
    ("policy", "before", "after", "severity"),
    [
        ("no nulls", 0, 1, "error"),
        ("no nulls", 1, 1, "warning"),
        ("no nulls", 0, 0, None),
        ("no more nulls", 1, 2, "error"),
        ("no more nulls", 2, 2, None),
        ("any", 0, 9, None),
    ],
)
def test_policies_of_columns(policy: str, before: int, after: int, severity: str | None) -> None:
    rules = Rules(foreign_keys={"sales.name": policy})
    found = judge(
        evidence(sold(name=(3, before)), sold(name=(3, after)), difference(added=after - before), rules=rules)
    )
    own = [one for one in shown(found) if one[0] == "PGS303"]
    assert own == ([] if severity is None else [("PGS303", severity, NAME)])


def test_any_allows_a_key_to_become_null() -> None:
    lost = difference(changed={"customer_id": 2}, nulled={"customer_id": 2})
    rules = Rules(foreign_keys={"sales.customer_id": "any"})
    found = judge(evidence(keyed(), keyed(nulls=2, customers=5), lost, rules=rules))
    assert shown(found) == [("PGS201", "error", "public.sales.customer_id")]


@pytest.mark.parametrize(("strict", "severity"), [(False, "warning"), (True, "error")])
def test_a_policy_for_no_column_proves_nothing(strict: bool, severity: str) -> None:
    rules = Rules(foreign_keys={"sales.nothing": "no nulls"}, strict=strict)
    assert shown(judge(evidence(sold(), sold(), rules=rules))) == [("PGS303", severity, "sales.nothing")]


COPY = DenormalizedRule(column=NAME, source="public.customers.name")


def copies(before: int | None, after: int | None, *, rows: int = 10, strict: bool = False, **rules):
    found = {}
    if before is not None:
        found[COPY] = (
            DenormalizedContent(rows=rows, drifted=before, samples=(sample(),) if before else ()),
            None if after is None else DenormalizedContent(rows=rows, drifted=after),
        )
    objects = without(sales(), NAME) if after is None and before is not None else sales()
    after_side = sold(objects)
    return shown(
        judge(
            evidence(sold(), after_side, rules=Rules(denormalized=(COPY,), strict=strict, **rules), denormalized=found)
        )
    )


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (0, 0, []),
        (0, 2, [("PGS402", "error", NAME)]),
        (2, 3, [("PGS402", "error", NAME)]),
        (2, 2, [("PGS402", "warning", NAME)]),
        (2, 1, [("PGS402", "warning", NAME)]),
        (2, 0, []),
    ],
)
def test_copies_that_drift(before: int, after: int, expected: list) -> None:
    assert copies(before, after) == expected


def test_a_copy_dropped_while_it_drifted_is_an_error_although_its_drop_was_announced() -> None:
    rules = {"dropped": (Dropped(object="sales.name", kind="column", reason="phase 4"),)}
    assert copies(2, None, **rules) == [("PGS401", "error", NAME), ("PGS203", "note", NAME)]
    gone = Change(kind="column", object=NAME, action=Action.DROPPED, before="text")
    assert announcement(COPY_LOST.finding(NAME, "gone"), [gone]) is None
    assert announcement(COLUMN_DROPPED.finding(NAME, "gone"), [gone]) is not None
    assert copies(0, None, **rules) == [("PGS203", "note", NAME)]


@pytest.mark.parametrize(("strict", "severity"), [(False, "warning"), (True, "error")])
def test_a_rule_over_nothing_is_not_verified(strict: bool, severity: str) -> None:
    assert copies(0, 0, rows=0, strict=strict) == [("PGS403", severity, NAME)]
    assert copies(None, None, strict=strict) == [("PGS403", severity, NAME)]

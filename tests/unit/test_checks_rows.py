"""Rows gone, multiplied, added, expected; dropped tables; what cannot be told."""

from __future__ import annotations

import pytest

from builders import (
    changed,
    column,
    comparison,
    content,
    difference,
    evidence,
    sales,
    sales_content,
    shown,
    snapshot,
    table,
    view,
)
from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.expectations import allowance, bounds
from pytest_pgsafe.checks.values import Rules
from pytest_pgsafe.config.expectations import Dropped, RowsRule
from pytest_pgsafe.snapshot.values import LargeObjects, NotVerified, Snapshot


def sold(rows: int = 10, digest: int = 1, **columns):
    from dataclasses import replace

    return snapshot(*sales(), tables={"public.sales": replace(sales_content(rows, **columns), digest=digest)})


def test_nothing_changed_nothing_found() -> None:
    assert judge(evidence(sold(), sold())) == ()


def test_rows_gone_is_an_error_with_samples() -> None:
    found = judge(evidence(sold(10), sold(8, 2), difference(gone=2)))
    assert shown(found) == [("PGS101", "error", "public.sales")]
    assert found[0].message == "2 rows of 10 in public.sales are gone"
    assert found[0].samples[0].key == {"id": "7"}


def test_a_row_replaced_under_an_equal_count_is_seen() -> None:
    found = judge(evidence(sold(10), sold(10, 2), difference(gone=1, added=1)))
    assert shown(found) == [("PGS101", "error", "public.sales"), ("PGS104", "note", "public.sales")]
    assert found[0].message == "1 row of 10 in public.sales is gone, while 1 row with other keys was added"


def test_an_emptied_table_says_so() -> None:
    found = judge(evidence(sold(10), sold(0, 0), difference(gone=10)))
    assert found[0].message == "all 10 rows of public.sales are gone"


def test_added_rows_are_a_note_even_under_strict() -> None:
    found = judge(evidence(sold(10), sold(12, 2), difference(added=2), rules=Rules(strict=True)))
    assert shown(found) == [("PGS104", "note", "public.sales")]


def keyless(rows: int, digest: int):
    return snapshot(
        table("public.log"),
        column("public.log.line", "text"),
        tables={"public.log": content(rows, key=(), digest=digest, line=digest)},
    )


def test_a_table_without_key_inserted_into_itself_is_an_error() -> None:
    found = judge(evidence(keyless(5, 7), keyless(10, 14), difference("public.log", added=5, duplicated=5, key=())))
    assert shown(found) == [("PGS102", "error", "public.log")]
    found = judge(evidence(keyless(5, 7), keyless(10, 14), difference("public.log", added=5, duplicated=3, key=())))
    assert shown(found) == [("PGS102", "error", "public.log"), ("PGS104", "note", "public.log")]
    assert found[1].message == "2 rows were added to public.log"


def test_other_rows_added_to_a_table_without_key_are_a_note() -> None:
    found = judge(evidence(keyless(5, 7), keyless(10, 15), difference("public.log", added=5, key=())))
    assert shown(found) == [("PGS104", "note", "public.log")]


def test_a_changed_row_without_key_is_gone_and_new() -> None:
    found = judge(evidence(keyless(5, 7), keyless(5, 8), difference("public.log", gone=1, added=1, key=())))
    assert shown(found) == [("PGS101", "error", "public.log")]
    assert "the table has no key" in found[0].message


def test_a_dropped_table_that_held_rows_is_one_error() -> None:
    found = judge(evidence(sold(), snapshot()))
    assert shown(found) == [("PGS103", "error", "public.sales")]


def test_a_dropped_empty_table_is_a_note() -> None:
    empty = snapshot(*sales(), tables={"public.sales": sales_content(0)})
    assert shown(judge(evidence(empty, snapshot()))) == [("PGS103", "note", "public.sales")]
    assert shown(judge(evidence(empty, snapshot(), rules=Rules(strict=True)))) == [("PGS103", "error", "public.sales")]


def test_an_announced_drop_is_a_note_with_its_reason() -> None:
    rules = Rules(dropped=(Dropped(object="sales", kind="table", reason="phase 4"),), strict=True)
    found = judge(evidence(sold(), snapshot(), rules=rules))
    assert shown(found) == [("PGS103", "note", "public.sales")]
    assert found[0].reason == "phase 4"


def test_a_dropped_table_that_could_not_be_read_is_an_error() -> None:
    foreign = snapshot(table("public.far", form="foreign table"))
    assert shown(judge(evidence(foreign, snapshot()))) == [("PGS103", "error", "public.far")]


def test_a_digest_that_nobody_explains_is_an_error() -> None:
    found = judge(evidence(sold(), sold(name=99)))
    assert shown(found) == [("PGS106", "error", "public.sales")]


def test_a_difference_that_found_nothing_does_not_excuse_a_digest() -> None:
    found = judge(evidence(sold(), sold(name=99), difference()))
    assert shown(found) == [("PGS106", "error", "public.sales")]


def test_a_table_that_cannot_be_read_any_more_is_an_error() -> None:
    from dataclasses import replace

    after = replace(sold(), tables={}, not_verified=(NotVerified(object="public.sales", reason="no privilege"),))
    assert shown(judge(evidence(sold(), after))) == [("PGS106", "error", "public.sales")]


def test_what_was_not_verified_is_an_error_under_strict_only() -> None:
    one = snapshot(*sales(), not_verified=[NotVerified(object="public.far", reason="a foreign table")])
    assert judge(evidence(one, one)) == ()
    assert shown(judge(evidence(one, one, rules=Rules(strict=True)))) == [("PGS001", "error", "public.far")]


@pytest.mark.parametrize(
    ("before", "after", "severity"),
    [((3, 9), (2, 5), "error"), ((3, 9), (3, 8), "error"), ((3, 9), (4, 12), "warning"), ((0, 0), (1, 4), "note")],
)
def test_large_objects(before: tuple[int, int], after: tuple[int, int], severity: str) -> None:
    ours, theirs = (
        snapshot(large_objects=LargeObjects(count=count, digest=digest)) for count, digest in (before, after)
    )
    assert shown(judge(evidence(ours, theirs))) == [("PGS107", severity, "large objects")]


def test_a_materialized_view_left_unpopulated_is_an_error() -> None:
    full = [view("public.m", "SELECT 1", materialized=True)]
    found = judge(evidence(snapshot(*full), snapshot(*changed(full, "public.m", populated=False))))
    assert shown(found) == [("PGS108", "error", "public.m")]


def test_the_tables_of_migration_tools_may_change() -> None:
    def tool(rows: int):
        objects = [table("public.alembic_version"), column("public.alembic_version.version_num", "text")]
        return snapshot(*objects, tables={"public.alembic_version": content(rows, key=("version_num",), digest=rows)})

    moved = difference("public.alembic_version", gone=1, added=1, key=("version_num",))
    assert ("PGS101", "note", "public.alembic_version") in shown(judge(evidence(tool(1), tool(1), moved)))
    emptied = difference("public.alembic_version", gone=1, key=("version_num",))
    assert shown(judge(evidence(tool(1), tool(0), emptied))) == [("PGS101", "error", "public.alembic_version")]


def test_a_table_that_only_shares_a_name_is_not_a_tools_own() -> None:
    def prices(rows: int) -> Snapshot:
        objects = [table("shop.schema_version"), column("shop.schema_version.price", "integer")]
        return snapshot(*objects, tables={"shop.schema_version": content(rows, key=("price",), digest=rows)})

    found = judge(evidence(prices(2), prices(1), difference("shop.schema_version", gone=1, key=("price",))))
    assert shown(found) == [("PGS101", "error", "shop.schema_version")]


@pytest.mark.parametrize(
    ("rule", "after", "fine"),
    [
        ("any", 0, True),
        ("unchanged", 10, True),
        ("unchanged", 11, False),
        ("+1..", 11, True),
        ("+1..", 10, False),
        ("+1..+3", 13, True),
        ("+1..+3", 14, False),
        ("+2", 12, True),
        ("+2", 11, False),
        ("-5", 5, True),
        ("-5", 6, False),
        ("-5..", 6, True),
        ("-5..-1", 10, False),
        ("..+2", 12, True),
        ("..+2", 13, False),
        ("= 42", 42, True),
        ("= 42", 41, False),
        (">= before", 10, True),
        (">= before", 9, False),
        ("> before", 10, False),
        ("<= 10", 10, True),
        ("< before", 10, False),
        ("< before", 9, True),
    ],
)
def test_rules_for_rows(rule: str, after: int, fine: bool) -> None:
    assert bounds(rule, 10).hold(after) is fine


@pytest.mark.parametrize("rule", ["", "1", "+", "..", "+3..+1", "about 5", "== 3", "+1...", "= -3"])
def test_a_rule_that_says_nothing_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match="no rule for rows"):
        bounds(rule, 10)


@pytest.mark.parametrize(
    ("rule", "gone"), [("any", 10), ("unchanged", 0), ("+1..", 0), ("-3", 3), ("-3..", 3), ("= 4", 6), (">= before", 0)]
)
def test_rows_that_a_rule_lets_go(rule: str, gone: int) -> None:
    assert allowance(rule, 10) == gone


def expecting(rule: str, name: str = "sales") -> Rules:
    return Rules(rows=(RowsRule(table=name, rule=rule, reason="old ones go"),))


def test_announced_losses_are_a_note_with_the_reason() -> None:
    found = judge(evidence(sold(10), sold(8, 2), difference(gone=2), rules=expecting("-2")))
    assert shown(found) == [("PGS101", "note", "public.sales")]
    assert found[0].reason == "old ones go"


def test_more_losses_than_announced_stay_an_error() -> None:
    found = judge(evidence(sold(10), sold(7, 2), difference(gone=3), rules=expecting("-2")))
    assert shown(found) == [("PGS101", "error", "public.sales"), ("PGS105", "error", "public.sales")]


def test_an_announced_change_that_did_not_happen_is_an_error() -> None:
    assert shown(judge(evidence(sold(), sold(), rules=expecting("+1..")))) == [("PGS105", "error", "public.sales")]
    assert judge(evidence(sold(), sold(), rules=expecting("unchanged"))) == ()


def test_unchanged_refuses_a_replaced_row() -> None:
    found = judge(evidence(sold(10), sold(10, 2), difference(gone=1, added=1), rules=expecting("unchanged")))
    assert ("PGS105", "error", "public.sales") in shown(found)


@pytest.mark.parametrize("name", ["nowhere", "archive.sales"])
def test_a_rule_for_no_table_is_an_error(name: str) -> None:
    assert shown(judge(evidence(sold(), sold(), rules=expecting("any", name)))) == [("PGS105", "error", name)]


def test_rows_of_a_table_that_became_a_partition_are_compared_or_missed() -> None:
    from dataclasses import replace

    after = replace(sold(), tables={})
    assert comparison(sold(), after).changes[0].kind == "rows"
    assert comparison(sold(), after, difference()).changes == ()


@pytest.mark.parametrize(("strict", "severity"), [(False, "warning"), (True, "error")])
def test_a_rule_for_an_empty_table_says_nothing(strict: bool, severity: str) -> None:
    for rule in ("unchanged", ">= before"):
        rules = Rules(rows=(RowsRule(table="sales", rule=rule),), strict=strict)
        assert shown(judge(evidence(sold(0), sold(0), rules=rules))) == [("PGS105", severity, "public.sales")]
    for rule in ("any", "= 0"):
        assert judge(evidence(sold(0), sold(0), rules=expecting(rule))) == ()

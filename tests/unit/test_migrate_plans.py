"""What the executor counted, as auto_explain of each major logs it."""

from __future__ import annotations

import json

import pytest

from pytest_pgsafe.migrate.plans import plan_of

SCAN = {"Node Type": "Seq Scan", "Parent Relationship": "Outer", "Actual Rows": 4, "Actual Loops": 2}


def logged(root: object) -> str:
    return "duration: 1.5 ms  plan:\n" + json.dumps({"Query Text": "q", "Plan": root})


def modified(*below: object, **more: object) -> dict[str, object]:
    return {"Node Type": "ModifyTable", "Actual Rows": 0, "Actual Loops": 1, "Plans": list(below), **more}


@pytest.mark.parametrize(
    ("root", "rows", "scanned"),
    [
        (SCAN, 8, 8),
        ({**SCAN, "Rows Removed by Filter": 3}, 8, 14),
        # From 18 on rows are fractions.
        ({**SCAN, "Actual Rows": 4.00, "Actual Loops": 1}, 4, 4),
        (modified(SCAN), 8, 8),
        (modified({**SCAN, "Parent Relationship": "InitPlan"}, {**SCAN, "Node Type": "CTE Scan"}), 8, 8),
        (modified(SCAN, **{"Actual Rows": 5}), 8, 8),
        (modified(SCAN, **{"Tuples Inserted": 1, "Tuples Updated": 2, "Tuples Skipped": 9}), 3, 8),
        ({"Node Type": "Result", "Actual Rows": 1, "Actual Loops": 1}, 1, 0),
    ],
)
def test_rows(root: object, rows: int, scanned: int) -> None:
    plan = plan_of(logged(root))
    assert plan is not None
    assert (plan.rows, plan.scanned, plan.text, plan.duration) == (rows, scanned, "q", 1.5)


@pytest.mark.parametrize(
    "message", ["duration: 1 ms  statement: select ' ms  plan:\n{'", "duration: 1 ms  plan:\n{", "plan:\n{}"]
)
def test_what_is_no_plan(message: str) -> None:
    assert plan_of(message) is None

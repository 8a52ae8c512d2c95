"""What is made of a second run that failed: whether the tool wants somebody to look, or is stuck."""

from __future__ import annotations

import pytest

from builders import evidence, sales, snapshot
from pytest_pgsafe.checks.retry import BY_HAND, CANNOT_BE_REPEATED, RECORDED_WRONGLY
from pytest_pgsafe.checks.values import Severity
from pytest_pgsafe.compare.values import Action, Change
from pytest_pgsafe.reading.values import Cited
from pytest_pgsafe.retry.values import Attempt, Point, Retried, Sent, Unit

CITED = Cited(text="create table a (n int)")
POINT = Point(
    how="after", unit=Unit(end=Sent(text=CITED.text, occurrence=1, cited=CITED), cited=CITED, rows=False), done=1, of=2
)


def judged(failed: str) -> list[tuple[str, Severity]]:
    """Return the findings of a tool with a table of its own, whose second run ended so."""
    facts = snapshot(*sales())
    retried = Retried(attempts=(Attempt(point=POINT, failed=failed),), remembers=True, records=("public.books",))
    found = evidence(facts, facts, retried=retried)
    return [(one.code, one.severity) for check in (CANNOT_BE_REPEATED, BY_HAND) for one in check.judge(found)]


@pytest.mark.parametrize(
    "failed",
    [
        "error: Dirty database version 2. Fix and force version.",
        "Detected failed migration to version 1 (a). Please remove any half-completed changes then run repair",
        "run flyway repair",
        "P3009: migrate found failed migrations in the target database",
        'the revision "2" is marked as failed',
    ],
)
def test_a_tool_that_wants_somebody_to_look(failed: str) -> None:
    assert judged(failed) == [("PGS586", Severity.WARNING)]


@pytest.mark.parametrize(
    "failed",
    [
        'relation "repair" already exists',
        'column "marked as failed" of relation "car" already exists',
        'type "failed migration" already exists',
        "the migration failed: alembic ended with 1; its output ended: [SQL: CREATE TABLE repair (n int)]",
        'index "dirty database" already exists',
    ],
)
def test_an_object_that_is_called_so_makes_no_error_a_warning(failed: str) -> None:
    assert judged(failed) == [("PGS581", Severity.ERROR)]


def test_an_index_that_is_neither_valid_nor_ready_is_told_once() -> None:
    changes = tuple(
        Change(kind="index", object="public.i", action=Action.CHANGED, attribute=name, before=True, after=False)
        for name in ("ready", "valid")
    )
    facts = snapshot(*sales())
    attempt = Attempt(point=POINT, changes=changes)
    retried = Retried(attempts=(attempt, attempt), remembers=True, records=("public.books",))
    [told] = RECORDED_WRONGLY.judge(evidence(facts, facts, retried=retried))
    assert told.message.endswith("the index public.i is INVALID")
    assert "alike at 1 more of the points" in told.message

"""What a run knows by the step that ends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_pgsafe.checks.restored import NOT_RESTORED
from pytest_pgsafe.config.values import Settings
from pytest_pgsafe.copy.source import Source
from pytest_pgsafe.errors import RestoreError
from pytest_pgsafe.rehearsal.known import Known, Stage, gathered
from pytest_pgsafe.rehearsal.preflight import Plan
from pytest_pgsafe.rehearsal.steps import Steps
from pytest_pgsafe.rehearsal.values import Outcome
from pytest_pgsafe.snapshot.values import NotVerified

GAP = NotVerified(object="public.t", reason="it cannot be read")
OTHER = NotVerified(object="public.u", reason="it cannot be read either")
FINDING = NOT_RESTORED.finding("public.t", "it is not equal")
PLAN = Plan(source=Source(shown="a backup"), choice=None)  # type: ignore[arg-type]


def test_lists_are_added_up_and_of_the_rest_the_later_holds() -> None:
    first = Known(source_version="15.1", not_verified=(GAP,), notes=(FINDING,), unused={"rollback": "none"})
    both = first.joined(Known(source_version="15.2", not_verified=(OTHER,), unused={"rows": "nothing pending"}))
    assert both == Known(
        source_version="15.2",
        not_verified=(GAP, OTHER),
        notes=(FINDING,),
        unused={"rollback": "none", "rows": "nothing pending"},
    )


def test_a_part_takes_nothing_away() -> None:
    known = Known(source_version="15.1", findings=(FINDING,), baseline="2 effects", kept="psql …")
    assert known.joined(Known()) == known


def test_a_judgement_replaces_the_one_before() -> None:
    assert Known(findings=(FINDING,)).joined(Known(findings=())).findings == ()


def test_what_was_known_when_a_step_failed_stands_in_the_result() -> None:
    steps = Steps()

    def stages() -> Stage[None]:
        with steps.step("restore"):
            yield Known(not_verified=(GAP,))
            yield Known(findings=(FINDING,))
            raise RestoreError("it is not equal")
        yield Known(not_verified=(OTHER,))

    result = gathered(Known(plan=PLAN), stages()).result(Settings(folder=Path()), steps)
    assert result.verdict == "failed"
    assert (result.not_verified, result.findings) == ((GAP,), (FINDING,))
    assert [(step.name, step.outcome) for step in result.steps] == [("restore", Outcome.FAILED)]


def test_the_stages_of_a_stage_are_known_too() -> None:
    def inner() -> Stage[int]:
        yield Known(not_verified=(GAP,))
        return 3

    def outer() -> Stage[None]:
        number = yield from inner()
        yield Known(not_verified=(OTHER,) * number)

    assert gathered(Known(), outer()).not_verified == (GAP, OTHER, OTHER, OTHER)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_interruption_and_a_defect_come_through_and_end_what_was_open(error: type[BaseException]) -> None:
    steps = Steps()

    def stages() -> Stage[None]:
        with steps.step("migrate"):
            yield Known()
            raise error

    with pytest.raises(error):
        gathered(Known(), stages())
    assert [step.reason for step in steps.done] == [f"broken off: {error.__name__}"]


def test_under_strict_each_gap_is_a_finding_of_its_own() -> None:
    known = Known(plan=PLAN, not_verified=(GAP, GAP, OTHER))
    assert not known.result(Settings(folder=Path()), Steps()).findings
    assert [one.object for one in known.result(Settings(folder=Path(), strict=True), Steps()).findings] == [
        "public.t",
        "public.u",
    ]

"""What each item says of a result: nothing that went wrong is told by no item, nothing untold passes."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from pytest_pgsafe.checks.values import Finding, Severity
from pytest_pgsafe.config import Settings, Source, Way
from pytest_pgsafe.config.values import Server
from pytest_pgsafe.plugin.judgement import Judgement, judge, names, owner, unsaid
from pytest_pgsafe.rehearsal.values import Outcome, Result, Step

SETTINGS = Settings(folder=Path(), source=Source(dsn="dbname=x"), migration=Way(kind="run", command="true"))
ALL = names(SETTINGS)
STEPS = ("server", "backup", "restore", "clone", "migrate", "compare", "rollback")


def result(*steps: str, failed: str | None = None, findings: tuple[Finding, ...] = (), **more: object) -> Result:
    made = [
        Step(
            name=name,
            seconds=1.0,
            outcome=Outcome.FAILED if name == failed else Outcome.PASSED,
            reason="it broke" if name == failed else None,
        )
        for name in steps
    ]
    return Result(steps=tuple(made), source={}, server={}, findings=findings, **more)  # type: ignore[arg-type]


def finding(check: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(code="PGS1", check=check, severity=severity, object="public.t", message="it is gone")


def judged(
    given: Result, collected: tuple[str, ...] = ALL, selected: tuple[str, ...] | None = None
) -> dict[str, Judgement]:
    chosen = collected if selected is None else selected
    return {name: judge(name, given, collected=collected, selected=chosen) for name in chosen}


def outcomes(judgements: dict[str, Judgement]) -> dict[Outcome, set[str]]:
    found: dict[Outcome, set[str]] = {outcome: set() for outcome in Outcome}
    for name, judgement in judgements.items():
        found[judgement.outcome].add(name)
    return found


def test_names() -> None:
    assert names(Settings(folder=Path())) == ()
    assert names(Settings(folder=Path(), source=Source(dsn="dbname=x"))) == ("backup", "restore")
    assert names(Settings(folder=Path(), source=Source(backup=Path("b")))) == ("backup", "restore")
    assert names(Settings(folder=Path(), source=Source(sql=(Path("a.sql"),)))) == ("restore",)
    upgraded = Settings(folder=Path(), source=Source(dsn="dbname=x"), server=Server(major=18))
    assert names(upgraded) == ("backup", "restore", "major")
    migrated = replace(upgraded, migration=Way(kind="sql", path=Path("a.sql")))
    assert names(migrated)[:4] == ("backup", "restore", "major", "migrate")
    assert ALL[:3] == ("backup", "restore", "migrate")
    assert ALL[-1] == "rollback"


def test_everything_passed() -> None:
    assert outcomes(judged(result(*STEPS)))[Outcome.PASSED] == set(ALL)


@pytest.mark.parametrize(
    ("failed", "teller"),
    [
        ("server", "restore"),
        ("backup", "backup"),
        ("restore", "restore"),
        ("clone", "migrate"),
        ("migrate", "migrate"),
        ("compare", "rows"),
        ("rollback", "rollback"),
    ],
)
def test_a_failed_step_is_told_by_its_item_alone(failed: str, teller: str) -> None:
    done = STEPS[: STEPS.index(failed) + 1]
    found = outcomes(judged(result(*done, failed=failed)))
    assert found[Outcome.FAILED] == {teller}
    skipped = judged(result(*done, failed=failed)).values()
    assert {judgement.reason for judgement in skipped if judgement.outcome is Outcome.SKIPPED} <= {
        f"step {failed} failed before"
    }


def test_a_step_that_no_item_is_named_for() -> None:
    assert outcomes(judged(result("server", "backup", "roles", failed="roles")))[Outcome.FAILED] == {"restore"}
    done = ("server", "backup", "restore", "observe")
    assert outcomes(judged(result(*done, failed="observe")))[Outcome.FAILED] == {"migrate"}
    alone = outcomes(judged(result("server", "backup", "restore", "observe", failed="observe"), ("backup", "restore")))
    assert alone[Outcome.FAILED] == {"restore"}


@pytest.mark.parametrize("failed", STEPS)
def test_whatever_is_selected_a_failed_step_fails_exactly_one_item(failed: str) -> None:
    given = result(*STEPS[: STEPS.index(failed) + 1], failed=failed)
    for size in (1, 2):
        for selected in combinations(ALL, size):
            assert len(outcomes(judged(given, selected=selected))[Outcome.FAILED]) == 1, selected


@pytest.mark.parametrize("size", [1, 2, len(ALL)])
def test_a_run_that_was_broken_off_fails_exactly_one_item(size: int) -> None:
    given = result("server", "backup", interrupted="interrupted")
    for selected in combinations(ALL, size):
        found = outcomes(judged(given, selected=selected))
        assert len(found[Outcome.FAILED]) == 1
        assert not found[Outcome.PASSED]


def test_what_was_never_done_is_no_success() -> None:
    nothing = outcomes(judged(result()))
    assert nothing[Outcome.FAILED] == set(ALL)
    uncompared = outcomes(judged(result("server", "backup", "restore", "clone", "migrate", "rollback")))
    assert uncompared[Outcome.FAILED] == set(ALL) - {"backup", "restore", "migrate", "rollback"}


def test_what_is_unused_is_skipped_with_its_reason() -> None:
    found = judged(result(*STEPS[:-1], unused={"rollback": "no way back", "denormalized": "no rule"}))
    assert found["rollback"].outcome is found["denormalized"].outcome is Outcome.SKIPPED
    assert found["rollback"].reason == "no way back"


def test_a_finding_counts_where_a_check_is_unused() -> None:
    found = judged(result(*STEPS, findings=(finding("denormalized"),), unused={"denormalized": "no rule"}))
    assert found["denormalized"].outcome is Outcome.FAILED


def test_a_step_that_was_left_out() -> None:
    steps = (*result(*STEPS[:-1]).steps, Step(name="rollback", seconds=0, outcome=Outcome.SKIPPED, reason="not asked"))
    found = judged(Result(steps=steps, source={}, server={}))
    assert found["rollback"] == Judgement(outcome=Outcome.SKIPPED, reason="not asked")


def test_findings_fail_the_item_of_their_check() -> None:
    found = judged(result(*STEPS, findings=(finding("rows"), finding("values", Severity.WARNING))))
    assert outcomes(found)[Outcome.FAILED] == {"rows"}
    assert found["values"].findings


def test_a_finding_of_an_unknown_check_is_not_lost() -> None:
    assert outcomes(judged(result(*STEPS, findings=(finding("new check"),))))[Outcome.FAILED] == {"schema"}
    alone = judged(result(*STEPS[:3], findings=(finding("rows"),)), ("backup", "restore"))
    assert outcomes(alone)[Outcome.FAILED] == {"restore"}
    assert owner(finding("rows"), ("backup", "restore")) == "restore"


def test_what_was_left_out_is_told_at_the_end() -> None:
    given = result(*STEPS, findings=(finding("rows"), finding("values"), finding("locks", Severity.NOTE)))
    lines = unsaid(given, collected=ALL, ran={"rows"})
    assert lines == ["found, but values was not run:", "PGS1 error: public.t: it is gone"]
    assert unsaid(given, collected=ALL, ran=set(ALL)) == []


def test_seconds_are_of_the_steps_of_the_item() -> None:
    found = judged(result(*STEPS))
    assert found["restore"].seconds == pytest.approx(2.0)
    assert found["migrate"].seconds == pytest.approx(2.0)
    assert found["values"].seconds == 0

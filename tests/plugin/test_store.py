"""One rehearsal for all processes of a run, and what is known of one that never ended."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_pgsafe.catalog.values import Schema
from pytest_pgsafe.checks.values import Finding, Severity
from pytest_pgsafe.compare.values import Action, Change
from pytest_pgsafe.errors import ServerError
from pytest_pgsafe.migrate.values import Lock, Statement, Trace
from pytest_pgsafe.plugin.store import Store
from pytest_pgsafe.rehearsal.values import Outcome, Result, Step
from pytest_pgsafe.snapshot.values import NotVerified, RowSample

SAMPLE = RowSample(key={"id": "1"}, before={"a": None}, after={"a": "x"})
FULL = Result(
    steps=(Step(name="server", seconds=0.5, outcome=Outcome.PASSED),),
    source={"database": "crm"},
    server={"kind": "local"},
    changes=(
        Change(kind="schema", action=Action.ADDED, object="a", before=None, after=1.5),
        Change(kind="schema", action=Action.CHANGED, object="a", attribute="x", before=("a", None), after=True),
        Change(kind="schema", action=Action.CHANGED, object="a", attribute="x", before="1", after=1),
    ),
    findings=(
        Finding(
            code="PGS1", check="rows", severity=Severity.ERROR, object="a", message="b", before=1, after="1",
            samples=(SAMPLE,), reason="c", remedy="d",
        ),
    ),
    relations=1,
    rows=2,
    not_verified=(NotVerified(object="a", reason="b"),),
    trace=Trace(
        seconds=1.0,
        sessions=1,
        statements=(Statement(text="select 1", duration=0.5),),
        locks=(Lock(relation="a", mode="ShareLock", statement="x", held=1.0),),
    ),
    unused={"rollback": "none"},
    kept="psql",
)  # fmt: skip


def quiet(_: str) -> None:
    """Say nothing."""


def never(_: Callable[[str], None]) -> Result:
    raise AssertionError("rehearsed again")


def test_a_result_survives_being_stored(tmp_path: Path) -> None:
    assert Store(tmp_path).obtain(lambda _: FULL, quiet) == FULL
    assert Store(tmp_path).obtain(never, quiet) == FULL
    assert repr(Store(tmp_path).read()) == repr(FULL)


def test_whole_catalog_values_stay_behind(tmp_path: Path) -> None:
    whole = replace(FULL, changes=(replace(FULL.changes[0], new=Schema(name="a", owner="o")),))
    Store(tmp_path).obtain(lambda _: whole, quiet)
    assert Store(tmp_path).read() == replace(whole, changes=FULL.changes[:1])


def test_many_at_once_rehearse_once(tmp_path: Path) -> None:
    done: list[int] = []

    def rehearse(progress: Callable[[str], None]) -> Result:
        done.append(1)
        progress("server")
        return FULL

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: Store(tmp_path).obtain(rehearse, quiet), range(8)))
    assert results == [FULL] * 8
    assert len(done) == 1


def test_nothing_begun(tmp_path: Path) -> None:
    assert Store(tmp_path).read() is None


def test_a_process_that_died(tmp_path: Path) -> None:
    Store(tmp_path)._journal.write_text('["server", 10.0]\n["migrate", 12.5]\n["comp')
    for found in (Store(tmp_path).read(), Store(tmp_path).obtain(never, quiet)):
        assert found is not None
        assert found.verdict == "error"
        assert found.interrupted is not None
        assert "gone" in found.interrupted
        assert [(step.name, step.outcome.value) for step in found.steps] == [
            ("server", "passed"),
            ("migrate", "failed"),
        ]
        assert found.steps[0].seconds == pytest.approx(2.5)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), pytest.exit.Exception("enough")])
def test_an_interruption_is_stored_and_goes_on(tmp_path: Path, error: BaseException) -> None:
    def rehearse(progress: Callable[[str], None]) -> Result:
        progress("server")
        raise error

    with pytest.raises(type(error)):
        Store(tmp_path).obtain(rehearse, quiet)
    found = Store(tmp_path).obtain(never, quiet)
    assert found.verdict == "error"
    assert [step.name for step in found.steps] == ["server"]


def test_an_error_found_too_late_is_no_verdict(tmp_path: Path) -> None:
    def rehearse(_: Callable[[str], None]) -> Result:
        raise ServerError("no server", remedies=["start one"])

    found = Store(tmp_path).obtain(rehearse, quiet)
    assert found.verdict == "error"
    assert found.interrupted == "no server\n  remedy: start one"


def test_a_defect_is_no_verdict_and_shows_where(tmp_path: Path) -> None:
    def rehearse(_: Callable[[str], None]) -> Result:
        raise ZeroDivisionError

    found = Store(tmp_path).obtain(rehearse, quiet)
    assert found.verdict == "error"
    assert found.interrupted is not None
    assert "ZeroDivisionError" in found.interrupted
    assert "test_store.py" in found.interrupted


def test_steps_are_told_as_they_begin(tmp_path: Path) -> None:
    told: list[str] = []

    def rehearse(progress: Callable[[str], None]) -> Result:
        progress("server")
        progress("restore")
        return FULL

    Store(tmp_path).obtain(rehearse, told.append)
    assert told == ["server", "restore"]

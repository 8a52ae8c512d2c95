"""What is said of a cluster's recoverability: judged by what was found out, and told in each report."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import jsonschema
import pytest

from pytest_pgsafe.checks.recoverability import judge
from pytest_pgsafe.checks.values import Severity
from pytest_pgsafe.config import Options, resolve
from pytest_pgsafe.errors import ConfigError
from pytest_pgsafe.pitr.archive import Fault
from pytest_pgsafe.pitr.outcome import Continuity, Damage, DatabaseRead, Proven, Reached, Recoverability, Window
from pytest_pgsafe.plugin.judgement import RECOVERY, names
from pytest_pgsafe.plugin.judgement import judge as judge_item
from pytest_pgsafe.rehearsal.values import Outcome, Result, Step, together
from pytest_pgsafe.report import html, json, markdown
from pytest_pgsafe.report.terminal import summary

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=timezone.utc)
SEGMENT = "000000010000000000000005"
FAULT = Fault(segment=SEGMENT, why="missing", number=5, last=5)
FOUND = Recoverability(
    at=NOW,
    continuity=Continuity(segments=7, first="000000010000000000000001", last="000000010000000000000007"),
    base=Proven(name="20261121T000000Z", bases=3, server_version="15.18", ended_at=NOW - timedelta(days=1)),
    reached=Reached(
        newest=NOW - timedelta(minutes=5),
        by="the last transaction",
        position="0/7000100",
        rto_seconds=2.5,
        server={"kind": "local", "version": "15.18", "origin": "/usr/lib/postgresql/15/bin"},
        databases=(DatabaseRead(name="shop", tables=12, indexes=9, checked=True),),
    ),
    window=Window(at=NOW, allowed=900.0),
)


def reached_at(moment: datetime) -> Recoverability:
    assert FOUND.reached is not None
    return replace(FOUND, reached=replace(FOUND.reached, newest=moment))


def windowed(found: Recoverability, *, unarchived: bool | None, unasked: str | None = None) -> Recoverability:
    return replace(found, window=Window(at=NOW, allowed=900.0, unarchived=unarchived, unasked=unasked))


def test_what_is_young_enough_is_safe() -> None:
    assert judge(FOUND) == ()
    assert FOUND.rpo_seconds == 300.0


@pytest.mark.parametrize(
    ("age", "unarchived", "unsafe"),
    [
        (timedelta(minutes=15), None, False),
        (timedelta(minutes=16), None, True),
        (timedelta(hours=9), False, False),
        (timedelta(hours=9), True, True),
        (timedelta(seconds=-30), None, False),
        # A clock that is a day ahead would make an archive look fresh that ended yesterday.
        (timedelta(hours=-23), None, True),
        (timedelta(hours=-23), False, True),
    ],
)
def test_the_newest_moment_s_age(age: timedelta, unarchived: bool | None, unsafe: bool) -> None:
    found = judge(windowed(reached_at(NOW - age), unarchived=unarchived))
    assert [(one.code, one.severity) for one in found] == ([("PGS033", Severity.ERROR)] if unsafe else [])


def test_why_the_server_was_not_believed_is_told() -> None:
    [found] = judge(windowed(reached_at(NOW - timedelta(hours=9)), unarchived=None, unasked="it is a standby"))
    assert "9 h ago" in found.message
    assert "it is a standby" in found.message


def test_a_gap_is_an_error_behind_the_newest_base_backup_and_a_warning_before_it() -> None:
    assert FOUND.continuity is not None
    for continuity, severity in (
        (replace(FOUND.continuity, faults=(FAULT,)), Severity.ERROR),
        (replace(FOUND.continuity, older=(FAULT,)), Severity.WARNING),
    ):
        [found] = judge(replace(FOUND, continuity=continuity))
        assert (found.code, found.object, found.severity) == ("PGS030", SEGMENT, severity)


def test_damage_is_told_of_base_backup_and_cluster() -> None:
    assert FOUND.base is not None
    assert FOUND.reached is not None
    damage = Damage(database="shop", object="public.item", why="invalid page in block 0")
    found = judge(
        replace(
            FOUND,
            base=replace(FOUND.base, problems=("PG_VERSION has size 4, and the manifest says 3",)),
            reached=replace(FOUND.reached, damage=(damage,)),
        )
    )
    assert [one.code for one in found] == ["PGS031", "PGS032"]
    assert "invalid page" in found[1].message


def result(found: Recoverability, *steps: Step) -> Result:
    return Result(steps=steps, source={}, server={}, findings=judge(found), pitr=found)


@pytest.mark.parametrize("found", [FOUND, Recoverability()])
def test_every_report_says_it(found: Recoverability) -> None:
    told = result(found, Step(name="pitr_archive", seconds=0.1, outcome=Outcome.PASSED))
    document = json.document(told)
    jsonschema.validate(document, json.schema())
    texts = [markdown.render(told), html.render(told), "\n".join(line.text for line in summary(told, short=False))]
    if found.reached is not None:
        assert document["pitr"]["newest_epoch"] == (NOW - timedelta(minutes=5)).timestamp()
        assert all("2026-11-22T02:55:00+00:00" in text and "20261121T000000Z" in text for text in texts)
    else:
        assert document["pitr"]["newest"] is None


def test_a_rehearsal_and_a_recovery_are_one_report() -> None:
    rehearsed = Result(steps=(Step(name="restore", seconds=1, outcome=Outcome.PASSED),), source={}, server={})
    recovered = result(FOUND, Step(name="pitr_archive", seconds=1, outcome=Outcome.FAILED, reason="no segment"))
    both = together(rehearsed, recovered)
    assert both is not None
    assert [step.name for step in both.steps] == ["restore", "pitr_archive"]
    assert (both.verdict, both.pitr) == ("failed", FOUND)
    assert together(None, recovered) is recovered
    assert together(rehearsed, None) is rehearsed


def test_what_was_not_looked_at_never_passes() -> None:
    failed = result(Recoverability(), Step(name="pitr_archive", seconds=1, outcome=Outcome.FAILED, reason="no segment"))
    outcomes = [judge_item(name, failed, collected=RECOVERY, selected=RECOVERY).outcome for name in RECOVERY]
    assert outcomes == [Outcome.FAILED, Outcome.SKIPPED, Outcome.SKIPPED, Outcome.SKIPPED]
    # The first that is run tells what went wrong.
    alone = judge_item("pitr_window", failed, collected=RECOVERY, selected=["pitr_window"])
    assert (alone.outcome, "no segment" in str(alone.reason)) == (Outcome.FAILED, True)
    nothing = result(Recoverability())
    assert judge_item("pitr_window", nothing, collected=RECOVERY, selected=RECOVERY).outcome is Outcome.FAILED


def test_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "pgsafe.toml"
    path.write_text('[pitr]\nbase = "base"\narchive = "/wal"\nwindow = "15min"\n', encoding="utf-8")
    settings = resolve(Options(), environment={}, rootdir=tmp_path, invocation_dir=tmp_path)
    assert settings.pitr is not None
    assert (settings.pitr.base, settings.pitr.archive, settings.pitr.window) == (tmp_path / "base", Path("/wal"), 900)
    assert names(settings) == RECOVERY
    path.write_text('[pitr]\nbase = "base"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"\[pitr\] has no archive"):
        resolve(Options(), environment={}, rootdir=tmp_path, invocation_dir=tmp_path)

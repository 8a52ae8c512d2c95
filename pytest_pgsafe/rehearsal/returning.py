"""The steps after the migration was judged: its way back and forth again, or the restore instead."""

from __future__ import annotations

from dataclasses import replace

from ..checks import judge
from ..checks.values import Evidence, NoWayBack, Severity
from ..compare.repeated import Repeated
from ..compare.values import Comparison
from ..config.values import Settings
from ..migrate import backwards
from ..migrate.run import FailedRun
from ..migrate.tools import Migration
from ..snapshot.values import NotVerified
from . import aftermath, new_rows, way_back
from .judged import Judged
from .known import Known, Stage
from .migrated import Migrated
from .restored import Restored

_NOTHING_APPLIED = "the migration applied nothing, so there is nothing to take back"


def go(judged: Judged) -> Stage[Evidence]:
    """Run the way back and forth again, and return the evidence with what was found on the way.

    :raises Stopped: a step failed.
    """
    restored, evidence = judged.restored, judged.evidence
    if restored.plan.rollback is None:
        yield Known(unused={"rollback": _instead(restored)})
        return evidence
    with new_rows.prepared(judged) as used:
        return (yield from _go(judged, restored.plan.rollback, used))


def _go(judged: Judged, rollback: Migration, used: new_rows.Used | None) -> Stage[Evidence]:
    restored, evidence = judged.restored, judged.evidence
    try:
        with restored.steps.step("rollback", skips=backwards.NoWayBackError):
            comparison = _back(rollback, judged.migrated, restored)
    except backwards.NoWayBackError as error:
        seconds = yield from _restored_again(restored)
        return replace(evidence, no_way_back=NoWayBack(message=error.message, restored=seconds))
    if comparison is None:
        yield Known(unused={"rollback": _NOTHING_APPLIED})
        return evidence
    yield Known(not_verified=comparison.not_verified)
    evidence = replace(evidence, rollback=comparison)
    if used is not None:
        with restored.steps.step("new_rows"):
            evidence = replace(evidence, new_rows=new_rows.go_back(used, rollback, restored))
    return replace(evidence, again=_again(judged, comparison))


def _instead(restored: Restored) -> str:
    reason = "no way back is configured"
    if restored.proven:
        reason += f"; the restore of the backup is one: {restored.seconds:.1f} s, proven equal to the source"
    return reason


def _back(rollback: Migration, migrated: Migrated, restored: Restored) -> Comparison | None:
    after = migrated.after
    applied = backwards.resolve(rollback, restored.before, after)
    if applied is None:
        return None
    try:
        return way_back.back(applied, after, restored, migrated.since)
    except FailedRun as error:
        said = backwards.none(error.trace)
        if said is not None:
            raise backwards.NoWayBackError(f"it said: {said}") from error
        aftermath.tell(error, restored.before, after, restored.facts, back=None, restored=None)
        raise


def _restored_again(restored: Restored) -> Stage[float | None]:
    """Rehearse the restore as the way back, and return its seconds; None if there is nothing to restore."""
    if restored.backup is None:
        without = "a source of .sql files has no backup"
        if restored.plan.source.kind == "database":
            without = 'a run that begins with a kept base takes no backup ([server] cache = "off" takes one)'
        reason = f"{without}: the restore as the way back was not rehearsed"
        restored.steps.skip("restore_again", reason)
        yield Known(not_verified=(NotVerified(object="rollback", reason=reason),))
        return None
    with restored.steps.step("restore_again"):
        return way_back.restore(
            restored.plan.source, restored.backup, restored.reference, restored.server, like=restored.like
        )  # fmt: skip


def _again(judged: Judged, comparison: Comparison) -> Repeated | None:
    restored, migrated = judged.restored, judged.migrated
    evidence = replace(judged.evidence, rollback=comparison)
    reason = _not_again(restored.settings, evidence, comparison)
    if reason is not None:
        restored.steps.skip("again", reason)
        return None
    with restored.steps.step("again"):
        return way_back.again(
            migrated.migration,
            migrated.after,
            evidence.comparison.after,
            comparison,
            restored,
            since=migrated.since,
        )


def _not_again(settings: Settings, evidence: Evidence, comparison: Comparison) -> str | None:
    """Return why migrating once more would say nothing."""
    if not settings.again:
        return "not asked for: [migration] again = false"
    # Without the baseline: what it excuses is not undone by that.
    found = judge(replace(evidence, rules=replace(evidence.rules, baseline=None)))
    unsafe = any(finding.check == "rollback" and finding.severity is Severity.ERROR for finding in found)
    if unsafe or not way_back.led_back(comparison):
        return "the way back does not lead back: migrating again would begin somewhere else"
    return None

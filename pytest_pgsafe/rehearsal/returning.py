"""The steps after the migration was judged: its way back and forth again, or the restore instead."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, replace

from ..backup.take import Backup
from ..checks import judge
from ..checks.values import Evidence, NoWayBack, Severity
from ..compare.values import Comparison
from ..config.values import Settings
from ..errors import MigrationError
from ..migrate import backwards
from ..migrate.run import FailedRun
from ..server.address import Address
from ..snapshot.values import NotVerified, Snapshot
from . import aftermath, way_back
from .preflight import Plan
from .steps import Steps

_NOTHING_APPLIED = "the migration applied nothing, so there is nothing to take back"


@dataclass(frozen=True, kw_only=True)
class Return:
    """Where a run stands once the migration was judged, and what there is to go back by."""

    settings: Settings
    plan: Plan
    steps: Steps
    ground: way_back.Ground
    after: Address
    backup: Backup | None
    #: What a restore has to equal, and how many seconds the first took; None without a backup.
    reference: Snapshot | None
    seconds: float
    not_verified: list[NotVerified]
    unused: MutableMapping[str, str]

    def go(self, evidence: Evidence) -> Evidence:
        """Return the evidence with what was found on the way.

        :raises Stopped: a step failed.
        """
        if self.plan.rollback is None:
            self.unused["rollback"] = self._instead()
            return evidence
        try:
            with self.steps.step("rollback", skips=backwards.NoWayBackError):
                comparison = self._back()
        except backwards.NoWayBackError as error:
            return replace(evidence, no_way_back=NoWayBack(said=error.message, restored=self._restore()))
        if comparison is None:
            self.unused["rollback"] = _NOTHING_APPLIED
            return evidence
        self.not_verified.extend(comparison.not_verified)
        return self._again(replace(evidence, rollback=comparison))

    def _instead(self) -> str:
        told = "no way back is configured"
        if self.backup is not None and self.backup.facts is not None:
            told += f"; the restore of the backup is one: {self.seconds:.1f} s, proven equal to the source"
        return told

    def _back(self) -> Comparison | None:
        assert self.plan.rollback is not None
        rollback = backwards.resolve(self.plan.rollback, self.ground.before, self.after)
        if rollback is None:
            return None
        try:
            return way_back.back(rollback, self.after, self.ground)
        except FailedRun as error:
            said = backwards.none(error.trace)
            if said is not None:
                raise backwards.NoWayBackError(f"it said: {said}") from error
            aftermath.tell(error, self.ground.before, self.after, self.ground.facts, back=None, restored=None)
            raise

    def _restore(self) -> float | None:
        """Rehearse the restore as the way back, and return its seconds; None if there is nothing to restore."""
        if self.backup is None or self.reference is None:
            reason = "a source of .sql files has no backup: the restore as the way back was not rehearsed"
            self.steps.skip("restore_again", reason)
            self.not_verified.append(NotVerified(object="rollback", reason=reason))
            return None
        with self.steps.step("restore_again"):
            restored = way_back.restore(
                self.plan.source, self.backup, self.reference, self.ground.server, like=self.ground.like
            )  # fmt: skip
        return restored.seconds

    def _again(self, evidence: Evidence) -> Evidence:
        reason = self._not_again(evidence)
        if reason is not None:
            self.steps.skip("again", reason)
            return evidence
        migration, comparison = self.plan.migration, evidence.rollback
        assert migration is not None
        assert comparison is not None
        with self.steps.step("again"):
            again = way_back.again(migration, self.after, evidence.comparison.after, comparison, self.ground)
        return replace(evidence, again=again)

    def _not_again(self, evidence: Evidence) -> str | None:
        """Return why migrating once more would say nothing."""
        if not self.settings.again:
            return "not asked for: [migration] again = false"
        assert evidence.rollback is not None
        # Without the baseline: what it excuses is not undone by that.
        found = judge(replace(evidence, rules=replace(evidence.rules, baseline=None)))
        unsafe = any(one.check == "rollback" and one.severity is Severity.ERROR for one in found)
        if unsafe or not way_back.led_back(evidence.rollback):
            return "the way back does not lead back: migrating again would begin somewhere else"
        return None


def undo(plan: Plan, ground: way_back.Ground, after: Address) -> None:
    """Run the way back of a migration that failed midway.

    :raises MigrationError: it failed, or there is none.
    """
    assert plan.rollback is not None
    rollback = backwards.resolve(plan.rollback, ground.before, after)
    if rollback is None:
        raise MigrationError("its tool has not noted anything that could be taken back")
    ground.run(rollback, after)

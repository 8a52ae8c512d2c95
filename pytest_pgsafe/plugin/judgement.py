"""What one collected check says of a stored result (pure): passed, failed or skipped, and why.

The first thing that went wrong is told once: by the item of the step that failed if it was selected, else by the first
selected item that cannot be judged for it. Nothing that went wrong is told by no item.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ..checks.values import Finding, Severity
from ..config import Settings
from ..rehearsal.values import Outcome, Result, Step
from ..report.terminal import finding_lines

#: The items of a recovery, each of them a step of its own.
RECOVERY = ("pitr_archive", "pitr_base", "pitr_recovery", "pitr_window")
_STEPS = ("static", "backup", "restore", "major", "migrate", "rollback", *RECOVERY)
_CONTENT = (
    "rows",
    "values",
    "foreign_keys",
    "denormalized",
    "schema",
    "sequences",
    "privileges",
    "locks",
    "cost",
    "works",
)
#: The item that a step belongs to, where it is not the item of its own name.
_OWNERS = {
    "base": "restore", "server": "restore", "keep": "restore", "copy": "restore",
    "isolate": "restore", "clone": "migrate", "compare": "rows",
    "after_restore": "restore", "before_migration": "migrate", "after_migration": "migrate",
    "read": "static", "again": "rollback", "retry_back": "retry", "restore_again": "rollback", "upgrade": "major",
    "analyze": "old_release", "old_release_run": "old_release",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Judgement:
    outcome: Outcome
    #: Why it failed or is skipped.
    reason: str | None = None
    findings: tuple[Finding, ...] = ()
    #: Of the steps that are its own.
    seconds: float = 0.0


def names(settings: Settings) -> tuple[str, ...]:
    """Return the checks that a run collects, in order."""
    return (*rehearsed(settings), *recovered(settings))


def recovered(settings: Settings) -> tuple[str, ...]:
    """Return the checks that a recovery is judged by."""
    return () if settings.pitr is None or settings.static else RECOVERY


def rehearsed(settings: Settings) -> tuple[str, ...]:
    """Return the checks that a rehearsal is judged by."""
    if settings.static:
        return ("static",) if settings.migration is not None or settings.files else ()
    if settings.source is None:
        return ()
    backup = ("backup",) if settings.source.kind in {"dsn", "backup", "engine", "cluster"} else ()
    restored = (*backup, "restore", *(() if settings.server.major is None else ("major",)))
    if settings.migration is None:
        return restored
    traffic = () if settings.traffic.clients == 0 else ("traffic",)
    retry = () if settings.retry.points == 0 else ("retry",)
    return (*restored, "migrate", *_CONTENT, *traffic, *retry, "old_release", "rollback")


def owner(finding: Finding, collected: Sequence[str]) -> str:
    """Return the item that reports a finding: none is lost because its check has no item."""
    if finding.check in collected:
        return finding.check
    return "schema" if "schema" in collected else "restore"


def judge(name: str, result: Result, *, collected: Sequence[str], selected: Collection[str]) -> Judgement:
    """Judge one item.

    :param collected: every item of the run, in order.
    :param selected: those that are run.
    """
    own = [step for step in result.steps if _owner(step, result, collected) == name]
    findings = tuple(finding for finding in result.findings if owner(finding, collected) == name)
    failure = _failure(name, result, collected, selected)
    unsafe = any(finding.severity is Severity.ERROR for finding in findings)
    skipped = None if failure is not None or unsafe else _skipped(name, result, own)
    if skipped is None and failure is None and not unsafe:
        failure = _not_done(name, result, own)
    outcome = Outcome.FAILED if unsafe or failure is not None else Outcome.PASSED
    return Judgement(
        outcome=outcome if skipped is None else Outcome.SKIPPED,
        reason=failure if skipped is None else skipped,
        findings=findings,
        seconds=sum(step.seconds for step in own),
    )


def _failure(name: str, result: Result, collected: Sequence[str], selected: Collection[str]) -> str | None:
    """Return what went wrong that this item tells, findings apart."""
    if result.interrupted is not None:
        first = next((other for other in collected if other in selected), name)
        return result.interrupted if name == first else None
    for step in result.steps:
        if step.outcome is Outcome.FAILED and _teller(step, result, collected, selected) == name:
            return f"step {step.name} failed: {step.reason}"
    return None


def _skipped(name: str, result: Result, own: Sequence[Step]) -> str | None:
    """Return why there is nothing to judge, if there is a reason."""
    if result.interrupted is not None:
        return "no verdict was reached"
    if name in result.unused:
        return result.unused[name]
    if any(step.outcome is Outcome.PASSED for step in own):
        return None
    if own and own[0].reason is not None:
        return own[0].reason
    failed = next((step for step in result.steps if step.outcome is Outcome.FAILED), None)
    return None if failed is None else f"step {failed.name} failed before"


def _not_done(name: str, result: Result, own: Sequence[Step]) -> str | None:
    """Return what is missing for an item to pass: what was never looked at is not safe."""
    passed = any(step.outcome is Outcome.PASSED for step in own)
    if name in _STEPS:
        return None if passed else f"step {name} is not among the steps that were run"
    compared = any(step.name == "compare" and step.outcome is Outcome.PASSED for step in result.steps)
    return None if compared else "nothing was compared"


def unsaid(result: Result, *, collected: Sequence[str], ran: Collection[str]) -> list[str]:
    """Return what failed no item because its item was left out or never came to run, as lines for people."""
    lines: list[str] = []
    for finding in result.findings:
        if finding.severity is Severity.ERROR and owner(finding, collected) not in ran:
            lines += [f"found, but {owner(finding, collected)} was not run:", *finding_lines(finding)]
    return lines


def _owner(step: Step, result: Result, collected: Sequence[str]) -> str:
    name = _OWNERS.get(step.name, step.name)
    if name in collected:
        return name
    # A step that no item is named for belongs to what was being done when it ran.
    before = result.steps[: result.steps.index(step)]
    restored = any(other.name == "restore" for other in before)
    return "migrate" if restored and "migrate" in collected else "restore"


def _teller(step: Step, result: Result, collected: Sequence[str], selected: Collection[str]) -> str | None:
    """Return the item that fails for a failed step."""
    responsible = _owner(step, result, collected)
    if responsible in selected:
        return responsible
    later = collected[collected.index(responsible) :]
    return next((name for name in (*later, *collected) if name in selected), None)

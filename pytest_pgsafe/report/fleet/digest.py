"""A fleet as one result: a finding for each cause, which names its members. For formats that know one result alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ...checks.evidence import count
from ...checks.values import Finding
from ...fleet.values import Cause, FleetResult
from ...rehearsal.values import Outcome, Result, Step
from ...snapshot.values import NotVerified
from .overview import names, told_of

#: The step of members that have no verdict.
MEMBERS = "fleet"


def digest(fleet: FleetResult) -> Result:
    """Return a result of the fleet's verdict, with all that it failed for or is warned of."""
    lost = [cause for cause in fleet.causes if cause.level == "no verdict"]
    failed = [cause for cause in fleet.causes if cause.level == "error" and cause.finding is None]
    told = [told_of(cause) for cause in lost]
    interrupted = fleet.interrupted
    if fleet.verdict == "error" and interrupted is None:
        interrupted = "\n".join(told) if told else "no member was judged"
    return Result(
        steps=(*_steps(fleet, failed), *_members(fleet, told)),
        source={"server_version": ", ".join(fleet.source_versions)},
        server=fleet.server,
        findings=tuple(finding for _, finding in findings(fleet)),
        relations=sum(one.relations for one in fleet.members),
        rows=sum(one.rows for one in fleet.members),
        not_verified=tuple(_gaps(fleet)),
        interrupted=interrupted,
        disk_full=fleet.disk_full,
        time=fleet.time,
        migration=fleet.migration,
    )


def findings(fleet: FleetResult) -> Iterator[tuple[Cause, Finding]]:
    """Yield each cause that is a finding, and the finding with its members' names."""
    for cause in fleet.causes:
        if cause.finding is not None:
            if len(cause.members) == 1:
                message = f"{cause.members[0]}: {cause.finding.message}"
            else:
                told = f"{count(len(cause.members), 'member')} ({names(cause.members)})"
                message = f"{told}, of {cause.members[0]}: {cause.finding.message}"
            yield cause, replace(cause.finding, message=message)


def _steps(fleet: FleetResult, failed: list[Cause]) -> Iterator[Step]:
    reasons: dict[str, list[str]] = {}
    for cause in failed:
        assert cause.step is not None
        reasons.setdefault(cause.step.name, []).append(told_of(cause))
    for step in fleet.steps:
        told = reasons.get(step.name)
        # A step that failed where a member was broken off is no failure of the fleet's: that member has no verdict.
        outcome = Outcome.FAILED if told else step.outcome
        if outcome is Outcome.FAILED and not told:
            outcome = Outcome.SKIPPED
        yield replace(step, outcome=outcome, reason="\n".join(told) if told else step.reason)


def _members(fleet: FleetResult, lost: list[str]) -> Iterator[Step]:
    """Yield a failed step for members without a verdict, where others failed: nobody may overlook them."""
    if lost and fleet.verdict == "failed":
        yield Step(name=MEMBERS, seconds=0.0, outcome=Outcome.FAILED, reason="\n".join(lost))


def _gaps(fleet: FleetResult) -> Iterator[NotVerified]:
    for one in fleet.members:
        if one.not_verified:
            told = f"{count(one.not_verified, 'object')} not verified: the member's own report names them"
            yield NotVerified(object=one.member.name, reason=told)

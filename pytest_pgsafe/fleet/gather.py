"""Members' results in, one after the other, and what is told of the whole fleet out; none is kept."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain

from ..catalog.names import split, unquoted
from ..checks.announcing import announcement
from ..checks.cost_values import longest
from ..checks.values import Finding, Severity
from ..rehearsal.values import Outcome, Result, Step
from .own import NAME, own_names
from .values import Absence, Cause, Drift, FleetResult, Held, Judged, Level, Member, Verdict

#: Causes that are kept. Beyond it only a member that no other cause names adds one.
MOST = 500
#: How an error's line begins that says what was looked at.
_LOOKED = "looked at: "
_LEVELS: tuple[Level, ...] = ("error", "no verdict", "warning")


@dataclass
class _Same:
    """A cause as it is gathered."""

    cause: Cause
    members: list[str]


@dataclass
class Gathering:
    """What was gathered so far; members come in the fleet's order."""

    _judged: list[Judged] = field(default_factory=list[Judged])
    _causes: dict[Hashable, _Same] = field(default_factory=dict[Hashable, _Same])
    _more: set[Hashable] = field(default_factory=set[Hashable])
    _steps: dict[str, Step] = field(default_factory=dict[str, Step])
    _versions: Counter[str] = field(default_factory=Counter[str])
    _server: Mapping[str, str] = field(default_factory=dict[str, str])
    _migration: tuple[str, str] | None = None
    _time: str | None = None

    def add(self, member: Member, result: Result, fingerprint: str | None = None) -> None:
        """Take in a member's result; of it only a summary stays.

        :param fingerprint: of its schema before the migration.
        """
        if result.absent is not None:
            self.absent(member, Absence(result.absent), result.interrupted or "")
            return
        self._judged.append(_judged(member, result, fingerprint))
        self._server = self._server or dict(result.server)
        self._migration = self._migration or result.migration
        self._time = max(filter(None, (self._time, result.time)), default=None)
        if version := result.source.get("server_version"):
            self._versions[version] += 1
        for step in result.steps:
            self._step(member, step)
        told = False
        for key, cause in _causes(member, result):
            told = self._cause(member, key, cause, needed=not told) or told

    def absent(self, member: Member, absence: Absence, reason: str) -> None:
        """Take in a member that has no result.

        :param reason: why, for people; empty where the word says all.
        """
        verdict: Verdict | None = None if absence.wanted else "error"
        told = _said(reason) or absence.text
        self._judged.append(Judged(member=member, verdict=verdict, absent=absence, reason=told))
        if verdict is not None:
            cause = Cause(members=(), text=told, level="no verdict")
            self._cause(member, (absence, _alike(told, member)), cause, needed=True)

    @property
    def fingerprints(self) -> Mapping[str, str | None]:
        """By member that was to be judged: its schema's, None where that is not known."""
        return {one.member.name: one.fingerprint for one in self._judged if one.counts}

    def result(self, drift: Drift, *, sample: str | None = None, interrupted: str | None = None) -> FleetResult:
        """Return what is told of the fleet.

        :param sample: how the sample was drawn.
        :param interrupted: why the run was broken off.
        """
        causes = [replace(one.cause, members=tuple(one.members)) for one in self._causes.values()]
        return FleetResult(
            members=tuple(self._judged),
            causes=tuple(sorted(causes, key=lambda one: (_LEVELS.index(one.level), -len(one.members)))),
            more_causes=len(self._more),
            drift=drift,
            steps=tuple(self._steps.values()),
            sample=sample,
            migration=self._migration,
            source_versions=tuple(version for version, _ in self._versions.most_common()),
            server=self._server,
            time=self._time,
            interrupted=interrupted,
        )

    def _step(self, member: Member, step: Step) -> None:
        before = self._steps.get(step.name)
        failed = step.outcome is Outcome.FAILED
        if before is None:
            before = Step(name=step.name, seconds=0.0, outcome=step.outcome)
        outcome, reason = before.outcome, before.reason
        if failed and outcome is not Outcome.FAILED:
            outcome, reason = step.outcome, f"{member.name}: {_first_line(step.reason or '')}"
        elif failed and reason is None:
            reason = f"{member.name}: {_first_line(step.reason or '')}"
        elif step.outcome is Outcome.PASSED and outcome is Outcome.SKIPPED:
            outcome = step.outcome
        seconds = round(before.seconds + step.seconds, 3)
        self._steps[step.name] = Step(name=step.name, seconds=seconds, outcome=outcome, reason=reason)

    def _cause(self, member: Member, key: Hashable, cause: Cause, *, needed: bool) -> bool:
        """Add a member to a cause; return whether the cause is kept.

        :param needed: no cause names the member yet.
        """
        same = self._causes.get(key)
        if same is None:
            if len(self._causes) >= MOST and not (needed and cause.level != "warning"):
                self._more.add(key)
                return False
            self._causes[key] = same = _Same(cause, [])
        if same.members[-1:] != [member.name]:
            same.members.append(member.name)
        return True


def _judged(member: Member, result: Result, fingerprint: str | None) -> Judged:
    levels = Counter(finding.severity.value for finding in result.findings)
    codes = Counter(finding.code for finding in result.findings if finding.severity is not Severity.NOTE)
    lock = None if result.trace is None else longest(result.trace.locks)
    held = None
    if lock is not None and lock.held is not None:
        held = Held(relation=lock.relation, mode=lock.mode, seconds=round(max(lock.held, 0.0) / 1000, 6))
    return Judged(
        member=member,
        verdict=result.verdict,
        reason=None if result.interrupted is None else _said(result.interrupted),
        relations=result.relations,
        rows=result.rows,
        not_verified=len(result.not_verified),
        seconds=round(sum(step.seconds for step in result.steps), 3),
        migration=None if result.trace is None else result.trace.seconds,
        lock=held,
        fingerprint=fingerprint,
        severities=dict(levels),
        codes=dict(sorted(codes.items())),
        disk_full=result.disk_full,
        kept=result.kept,
    )


def _causes(member: Member, result: Result) -> Iterator[tuple[Hashable, Cause]]:
    """Yield what a member failed for, and then what it is warned of, each with what it has in common with others'."""
    if result.interrupted is not None:
        text = _said(result.interrupted)
        yield ("interrupted", _alike(text, member)), Cause(members=(), text=text, level="no verdict")
    for step in result.steps:
        if step.outcome is Outcome.FAILED and result.interrupted is None:
            text = _first_line(step.reason or "")
            cause = Cause(members=(), text=f"step {step.name} failed: {text}", level="error", step=step)
            yield ("step", step.name, _alike(text, member)), cause
    errors = (one for one in result.findings if one.severity is Severity.ERROR)
    warnings = (one for one in result.findings if one.severity is Severity.WARNING)
    for finding in chain(errors, warnings):
        yield _key(finding, member), Cause(
            members=(), text=finding.message, level="error" if finding.severity is Severity.ERROR else "warning",
            finding=finding, announce=announcement(finding, result.changes),
        )  # fmt: skip


def _key(finding: Finding, member: Member) -> Hashable:
    own = own_names(member)
    object_ = tuple(NAME if unquoted(part) in own else part for part in split(finding.object))
    return ("finding", finding.code, finding.check, finding.severity, object_, finding.aspect)


def _alike(text: str, member: Member) -> str:
    """Return a text without what each member has of its own: names, and numbers."""
    for own in (member.source, *own_names(member)):
        text = text.replace(own, NAME)
    return re.sub(r"\d+", "#", text)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def _said(text: str) -> str:
    """Return in a line what an interruption says: of a traceback its end; of an error also what was looked at first."""
    first, *rest = text.strip().splitlines() or [""]
    if first.startswith("Traceback"):
        return rest[-1] if rest else first
    looked = rest[0].strip() if rest else ""
    return f"{first} ({looked.removeprefix(_LOOKED)})" if looked.startswith(_LOOKED) else first

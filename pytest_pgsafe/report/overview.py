"""What every report says, and in which order: the verdict in a line, what is wrong, what was meant, the rest.

Facts and judgement come from the result. The formats differ in how they show this, not in what they say first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version

from ..catalog.names import split
from ..checks import EVERY
from ..checks.announcing import announcement, comment
from ..checks.cost_values import longest
from ..checks.evidence import duration, size
from ..checks.values import Finding, Severity
from ..config.forms import span
from ..migrate.values import Lock
from ..reading.values import Cited
from ..rehearsal.values import Outcome, Result, Step

#: As many notes of one check, and fewer, are told one by one.
ONE_BY_ONE = 3
_NAMES = {check.code: check.name for check in EVERY}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A finding, and what its reader needs beside it."""

    finding: Finding
    #: It followed from what the statement did to something else.
    follows: bool = False
    #: The line of ``[expect]`` that announces it, if it is meant.
    announce: str | None = None
    #: What says the same in the migration's own file.
    comment: str | None = None


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A statement and the errors that it led to; None where the statement is not known."""

    statement: Cited | None
    #: What it did itself before what followed from it.
    entries: tuple[Entry, ...]


@dataclass(frozen=True, kw_only=True)
class Fold:
    """Notes of one check, as one line."""

    code: str
    name: str
    findings: tuple[Finding, ...]

    @property
    def whole(self) -> bool:
        """Whether they are so few that each is told."""
        return len(self.findings) <= ONE_BY_ONE

    @property
    def tables(self) -> tuple[tuple[str, int], ...]:
        """How many there are of each table, the most first."""
        counts = Counter(table_of(finding.object) for finding in self.findings)
        return tuple(sorted(counts.items(), key=lambda one: (-one[1], one[0])))

    @property
    def text(self) -> str:
        """All of them as one: ``25 announced (column-dropped): public.sales 3, …``."""
        shown = ", ".join(f"{table} {count}" if count > 1 else table for table, count in self.tables)
        announced = " announced" if self.announced else ""
        return f"{len(self.findings)}{announced} ({self.name}): {shown}"

    @property
    def announced(self) -> bool:
        """Whether somebody, or what a migration tool's tables are for, gave the reasons."""
        return any(finding.reason is not None for finding in self.findings)


@dataclass(frozen=True, kw_only=True)
class Overview:
    """A result in the order in which people read it."""

    verdict: str
    #: The first line, in parts: what was compared, what was found, and what was measured.
    headline: tuple[str, ...]
    #: Steps that failed: nothing after them is known.
    stopped: tuple[Step, ...]
    causes: tuple[Cause, ...]
    warnings: tuple[Finding, ...]
    #: Notes that somebody announced, or that a migration tool's own tables explain.
    on_purpose: tuple[Fold, ...]
    #: Notes that nobody announced.
    noted: tuple[Fold, ...]


def overview(result: Result) -> Overview:
    """Return what a report of this result says."""
    found = causes(result)
    notes = [finding for finding in result.findings if finding.severity is Severity.NOTE]
    return Overview(
        verdict=result.verdict,
        headline=tuple(_headline(result, found)),
        stopped=tuple(step for step in result.steps if step.outcome is Outcome.FAILED),
        causes=found,
        warnings=tuple(finding for finding in result.findings if finding.severity is Severity.WARNING),
        on_purpose=_folded(notes, lambda finding: finding.reason is not None),
        noted=_folded(notes, lambda finding: finding.reason is None),
    )


def about(result: Result) -> tuple[str, ...]:
    """Return what was rehearsed on a copy of what, by what, and when: for who has the report alone."""
    parts: list[str] = []
    if result.migration is not None:
        parts.append(f"migration {result.migration[1]}")
    if source := result.source.get("from"):
        parts.append(f"source {source}{_age(result)}")
    if server := result.server.get("version"):
        parts.append(f"PostgreSQL {server}")
    parts.append(f"pgsafe {version('pytest-pgsafe')}")
    return (*parts, *(() if result.time is None else (result.time,)))


def _age(result: Result) -> str:
    try:
        taken, now = (
            datetime.fromisoformat((text or "").replace("Z", "+00:00"))
            for text in (result.source.get("taken"), result.time)
        )
    except ValueError:
        return ""
    return f" as it was {span(max(now - taken, timedelta()))} before"


def causes(result: Result) -> tuple[Cause, ...]:
    """Return the errors by the statements that led to them, in the order in which these were run."""
    errors = [finding for finding in result.findings if finding.severity is Severity.ERROR]
    groups: dict[Cited | None, list[Finding]] = {}
    for finding in errors:
        groups.setdefault(finding.statement, []).append(finding)
    order = _order(result)
    return tuple(
        Cause(statement=cited, entries=tuple(_entry(finding, result) for finding in in_order(groups[cited])))
        for cited in sorted(groups, key=order)
    )


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings, those that a statement names before those that followed; else as they were."""
    return sorted(findings, key=lambda finding: finding.declared is False)


def counted(result: Result) -> str:
    """Return what was compared and what was not: said in every case."""
    if result.read is not None:
        number = result.read.statements
        statements = "1 statement" if number == 1 else f"{number} statements"
        return f"{statements}, {result.read.unread} of them not read; nothing was rehearsed"
    if result.pitr is not None and not result.relations:
        # Without a rehearsal nothing is compared.
        newest = result.pitr.reached
        told = "not recovered" if newest is None else f"recovered to {newest.newest.isoformat()}"
        return f"{told}, {len(result.not_verified)} not verified"
    relations = "1 relation" if result.relations == 1 else f"{result.relations} relations"
    rows = "1 row" if result.rows == 1 else f"{result.rows:,} rows"
    untouched = 0 if result.reread is None else len(result.reread.untouched)
    compared = f"compared, {untouched} of them untouched" if untouched else "compared"
    return f"{relations} ({rows}) {compared}, {len(result.not_verified)} not verified"


def severities(result: Result) -> str:
    """Return how many findings there are of each severity."""
    counts = {level: sum(finding.severity is level for finding in result.findings) for level in reversed(Severity)}
    words = [f"{count} {level.value}{'' if count == 1 else 's'}" for level, count in counts.items() if count]
    return ", ".join(words) if words else "no findings"


def longest_lock(result: Result) -> Lock | None:
    """Return the strong lock that was held longest, of those whose time was seen."""
    return None if result.trace is None else longest(result.trace.locks)


def table_of(name: str) -> str:
    """Return the table that an object belongs to, or its own name."""
    parts = split(name)
    return ".".join(parts[:2])


def _headline(result: Result, found: Sequence[Cause]) -> Iterable[str]:
    if result.interrupted is None:
        yield from (f"step {step.name} failed" for step in result.steps if step.outcome is Outcome.FAILED)
    yield counted(result)
    known = [cause for cause in found if cause.statement is not None]
    told = severities(result)
    if len(known) == len(found) and sum(len(cause.entries) for cause in found) > 1:
        # Behind the number of errors, which comes first.
        errors, comma, rest = told.partition(", ")
        told = f"{errors} from {len(known)} statement{'s' * (len(known) != 1)}{comma}{rest}"
    if result.findings or result.verdict == "passed":
        yield told
    if result.trace is None:
        return
    lock = longest_lock(result)
    if lock is not None and lock.held is not None:
        yield f"longest strong lock {duration(lock.held)} ({lock.relation}, {lock.mode})"
    elif result.trace.observed and not result.trace.locks:
        yield "no strong lock"
    yield f"migration {duration(result.trace.seconds * 1000)}"
    if result.trace.wal is not None:
        yield f"WAL {size(result.trace.wal)}"
    if any(step.name == "rollback" and step.outcome is Outcome.PASSED for step in result.steps):
        wrong = any(one.check == "rollback" and one.severity is Severity.ERROR for one in result.findings)
        yield "way back does not lead back" if wrong else "way back proven"
    elif "rollback" in result.unused:
        yield "way back not rehearsed"


def _order(result: Result) -> Callable[[Cited | None], tuple[bool, int, str, int]]:
    """Return a key that sorts statements as they were run; what is not known comes last."""
    texts = () if result.trace is None else result.trace.statements
    at = {Cited.of(one.text.rstrip().removesuffix(";")).text: number for number, one in reversed([*enumerate(texts)])}

    def key(cited: Cited | None) -> tuple[bool, int, str, int]:
        if cited is None:
            return (True, 0, "", 0)
        return (False, at.get(cited.text.rstrip(";"), len(at)), cited.file or "", cited.line or 0)

    return key


def plain(finding: Finding) -> Entry:
    """Return a finding without anything beside it."""
    return Entry(finding=finding)


def _entry(finding: Finding, result: Result) -> Entry:
    return Entry(
        finding=finding, follows=finding.declared is False, announce=announcement(finding, result.changes),
        comment=comment(finding, result.changes),
    )  # fmt: skip


def _folded(notes: Iterable[Finding], meant: Callable[[Finding], bool]) -> tuple[Fold, ...]:
    groups: dict[str, list[Finding]] = {}
    for finding in notes:
        if meant(finding):
            groups.setdefault(finding.code, []).append(finding)
    return tuple(Fold(code=code, name=_NAMES.get(code, code), findings=tuple(found)) for code, found in groups.items())

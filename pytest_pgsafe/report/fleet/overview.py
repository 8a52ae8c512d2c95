"""What every report of a fleet says, and in which order: the members that failed by equal causes, the others, drift."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from ...checks.evidence import count, duration
from ...fleet.values import Cause, Drift, FleetResult, Group, Judged

#: What verdicts are called; of the same words as a single result's page has.
WORDS = {"passed": "safe", "failed": "not safe", "error": "no verdict"}
SAME = "same"
#: Names of members that are told of a longer list.
NAMES = 5


@dataclass(frozen=True, kw_only=True)
class Row:
    """One member in the fleet's table, as people read it."""

    name: str
    verdict: str
    word: str
    rows: str
    time: str
    lock: str
    #: In what its schema differs from most others'; ``same`` where in nothing.
    differs: str
    source: str
    #: Why there is no result; None where there is one.
    reason: str | None
    warnings: int


@dataclass(frozen=True, kw_only=True)
class Block:
    """Members with the same causes."""

    causes: tuple[Cause, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True)
class FleetOverview:
    verdict: str
    #: The first line, in parts.
    headline: tuple[str, ...]
    #: What was rehearsed, by what, and when.
    about: tuple[str, ...]
    #: What is wrong: the members that failed or have no verdict; the most members first.
    blocks: tuple[Block, ...]
    warnings: tuple[Cause, ...]
    #: The members that are safe: those of another schema or with warnings first.
    passed: tuple[Row, ...]
    #: What can be said of them as one.
    folded: str | None
    #: Drift, in lines.
    drift: tuple[str, ...]
    #: What was not judged because nobody wanted it.
    left_out: str | None


def overview(fleet: FleetResult) -> FleetOverview:
    """Return what a report of this fleet says."""
    differs = _differs(fleet.drift)
    rows = {one.member.name: _row(one, differs) for one in fleet.members if one.counts}
    passed = [one for one in fleet.members if one.verdict == "passed"]
    return FleetOverview(
        verdict=fleet.verdict,
        headline=tuple(_headline(fleet)),
        about=tuple(_about(fleet)),
        blocks=tuple(_blocks(fleet, rows)),
        warnings=tuple(cause for cause in fleet.causes if cause.level == "warning"),
        passed=tuple(sorted((rows[one.member.name] for one in passed), key=_plainness)),
        folded=_folded(passed),
        drift=tuple(drift_lines(fleet.drift)),
        left_out=_left_out(fleet),
    )


def names(members: Sequence[str], most: int = NAMES) -> str:
    """Return the names of members, or the first of them and how many there are besides."""
    if len(members) <= most + 1:
        return ", ".join(members)
    return f"{', '.join(members[:most])} and {len(members) - most} more"


def cause_text(cause: Cause) -> str:
    """Return a cause in a line, without the members."""
    finding = cause.finding
    if finding is None:
        return cause.text if cause.level != "no verdict" else f"no verdict: {cause.text}"
    where = "" if finding.object in finding.message else f"{finding.object}: "
    return f"{finding.code} {finding.severity.value}: {where}{finding.message}"


def block_text(cause: Cause, rows: Sequence[Row]) -> str:
    """Return a cause with how many members of a block it is told of: numbers in it are one member's."""
    if len(rows) == 1:
        return f"{rows[0].name}: {cause_text(cause)}"
    return f"{count(len(rows), 'member')}: {cause_text(cause)}{_example(cause)}"


def told_of(cause: Cause) -> str:
    """Return a cause with its members: numbers and keys in it are those of the first."""
    if len(cause.members) == 1:
        return f"{cause.members[0]}: {cause_text(cause)}"
    return f"{count(len(cause.members), 'member')} ({names(cause.members)}): {cause_text(cause)}{_example(cause)}"


def drift_lines(drift: Drift) -> Iterator[str]:
    """Yield how schemas differ: how many have the same, and each difference with its members."""
    if not drift.compared:
        return
    if drift.groups:
        differing = drift.compared - len(drift.majority)
        have = f"{len(drift.majority)} of {count(drift.compared, 'member')} have the same schema, {differing} another"
        if drift.tied:
            have = f"no schema is the majority's: {have}; differences are to {drift.majority[0]}"
        yield have
        for difference, members in drift.by_difference.items():
            yield f"{names(members)}: {difference.text}"
        for group in drift.groups:
            if group.more:
                yield f"{names(group.members)}: {count(group.more, 'more difference')}"
            if group.reason is not None:
                yield f"{names(group.members)}: the schema is another, in what is not known: {group.reason}"
    elif drift.compared > 1:
        yield f"all {drift.compared} members have the same schema"
    if drift.unknown:
        yield f"of {count(len(drift.unknown), 'member')} the schema is not known: {names(drift.unknown)}"


def differing(group: Group) -> str:
    """Return in what a member of a group differs, in a few words."""
    if group.reason is not None:
        return "another schema"
    first, more = group.differences[0], len(group.differences) - 1 + group.more
    return first.text if not more else f"{first.text}, and {more} more"


def _example(cause: Cause) -> str:
    return f" (of {cause.members[0]}; of the others alike)" if cause.finding is not None else ""


def _headline(fleet: FleetResult) -> Iterator[str]:
    counted = [one for one in fleet.members if one.counts]
    if fleet.interrupted is not None:
        yield fleet.interrupted.strip().partition("\n")[0]
    parts = [
        f"{number:,} {words}"
        for verdict, words in (("failed", "not safe"), ("error", "without a verdict"), ("passed", "safe"))
        if (number := sum(one.verdict == verdict for one in counted))
    ]
    yield f"{count(len(counted), 'member')}: {', '.join(parts)}" if counted else "no member was judged"
    if (left := len(fleet.members) - len(counted)) > 0:
        yield f"{count(left, 'member')} not judged"
    relations, rows = sum(one.relations for one in counted), sum(one.rows for one in counted)
    gaps = sum(one.not_verified for one in counted)
    yield f"{count(relations, 'relation')} ({count(rows)}) compared, {gaps:,} not verified"
    if (differ := fleet.drift.compared - len(fleet.drift.majority)) > 0:
        yield f"schema drift: {differ} of {count(fleet.drift.compared, 'member')}"
    held = [one for one in counted if one.lock is not None]
    if held:
        most = max(held, key=lambda one: 0.0 if one.lock is None else one.lock.seconds)
        assert most.lock is not None
        yield f"longest strong lock {_time(most.lock.seconds)} ({most.member.name}: {most.lock.relation})"
    slow = [one for one in counted if one.migration is not None]
    if slow:
        most = max(slow, key=lambda one: one.migration or 0.0)
        yield f"longest migration {_time(most.migration or 0.0)} ({most.member.name})"


def _about(fleet: FleetResult) -> Iterator[str]:
    if fleet.migration is not None:
        yield f"migration {fleet.migration[1]}"
    if fleet.source_versions:
        yield f"sources of PostgreSQL {', '.join(fleet.source_versions)}"
    if there := fleet.server.get("version"):
        yield f"PostgreSQL {there}"
    if fleet.sample is not None:
        yield f"sample: {fleet.sample}"
    yield f"pgsafe {version('pytest-pgsafe')}"
    if fleet.time is not None:
        yield fleet.time


def _blocks(fleet: FleetResult, rows: dict[str, Row]) -> Iterable[Block]:
    """Return the members that are not safe, those with equal causes together."""
    of: dict[str, list[Cause]] = {one.member.name: [] for one in fleet.members if one.verdict in {"failed", "error"}}
    for cause in fleet.causes:
        if cause.level != "warning":
            for name in cause.members:
                if name in of:
                    of[name].append(cause)
    groups: dict[tuple[int, ...], Block] = {}
    for name, causes in of.items():
        key = tuple(id(cause) for cause in causes)
        before = groups.get(key)
        told = () if before is None else before.rows
        groups[key] = Block(causes=tuple(causes), rows=(*told, rows[name]))
    return sorted(groups.values(), key=lambda block: (_rank(block), -len(block.rows)))


def _rank(block: Block) -> int:
    return 0 if any(row.verdict == "failed" for row in block.rows) else 1


def _row(one: Judged, differs: dict[str, str]) -> Row:
    verdict = "error" if one.verdict is None else one.verdict
    return Row(
        name=one.member.name,
        verdict=verdict,
        word=WORDS[verdict],
        rows=f"{one.rows:,}" if one.absent is None else "",
        time=_time(one.seconds) if one.absent is None else "",
        lock="" if one.lock is None else _time(one.lock.seconds),
        differs=differs.get(one.member.name, ""),
        source=one.member.source,
        reason=one.reason,
        warnings=one.severities.get("warning", 0),
    )


def _differs(drift: Drift) -> dict[str, str]:
    found = dict.fromkeys(drift.majority, SAME)
    for group in drift.groups:
        found.update(dict.fromkeys(group.members, differing(group)))
    found.update(dict.fromkeys(drift.unknown, "not known"))
    return found


def _plainness(row: Row) -> tuple[bool, bool]:
    return (row.differs == SAME, not row.warnings)


def _folded(passed: Sequence[Judged]) -> str | None:
    if not passed:
        return None
    slowest = max(passed, key=lambda one: one.seconds)
    told = [f"{count(len(passed), 'member')} safe: {count(sum(one.rows for one in passed))}"]
    told.append(f"at most {_time(slowest.seconds)} ({slowest.member.name})")
    if warned := sum(one.severities.get("warning", 0) > 0 for one in passed):
        told.append(f"{warned} with warnings")
    return " · ".join(told)


def _left_out(fleet: FleetResult) -> str | None:
    found: dict[str, list[str]] = {}
    for one in fleet.members:
        if not one.counts and one.absent is not None:
            found.setdefault(one.absent.text, []).append(one.member.name)
    told = [f"{text}: {names(members)}" for text, members in found.items()]
    return f"not judged: {'; '.join(told)}" if told else None


def _time(seconds: float) -> str:
    return duration(seconds * 1000)

"""The migration beside others at work: deadlocks, queues behind a lock that it waits for, and what it gives up at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..traffic.values import Queue, Taken
from .bookkeeping import is_bookkeeping
from .cost import time
from .evidence import unproven
from .locking import excused
from .values import Check, Evidence, Finding, Severity

#: So many of several things are named.
_MOST = 3
#: One statement takes both locks: it cannot be taken apart.
_GIVES_WAY = (
    "SET lock_timeout = '500ms' before the statement: below deadlock_timeout (1 s), so that the migration gives way "
    "before anybody is ended; run it again then."
)
#: SQLSTATE.
_DEADLOCK = "40P01"


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(names[:_MOST]) + more


def endless(evidence: Evidence) -> tuple[Queue, ...]:
    """Return where others wait behind the waiting migration for as long as somebody else lets it wait."""
    return tuple(one for one in evidence.traffic.queues if one.waiters and one.longest is None)


def _excused(evidence: Evidence, taken: Taken, finding: Finding) -> Finding:
    """Return a finding as a note where its lock was announced, with the statement that takes it."""
    trace = evidence.trace
    locks = () if trace is None else trace.locks
    lock = next((one for one in locks if (one.number, one.mode) == (taken.number, taken.mode)), None)
    cited = replace(finding, statement=taken.at.cited)
    return cited if lock is None else excused(evidence, replace(lock, relation=taken.relation), cited)


def _deadlocks(evidence: Evidence) -> Iterator[Finding]:
    yield from _in_scripts(evidence)
    for one in evidence.traffic.deadlocks:
        inversion = one.inversion
        told = (
            f"deadlock, {len(one.killed)} times out of {len(one.killed)}: the migration holds {_held(inversion.first)}"
        )
        told += f" and waits for {_held(inversion.second)} at {inversion.second.at.cited}, against {inversion.does}"
        told += "; the server ends one of both"
        severity = Severity.WARNING if inversion.who == "dump" else Severity.ERROR
        found = DEADLOCK.finding(
            inversion.second.relation, told, after=inversion.second.mode, severity=severity,
            aspect=inversion.first.relation,
        )  # fmt: skip
        if inversion.first.number == inversion.second.number:
            found = replace(found, remedy=_GIVES_WAY)
        yield _excused(evidence, inversion.second, found)


def _in_scripts(evidence: Evidence) -> Iterator[Finding]:
    scripts = evidence.traffic.scripts
    if scripts is None or not scripts.deadlocks:
        return
    told = f"deadlock, in {scripts.deadlocks} of {scripts.runs} runs beside [traffic] script"
    refused = [one.statement for one in scripts.refused if one.state == _DEADLOCK]
    told += "" if scripts.died is None else f"; the migration was ended: {scripts.died}"
    told += f"; of the script was ended: {refused[0]}" if refused else ""
    # What came about once may be luck.
    severity = Severity.ERROR if scripts.deadlocks > 1 else Severity.WARNING
    yield DEADLOCK.finding("migration", told, severity=severity)


def _refused(evidence: Evidence) -> Iterator[Finding]:
    scripts = evidence.traffic.scripts
    for one in () if scripts is None else scripts.refused:
        if one.state != _DEADLOCK:
            told = f"beside the migration a statement of [traffic] script failed: {one.message} (SQLSTATE {one.state}):"
            yield REFUSED.finding("migration", f"{told} {one.statement}", severity=unproven(evidence), aspect=one.state)


def _held(taken: Taken) -> str:
    return f"{taken.mode} of {taken.relation}"


def _queues(evidence: Evidence) -> Iterator[Finding]:
    found = endless(evidence)
    if not found:
        return
    first, relations = found[0], list(dict.fromkeys(one.hold.taken.relation for one in found))
    told = f"while it waits for {first.hold.who} at {first.hold.taken.at.cited}, {first.waiting()} behind it,"
    told += " for as long as that lasts"
    if first.hold.taken.patience is None:
        told += " (it did not give up as long as that was tried)"
    if len(relations) > 1:
        told += f"; alike at {_named(relations[1:])}"
    finding = QUEUE.finding(relations[0], told, after=first.hold.taken.mode)
    yield _excused(evidence, first.hold.taken, finding)


def _halves(evidence: Evidence) -> Iterator[Finding]:
    for one in evidence.traffic.queues:
        if one.gave_up is None or not (one.left or one.invalid):
            continue
        told = f"behind {one.hold.who} it gave up after {time(one.gave_up)} (lock_timeout) at {one.hold.taken.at.cited}"
        told += f", and left a part of it: {_left(one)}"
        # What a tool has recorded it goes on with by itself; an INVALID index nobody records.
        recorded = not one.invalid and any(is_bookkeeping(evidence, change.object) for change in one.left)
        severity = Severity.NOTE if recorded else unproven(evidence)
        found = GAVE_UP.finding(one.hold.taken.relation, told, severity=severity)
        yield replace(found, statement=one.hold.taken.at.cited)


def _left(queue: Queue) -> str:
    left = [f"{'INVALID ' if one.object in queue.invalid else ''}{one.kind} {one.object}" for one in queue.left]
    return _named(list(dict.fromkeys(left)) or [f"INVALID index {name}" for name in queue.invalid])


DEADLOCK = Check(
    code="PGS821",
    check="traffic",
    name="deadlock",
    severity=Severity.ERROR,
    is_effect=False,
    condition=(
        "The migration was run once more beside a transaction as applications have them, which takes two of its locks "
        "in the other order: who inserts a row looks its parent up for the foreign key; who writes a parent writes its "
        "children next; who reads a table writes to it next. The server found a deadlock, twice. Against pg_dump, "
        "which locks tables in the order of their OIDs in the source, it is a warning."
    ),
    effect="The server ends one of both with an error: the migration, or the transaction of a user.",
    remedy=(
        "Lock one table in a transaction, and commit before the next one; or lock all of them first, in the order in "
        "which the application does (LOCK TABLE parent, child); or set a lock_timeout below deadlock_timeout (1 s), "
        "so that the migration gives way, and run it again."
    ),
    judge=_deadlocks,
)
QUEUE = Check(
    code="PGS822",
    check="traffic",
    name="queue-without-end",
    severity=Severity.WARNING,
    is_effect=False,
    condition=(
        "The migration was run once more while an open transaction, or a long query, was in the way of its lock. It "
        "waited without a lock_timeout, and readers or writers who came then had to wait behind it."
    ),
    effect=(
        "One forgotten transaction, report or backup, which harms nobody by itself, stops everybody who uses the table "
        "for as long as it lasts, although the statement needs milliseconds."
    ),
    remedy="SET lock_timeout = '500ms' before the statement, and run the migration again where it gave up.",
    judge=_queues,
)
GAVE_UP = Check(
    code="PGS823",
    check="traffic",
    name="gave-up-half-done",
    severity=Severity.WARNING,
    is_effect=False,
    condition=(
        "The migration was run once more while an open transaction was in the way of its lock. It gave up at its "
        "lock_timeout, as it should, and left a part of what it does. Under strict it is an error."
    ),
    effect=(
        "Until somebody goes on, the database is in a state that neither release was made for; an INVALID index costs "
        "writes, and is not used."
    ),
    remedy=(
        "Run in one transaction what belongs together, so that nothing is left; drop an INVALID index before the next "
        "attempt (DROP INDEX CONCURRENTLY IF EXISTS)."
    ),
    judge=_halves,
)
REFUSED = Check(
    code="PGS824",
    check="traffic",
    name="error-beside",
    severity=Severity.WARNING,
    is_effect=False,
    condition=(
        "A statement of [traffic] script, which ran before the migration, failed while the migration ran beside it. "
        "Under strict it is an error."
    ),
    effect="Users of the application get this error while the migration runs, or from then on.",
    remedy="Let the new schema still serve the statements that run meanwhile: add first, drop in a later release.",
    judge=_refused,
)
CHECKS = (DEADLOCK, QUEUE, GAVE_UP, REFUSED)

"""Locks: what the migration would do to those who work on the tables meanwhile.

What is told hangs on what a statement reads, rewrites and holds to the end of its transaction: not on the rows of a
copy, which may be small where production is not, nor on the milliseconds of a busy machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..catalog.names import covers
from ..migrate.values import Lock
from .cost_values import works_on
from .evidence import count, unproven
from .locking import concerns, excused, meant, table_before
from .safer import brief, safer
from .strengths import keeps_out, strength, whom
from .values import Check, Evidence, Finding, Severity


def _locks(evidence: Evidence) -> tuple[Lock, ...]:
    return () if evidence.trace is None else evidence.trace.locks


def _size(evidence: Evidence, relation: str) -> str | None:
    """Return rows and size of a table before, for people; None where they are not known."""
    before = evidence.comparison.before
    name = table_before(evidence, relation)
    table = before.catalog.tables.get(name)
    if table is None:
        return None
    content = before.tables.get(name)
    rows = int(max(table.estimated_rows, 0)) if content is None else content.rows
    return f"{count(rows)}, {table.size / (1 << 20):,.0f} MB"


def _expected(evidence: Evidence) -> Iterator[Finding]:
    for expected in evidence.rules.locks:
        told = f"{expected.mode} of {expected.table} was announced"
        known = (*evidence.comparison.before.catalog.tables, *evidence.comparison.before.catalog.views)
        if not any(covers(name, expected.table) for name in known):
            yield LOCK_EXPECTED.finding(expected.table, f"{told}, but there was no such table before the migration")
        elif evidence.trace is None or not evidence.trace.observed:
            told += ": whether it was taken is not known, since no lock could be observed"
            yield LOCK_EXPECTED.finding(expected.table, told, severity=unproven(evidence))
        else:
            taken = [lock.mode for lock in _locks(evidence) if meant(evidence, lock, expected)]
            strongest = max(taken, key=strength, default=None)
            if strongest is None:
                yield LOCK_EXPECTED.finding(expected.table, f"{told}, but the migration took no lock of it")
            elif strength(strongest) < strength(expected.mode):
                told += f", but the strongest lock that was taken is {strongest}"
                yield LOCK_EXPECTED.finding(expected.table, told, after=strongest)


def _held(lock: Lock) -> str:
    if lock.held is None:
        return "for a time that could not be seen"
    return f"for {lock.held / 1000:,.2f} s" if lock.held >= 1000 else f"for {lock.held:,.0f} ms"


def _statement(text: str) -> str:
    text = " ".join(text.split()).removesuffix(";")
    return text if len(text) <= 100 else f"{text[:99]}…"


def _working(evidence: Evidence) -> Iterator[tuple[Lock, bool]]:
    """Yield the locks that concern others, and whether a statement works on rows while it is held.

    A foreign key's referenced table is locked for as long as the referencing one is read.
    """
    locks = _locks(evidence)
    busy = {(lock.number, lock.statement) for lock in locks if works_on(lock) and keeps_out(lock.mode)}
    for lock in locks:
        if concerns(evidence, lock):
            yield lock, works_on(lock) or (lock.number is not None and (lock.number, lock.statement) in busy)


def _strong(evidence: Evidence) -> Iterator[Finding]:
    worst: dict[tuple[str, str], tuple[bool, Lock]] = {}
    for lock, works in _working(evidence):
        if lock.rewritten:
            continue
        key, rank = (lock.relation, lock.mode), works or lock.prolonged is not None
        known = worst.get(key)
        if known is None or (known[0], known[1].held or 0.0) < (rank, lock.held or 0.0):
            worst[key] = rank, lock
    busy = {id(lock) for lock, works in _working(evidence) if works}
    for lasts, lock in worst.values():
        yield excused(evidence, lock, _lasting(evidence, lock, reads=id(lock) in busy) if lasts else _brief(lock))


def _lasting(evidence: Evidence, lock: Lock, *, reads: bool) -> Finding:
    size = _size(evidence, lock.relation)
    told = f"{lock.relation}{'' if size is None else f' ({size})'} was held in {lock.mode} {_held(lock)}"
    told += f" by {_statement(lock.statement)}"
    if reads and lock.reader is None:
        told += (
            ", while rows of another table are read"
            if lock.scanned == 0 and "REFRESH" not in lock.statement[:7].upper()
            else ", which reads it whole"
        )
    later = lock.reader if lock.reader is not None else None if lock.prolonged is None else lock.prolonged.text
    if lock.reader is not None:
        told += f", and on by {_statement(lock.reader)}, which reads it whole"
    elif lock.prolonged is not None:
        told += f", and on by {_statement(lock.prolonged.text)} ({lock.prolonged.duration or 0:,.0f} ms)"
    told += f": it keeps {whom(lock.mode)} out"
    told += " (documented, not seen)" if lock.derived else ""
    instead = safer(lock.statement if lock.reader is None else lock.reader) if reads else None
    found = STRONG_LOCK.finding(lock.relation, told, after=lock.mode, severity=_severity(evidence))
    return replace(found, remedy=instead or brief(held_on=later, limited=bool(lock.patience)))


def _brief(lock: Lock) -> Finding:
    told = f"{lock.relation} was held in {lock.mode} by {_statement(lock.statement)}, which changes the catalog alone:"
    told += f" it keeps {whom(lock.mode)} out for a moment, and waits for all who are at work there"
    return STRONG_LOCK.finding(lock.relation, told, after=lock.mode, severity=Severity.NOTE)


def _severity(evidence: Evidence) -> Severity:
    return Severity.ERROR if evidence.rules.strict else Severity.WARNING


def _rewrites(evidence: Evidence) -> Iterator[Finding]:
    told_already: set[str] = set()
    for lock in _locks(evidence):
        empty = evidence.comparison.before.tables.get(table_before(evidence, lock.relation))
        if not lock.rewritten or lock.relation in told_already or not concerns(evidence, lock):
            continue
        if empty is not None and not empty.rows:
            continue
        told_already.add(lock.relation)
        size = _size(evidence, lock.relation)
        told = f"{lock.relation}{'' if size is None else f' ({size})'} was rewritten under {lock.mode},"
        told += f" held {_held(lock)}, by {_statement(lock.statement)}"
        found = REWRITE.finding(lock.relation, told, after=lock.mode, severity=_severity(evidence))
        yield excused(evidence, lock, replace(found, remedy=safer(lock.statement) or REWRITE.remedy))


def _lock_budget(evidence: Evidence) -> Iterator[Finding]:
    budget = evidence.rules.lock_budget
    if budget is None:
        return
    mode, seconds = budget
    if evidence.trace is None or not evidence.trace.observed:
        told = f"the budget of {seconds:g} s for {mode} was not checked: no lock could be observed"
        yield LOCK_BUDGET.finding(mode, told, severity=unproven(evidence))
    for lock in _locks(evidence):
        if strength(lock.mode) < strength(mode):
            continue
        if lock.held is None:
            told = f"{lock.relation} was held in {lock.mode} by {_statement(lock.statement)}; for how long could not be"
            told += f" seen, so the budget of {seconds:g} s was not checked"
            yield LOCK_BUDGET.finding(lock.relation, told, severity=unproven(evidence))
        elif lock.held > seconds * 1000:
            told = f"{lock.relation} was held in {lock.mode} {_held(lock)} by {_statement(lock.statement)}:"
            told += f" the budget for {mode} is {seconds:g} s"
            yield excused(evidence, lock, LOCK_BUDGET.finding(lock.relation, told, after=lock.mode))


STRONG_LOCK = Check(
    code="PGS801",
    check="locks",
    name="strong-lock",
    severity=Severity.WARNING,
    is_effect=False,
    condition=(
        "A table, or a materialised view, was held in a lock that keeps writers or readers out while rows were read, "
        "or on to a later statement of its transaction that works on rows. A lock of the catalog alone is a note."
    ),
    effect=(
        "Who writes (under AccessExclusiveLock also who reads) waits until the transaction ends; behind a waiting"
        " lock all others queue."
    ),
    remedy=(
        "CREATE INDEX CONCURRENTLY; ADD CONSTRAINT … NOT VALID, then VALIDATE in its own transaction; short "
        "transactions with a lock_timeout."
    ),
    judge=_strong,
)
REWRITE = Check(
    code="PGS802",
    check="locks",
    name="table-rewrite",
    severity=Severity.WARNING,
    is_effect=False,
    condition="A table that holds rows was rewritten.",
    effect="Nobody can use it meanwhile; it needs its size again on disk, and as much WAL.",
    remedy="Add a new column, fill it in batches and switch over; from 11 on a constant default needs no rewrite.",
    judge=_rewrites,
)
LOCK_BUDGET = Check(
    code="PGS803",
    check="locks",
    name="lock-budget",
    severity=Severity.ERROR,
    is_effect=False,
    condition="A lock as strong as [budget] lock says was held longer than it allows.",
    effect="The team said that nobody may have to wait that long.",
    remedy="Split the migration into short transactions, or raise the budget.",
    judge=_lock_budget,
)
LOCK_EXPECTED = Check(
    code="PGS809",
    check="locks",
    name="lock-expected",
    severity=Severity.ERROR,
    is_effect=False,
    condition="[expect] locks announces a lock of a table that was not taken, or names no table.",
    effect="The announcement would excuse a lock that nobody reviewed, in a later migration.",
    remedy="Take the entry out of [expect] locks, or correct its table or its mode.",
    judge=_expected,
)
CHECKS = (STRONG_LOCK, REWRITE, LOCK_BUDGET, LOCK_EXPECTED)

"""Locks: what the migration would do to those who work on the tables meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

from ..catalog.names import covers
from ..migrate.values import Lock
from .evidence import count, unproven
from .locking import excused, meant, table_before
from .strengths import keeps_out, strength, whom
from .values import Check, Evidence, Finding, Severity

#: A table is big from so many rows or bytes on.
BIG_ROWS = 100_000
BIG_SIZE = 100 << 20
#: Milliseconds; a shorter lock is a change of the catalog that passes.
BRIEF = 10.0


def _size(evidence: Evidence, relation: str) -> tuple[int, int] | None:
    """Return rows and bytes of a table before; None for what is no table."""
    comparison = evidence.comparison
    name = table_before(evidence, relation)
    table = comparison.before.catalog.tables.get(name)
    if table is None:
        return None
    content = comparison.before.tables.get(name)
    return int(max(table.estimated_rows, 0)) if content is None else content.rows, table.size


def _big(evidence: Evidence, lock: Lock) -> str | None:
    size = _size(evidence, lock.relation)
    if size is None or (size[0] < BIG_ROWS and size[1] < BIG_SIZE):
        return None
    return f"{count(size[0])}, {size[1] / (1 << 20):,.0f} MB"


def _locks(evidence: Evidence) -> tuple[Lock, ...]:
    return () if evidence.trace is None else evidence.trace.locks


def _expected(evidence: Evidence) -> Iterator[Finding]:
    for expected in evidence.rules.locks:
        told = f"{expected.mode} of {expected.table} was announced"
        if not any(covers(name, expected.table) for name in evidence.comparison.before.catalog.tables):
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


def _statement(lock: Lock) -> str:
    text = " ".join(lock.statement.split())
    return text if len(text) <= 100 else f"{text[:99]}…"


def _strong(evidence: Evidence) -> Iterator[Finding]:
    worst: dict[tuple[str, str], Lock] = {}
    for lock in _locks(evidence):
        brief = lock.held is not None and lock.held < BRIEF
        if not keeps_out(lock.mode) or brief or lock.rewritten:
            continue
        known = worst.get((lock.relation, lock.mode))
        if known is None or (known.held or 0.0) < (lock.held or 0.0):
            worst[lock.relation, lock.mode] = lock
    for (relation, mode), lock in worst.items():
        big = _big(evidence, lock)
        if big is None:
            continue
        told = f"{relation} ({big}) was held in {mode} {_held(lock)} by {_statement(lock)}: it keeps {whom(mode)} out"
        told += f"; {count(lock.scanned)} were read meanwhile" if lock.scanned else ""
        told += " (documented, not seen)" if lock.derived else ""
        yield excused(evidence, lock, STRONG_LOCK.finding(relation, told, after=mode))


def _rewrites(evidence: Evidence) -> Iterator[Finding]:
    told_already: set[str] = set()
    for lock in _locks(evidence):
        big = _big(evidence, lock) if lock.rewritten and lock.relation not in told_already else None
        if big is None:
            continue
        told_already.add(lock.relation)
        told = f"{lock.relation} ({big}) was rewritten under {lock.mode}, held {_held(lock)}, by {_statement(lock)}"
        yield excused(evidence, lock, REWRITE.finding(lock.relation, told, after=lock.mode))


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
            told = f"{lock.relation} was held in {lock.mode} by {_statement(lock)}; for how long could not be seen,"
            told += f" so the budget of {seconds:g} s was not checked"
            yield LOCK_BUDGET.finding(lock.relation, told, severity=unproven(evidence))
        elif lock.held > seconds * 1000:
            told = f"{lock.relation} was held in {lock.mode} {_held(lock)} by {_statement(lock)}:"
            told += f" the budget for {mode} is {seconds:g} s"
            yield excused(evidence, lock, LOCK_BUDGET.finding(lock.relation, told, after=lock.mode))


STRONG_LOCK = Check(
    code="PGS801",
    check="locks",
    name="strong-lock",
    severity=Severity.WARNING,
    is_effect=False,
    condition=(
        f"A table of {BIG_ROWS:,} rows or {BIG_SIZE >> 20} MB and more was held in ShareLock or stronger for "
        f"{BRIEF:g} ms and more."
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
    condition=f"A table of {BIG_ROWS:,} rows or {BIG_SIZE >> 20} MB and more was rewritten.",
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

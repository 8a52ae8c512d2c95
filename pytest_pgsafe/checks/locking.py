"""What several checks ask of the locks that a migration took."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..catalog.names import covers
from ..config.expectations import Locked
from ..migrate.values import Lock, Trace
from .bookkeeping import is_bookkeeping
from .strengths import keeps_out, strength
from .values import Evidence, Finding, Severity


def held(trace: Trace) -> Iterator[Lock]:
    """Yield, of each relation, the lock that kept others out for the longest time."""
    worst: dict[str, Lock] = {}
    for lock in trace.locks:
        if keeps_out(lock.mode) and lock.held is not None:
            known = worst.get(lock.relation)
            if known is None or (known.held or 0.0) < lock.held:
                worst[lock.relation] = lock
    yield from worst.values()


def table_before(evidence: Evidence, relation: str) -> str:
    """Return the table's name before the migration, by which it is announced."""
    names = {new: old for old, new in evidence.comparison.tables.items()}
    return relation if relation in evidence.comparison.before.catalog.tables else names.get(relation, relation)


def concerns(evidence: Evidence, lock: Lock) -> bool:
    """Tell whether a lock keeps anybody from rows: on a table, or on a materialised view, which nobody writes to."""
    before = evidence.comparison.before.catalog
    name = table_before(evidence, lock.relation)
    if is_bookkeeping(evidence, name) or not keeps_out(lock.mode):
        return False
    if name in before.tables:
        return True
    view = before.views.get(name)
    return view is not None and view.materialized and lock.mode == "AccessExclusiveLock"


def meant(evidence: Evidence, lock: Lock, expected: Locked) -> bool:
    """Tell whether an announcement is about the relation that a lock is on."""
    return covers(table_before(evidence, lock.relation), expected.table)


def excused(evidence: Evidence, lock: Lock, finding: Finding) -> Finding:
    """Return a finding as a note with the reason, if a lock as strong as this one was announced."""
    for expected in evidence.rules.locks:
        if meant(evidence, lock, expected) and strength(lock.mode) <= strength(expected.mode):
            return replace(finding, severity=Severity.NOTE, reason=expected.reason, remedy=None)
    return finding

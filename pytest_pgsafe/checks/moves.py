"""Columns that were announced to move to another table, and whether each of their values is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..compare.values import Action
from ..config.expectations import Moved
from ..snapshot.values import MovedContent
from .evidence import count, of
from .values import Check, Evidence, Finding, Severity


def moved(evidence: Evidence, finding: Finding) -> Finding:
    """Return the finding of a dropped column as a note, if all its values are where they were announced to move to.

    An announced drop is no excuse for values that were announced to be kept.
    """
    for rule in evidence.rules.moved:
        found = evidence.moved.get(rule)
        if rule.column != finding.object or found is None:
            continue
        if isinstance(found, str):
            return finding
        if not found.lost:
            told = f"{finding.message}; each of them is in {found.to}"
            return replace(finding, message=told, severity=Severity.NOTE, reason=rule.reason, remedy=None)
        return _lost(rule, found)
    return finding


def _lost(rule: Moved, found: MovedContent) -> Finding:
    told = f"{rule.column} was moved to {found.to}, where {count(found.lost, 'value')} of it cannot be read"
    return COLUMN_MOVED.finding(rule.column, told, samples=found.samples)


def _moves(evidence: Evidence) -> Iterator[Finding]:
    dropped = {change.object for change in of(evidence, Action.DROPPED, "column")}
    for rule in evidence.rules.moved:
        found = evidence.moved.get(rule)
        if isinstance(found, str):
            told = f"{rule.column} was announced to move to {rule.to}, but {found}"
            yield COLUMN_MOVED.finding(rule.column, told)
        elif found is not None and found.lost and rule.column not in dropped:
            # It went with its table.
            yield _lost(rule, found)


COLUMN_MOVED = Check(
    code="PGS007",
    check="values",
    name="move-expected",
    severity=Severity.ERROR,
    is_effect=False,
    condition=(
        "[expect] moved announces that another table has a column's values now, and one of them cannot be read there "
        "by its row's key; or the column is still there, or no key leads from the one table to the other."
    ),
    effect="The value is lost: the column that held it is gone.",
    remedy="Copy what is missing before the column is dropped, or correct the entry in [expect] moved.",
    judge=_moves,
)
CHECKS = (COLUMN_MOVED,)

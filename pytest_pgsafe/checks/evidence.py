"""What several checks ask of the evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import cast

from ..catalog.values import Column, Constraint, Index
from ..compare.names import container, means, split
from ..compare.renames import Renames, tokens
from ..compare.values import Action, Change, Comparison
from .values import DropExpected, Evidence, Finding, Severity


def of(evidence: Evidence, action: Action, *kinds: str) -> Iterator[Change]:
    """Yield the changes of one action, of these kinds or of all."""
    return (one for one in evidence.comparison.changes if one.action is action and (not kinds or one.kind in kinds))


def attribute(evidence: Evidence, kind: str, *names: str) -> Iterator[Change]:
    """Yield the changes of these attributes of one kind."""
    return (one for one in of(evidence, Action.CHANGED, kind) if one.attribute in names)


def behaviour(evidence: Evidence) -> Severity:
    """Return what a change of behaviour is: a note, under ``strict`` an error."""
    return Severity.ERROR if evidence.rules.strict else Severity.NOTE


def unproven(evidence: Evidence) -> Severity:
    """Return what is said of something that could not be verified: a warning, under ``strict`` an error."""
    return Severity.ERROR if evidence.rules.strict else Severity.WARNING


def count(number: int, noun: str = "row") -> str:
    """Return a number with its noun: ``1 row``, ``12,000 rows``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def say(value: object) -> str:
    """Return the value of an attribute for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return (
            f"({', '.join('an expression' if one is None else str(one) for one in cast('tuple[object, ...]', value))})"
        )
    return "none" if value is None else str(value)


def announced(evidence: Evidence, kind: str, name: str) -> DropExpected | None:
    """Return the expectation that covers the drop of an object: its own, its table's or its schema's."""
    for expected in evidence.rules.dropped:
        if expected.kind == kind and means(name, expected.object):
            return expected
        if expected.kind == "table" and len(split(name)) > 2 and means(container(name), expected.object):
            return expected
        if expected.kind == "schema" and len(split(name)) > 1 and means(split(name)[0], expected.object):
            return expected
    return None


def excused(evidence: Evidence, kind: str, finding: Finding) -> Finding:
    """Return the finding as a note with the reason, if the drop of its object was announced."""
    expected = announced(evidence, kind, finding.object)
    if expected is None:
        return finding
    return replace(finding, severity=Severity.NOTE, reason=expected.reason, remedy=None)


def table_after(comparison: Comparison, table: str) -> str:
    """Return the table's (or domain's) name after; its name before if it has none."""
    for collection in ("tables", "views", "types"):
        there = comparison.objects.get(collection, {}).get(table)
        if there is not None:
            return there
    return comparison.tables.get(table, table)


def columns_after(comparison: Comparison, table: str, columns: Iterable[str]) -> frozenset[str] | None:
    """Return bare column names as they are after; None if one of them is gone."""
    found: set[str] = set()
    for column in columns:
        there = comparison.columns.get(f"{table}.{column}")
        if there is None:
            return None
        found.add(comparison.after.catalog.columns[there].column)
    return frozenset(found)


def dropped_columns(evidence: Evidence) -> dict[str, set[str]]:
    """Return the bare names of dropped columns, by table."""
    found: dict[str, set[str]] = {}
    for change in of(evidence, Action.DROPPED, "column"):
        if isinstance(change.old, Column):
            found.setdefault(change.old.table, set()).add(change.old.column)
    return found


def consequence(evidence: Evidence, lost: Constraint | Index) -> bool:
    """Tell whether something is gone because a column or table that it needs was dropped, which is told by itself."""
    gone = dropped_columns(evidence)
    if isinstance(lost, Constraint):
        if gone.get(lost.table, set()) & set(lost.columns):
            return True
        if lost.references is None:
            return False
        tables = {change.object for change in of(evidence, Action.DROPPED, "table")}
        return lost.references in tables or bool(gone.get(lost.references, set()) & set(lost.reference_columns))
    here = gone.get(lost.table, set())
    # Also those that an expression, a predicate or INCLUDE uses.
    return bool(here & (set(lost.columns) | set(tokens(lost.definition))))


def renames(comparison: Comparison) -> Renames:
    """Return what was renamed."""
    skipped = ("grants", "roles", "definitions")
    return Renames.of(pairs for name, pairs in comparison.objects.items() if name not in skipped)

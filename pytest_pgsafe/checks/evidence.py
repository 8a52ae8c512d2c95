"""What several checks ask of the evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import cast

from ..catalog.names import container, covers, split
from ..catalog.values import Column, Constraint, Index, Trigger
from ..compare.renames import tokens
from ..compare.values import Action, Change, Comparison
from ..config.expectations import Dropped
from .values import Evidence, Finding, Severity


def of(evidence: Evidence, action: Action, *kinds: str) -> Iterator[Change]:
    """Yield the changes of one action, of these kinds or of all."""
    if not kinds:
        yield from (one for one in evidence.comparison.changes if one.action is action)
    for kind in kinds:
        yield from evidence.comparison.by_kind.get((action, kind), ())


def same_change(evidence: Evidence, change: Change, *, object_: str) -> bool:
    """Tell whether another object has the same change: of the same kind, action and attribute."""
    return any(
        (one.kind, one.action, one.attribute) == (change.kind, change.action, change.attribute)
        for one in evidence.comparison.by_object.get(object_, ())
    )


def inherited(evidence: Evidence, change: Change) -> bool:
    """Tell whether a column or trigger of a partition or heir only follows its parent's, which is told."""
    value, catalog = change.old, evidence.comparison.before.catalog
    if value is None:
        value, catalog = change.new, evidence.comparison.after.catalog
    if not isinstance(value, (Column, Trigger)) or value.table not in catalog.tables:
        return False
    parents = catalog.tables[value.table].parents
    return any(same_change(evidence, change, object_=f"{parent}.{split(value.name)[-1]}") for parent in parents)


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


def duration(milliseconds: float) -> str:
    """Return a time for people: ``25 ms``, ``1.20 s``, ``3 min 5 s``."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    return f"{seconds:.2f} s" if seconds < 60 else f"{int(seconds // 60)} min {seconds % 60:.0f} s"


def size(number: float) -> str:
    """Return bytes for people, as ``pg_size_pretty`` counts them: ``512 bytes``, ``12 kB``, ``3.4 MB``."""
    if abs(number) < 1024:
        return f"{number:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        number /= 1024
        if abs(number) < 1024:
            return f"{number:.1f} {unit}" if abs(number) < 10 else f"{number:.0f} {unit}"
    return f"{number / 1024:.1f} TB"


def say(value: object) -> str:
    """Return the value of an attribute for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return (
            f"({', '.join('an expression' if one is None else str(one) for one in cast('tuple[object, ...]', value))})"
        )
    return "none" if value is None else str(value)


def announced(evidence: Evidence, kind: str, name: str) -> Dropped | None:
    """Return the expectation that covers the drop of an object: its own, its table's or its schema's."""
    for expected in evidence.rules.dropped:
        if expected.kind == kind and covers(name, expected.object):
            return expected
        if expected.kind == "table" and len(split(name)) > 2 and covers(container(name), expected.object):
            return expected
        if expected.kind == "schema" and len(split(name)) > 1 and covers(split(name)[0], expected.object):
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


def consequence(evidence: Evidence, lost: Constraint | Index) -> bool:
    """Tell whether something is gone because a column or table that it needs was dropped, which is told by itself."""
    gone = evidence.comparison.columns_gone
    if isinstance(lost, Constraint):
        if gone.get(lost.table, frozenset()) & set(lost.columns):
            return True
        if lost.references is None:
            return False
        there = lost.references in evidence.comparison.objects.get("tables", {})
        was = lost.references in evidence.comparison.before.catalog.tables
        return (was and not there) or bool(gone.get(lost.references, frozenset()) & set(lost.reference_columns))
    here = gone.get(lost.table, frozenset())
    # Also those that an expression, a predicate or INCLUDE uses.
    return bool(here) and bool(here & (set(lost.columns) | set(tokens(lost.definition))))

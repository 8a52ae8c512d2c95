"""The way back: whether the database is what it was before the migration."""

from __future__ import annotations

from collections.abc import Iterator

from ..compare.values import Action, Change
from ..snapshot.values import RowSample
from .evidence import behaviour
from .values import Check, Evidence, Finding, Severity

_CONTENT = frozenset({"rows", "values", "sequence value", "foreign key", "large objects"})


def _changes(evidence: Evidence, *, content: bool) -> Iterator[Change]:
    if evidence.rollback is not None:
        yield from (one for one in evidence.rollback.changes if (one.kind in _CONTENT) is content)


def _content(evidence: Evidence) -> Iterator[Finding]:
    for change in _changes(evidence, content=True):
        told = f"after the way back {change.kind} of {change.object} are not what they were"
        severity = Severity.ERROR
        if change.kind == "sequence value":
            told = f"after the way back {change.object} stands at {change.after}, and stood at {change.before}"
            # Sequences take no part in a transaction: having moved on does no harm.
            severity = Severity.NOTE if _advanced(evidence, change) else Severity.ERROR
        elif change.attribute in ("rows", "nulls", "orphans", "count"):
            told += f": {change.attribute} {change.after:,}, and {change.before:,} before" if _numbers(change) else ""
        elif change.kind == "values" and isinstance(change.after, int):
            told = f"after the way back {change.object} has another value in {change.after:,} rows"
        yield NOT_RESTORED.finding(
            change.object,
            told,
            severity=severity,
            before=change.before if isinstance(change.before, int) else None,
            after=change.after if isinstance(change.after, int) else None,
            samples=_samples(evidence, change),
            aspect=change.kind,
        )


def _numbers(change: Change) -> bool:
    return isinstance(change.before, int) and isinstance(change.after, int)


def _advanced(evidence: Evidence, change: Change) -> bool:
    comparison = evidence.rollback
    assert comparison is not None
    sequence = comparison.before.catalog.sequences.get(change.object)
    if sequence is None:
        return False
    if change.attribute == "is_called":
        return bool(change.after)
    if not isinstance(change.before, int) or not isinstance(change.after, int):
        return False
    return change.after > change.before if sequence.increment > 0 else change.after < change.before


def _samples(evidence: Evidence, change: Change) -> tuple[RowSample, ...]:
    assert evidence.rollback is not None
    rows = evidence.rollback.rows
    if change.kind == "rows" and change.object in rows:
        return (rows[change.object].gone_samples + rows[change.object].added_samples)[:5]
    if change.kind == "values":
        table, _, column = change.object.rpartition(".")
        for name, found in rows.items():
            if name == table:
                return found.changed_samples.get(column, ())
    return ()


def _structure(evidence: Evidence) -> Iterator[Finding]:
    for change in _changes(evidence, content=False):
        severity = Severity.ERROR
        if change.action is Action.DROPPED:
            told = f"the way back does not bring back the {change.kind} {change.object}"
        elif change.action is Action.ADDED:
            told = f"the way back leaves the {change.kind} {change.object}, which the migration made"
        elif change.action is Action.RENAMED:
            told = f"after the way back the {change.kind} {change.object} is called {change.after}"
        else:
            told = f"after the way back {change.attribute} of the {change.kind} {change.object} is not what it was"
            # A materialised view can be refreshed, a comment says nothing to the database.
            if change.attribute in ("content", "comment"):
                severity = behaviour(evidence)
        aspect = f"{change.kind} {change.action.value if change.attribute is None else change.attribute}"
        yield SCHEMA_NOT_RESTORED.finding(change.object, told, severity=severity, aspect=aspect)


NOT_RESTORED = Check(
    code="PGS901",
    check="rollback",
    name="content-not-restored",
    severity=Severity.ERROR,
    condition=(
        "After the migration and its way back, rows, values, references or sequences are not what they were before."
    ),
    effect="Going back loses data: the way back is no way out of a failed deployment.",
    remedy=(
        "Rebuild in the way back what the migration dropped, through the keys that still say it; else plan to "
        "restore the backup."
    ),
    judge=_content,
)
SCHEMA_NOT_RESTORED = Check(
    code="PGS902",
    check="rollback",
    name="schema-not-restored",
    severity=Severity.ERROR,
    condition="After the migration and its way back, the schema, privileges included, is not what it was before.",
    effect="The old version of the application runs on a database that it does not know; migrating again may fail.",
    remedy="Undo each statement, in the opposite order, with the old definitions.",
    judge=_structure,
)
CHECKS = (NOT_RESTORED, SCHEMA_NOT_RESTORED)

"""The way back: whether the database is what it was before the migration."""

from __future__ import annotations

from collections.abc import Iterator

from ..catalog.names import container
from ..catalog.values import Type
from ..compare.repeated import key
from ..compare.values import Action, Change
from ..snapshot.values import RowSample
from .bookkeeping import is_djangos
from .evidence import behaviour, count, unproven
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
            told = f"after the way back {change.object} has another value in {count(change.after)}"
        if change.kind == "rows" and _only_added(evidence, change) and _djangos(evidence, change.object):
            # It fills them after each migrate, and leaves what is there: the next migrate finds it.
            severity, told = Severity.NOTE, f"{told}: Django leaves what it added"
        elif severity is Severity.ERROR:
            told += _unknowable(evidence, change)
        yield NOT_RESTORED.finding(
            change.object,
            told,
            severity=severity,
            before=change.before if isinstance(change.before, int) else None,
            after=change.after if isinstance(change.after, int) else None,
            samples=_samples(evidence, change),
            aspect=change.kind,
        )


def _djangos(evidence: Evidence, table: str) -> bool:
    assert evidence.rollback is not None
    return is_djangos(evidence.rollback.before.catalog, table)


def _only_added(evidence: Evidence, change: Change) -> bool:
    assert evidence.rollback is not None
    found = evidence.rollback.rows.get(change.object)
    return found is not None and not found.gone


def _unknowable(evidence: Evidence, change: Change) -> str:
    """Say what no way back can know by itself: what the migration threw away."""
    up = evidence.comparison
    table = change.object if change.kind == "rows" else container(change.object)
    told = ""
    if table in up.before.catalog.tables and table not in up.tables:
        told = "dropped the table"
    elif change.kind == "values" and change.object not in up.columns:
        told = "dropped the column"
    elif change.kind == "values" and table in up.rows and up.rows[table].changed.get(_bare(change.object)):
        told = "wrote over them"
    elif change.kind == "rows" and table in up.rows and up.rows[table].gone and not _only_added(evidence, change):
        told = "took them away"
    elif change.kind == "rows" and _only_added(evidence, change):
        return "; the migration or its way back added them"
    return f"; the migration {told}: what it held can come only from a copy or from what it can be derived of" * bool(
        told
    )


def _bare(column: str) -> str:
    return column[len(container(column)) + 1 :]


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
            told = f"the way back does not bring back the {change.kind} {change.object}{_held(evidence, change)}"
        elif change.action is Action.ADDED:
            told = f"the way back leaves the {change.kind} {change.object}, which the migration made"
        elif change.action is Action.RENAMED:
            told = f"after the way back the {change.kind} {change.object} is called {change.after}"
        else:
            told = f"after the way back {change.attribute} of the {change.kind} {change.object} is not what it was"
            # A materialised view can be refreshed, a comment says nothing to the database.
            if change.attribute in ("content", "comment"):
                severity = behaviour(evidence)
            elif labels := _labels_left(change):
                told = (
                    f"after the way back {change.object} still has {labels}: PostgreSQL takes no label of an enum away"
                )
                severity = behaviour(evidence)
        aspect = f"{change.kind} {change.action.value if change.attribute is None else change.attribute}"
        yield SCHEMA_NOT_RESTORED.finding(change.object, told, severity=severity, aspect=aspect)


def _held(evidence: Evidence, change: Change) -> str:
    """Say how many rows a table, or values a column, held that does not come back."""
    tables = evidence.comparison.before.tables
    if change.kind == "table" and change.object in tables:
        return f", which held {count(tables[change.object].rows)}"
    content = tables.get(container(change.object)) if change.kind == "column" else None
    values = None if content is None else content.columns.get(_bare(change.object))
    if content is None or values is None:
        return ""
    return f", which held {count(content.rows - values.nulls, 'value')}"


def _labels_left(change: Change) -> str:
    """Return the labels that an enum has more than before, if nothing else became of it."""
    old, new = change.old, change.new
    if not isinstance(old, Type) or not isinstance(new, Type) or change.attribute != "labels":
        return ""
    more = [label for label in new.labels if label not in old.labels]
    return ", ".join(more) if [label for label in new.labels if label in old.labels] == list(old.labels) else ""


def _again(evidence: Evidence) -> Iterator[Finding]:
    again = evidence.again
    if again is None:
        return
    if again.failed is not None:
        told = f"after the way back the migration cannot be run again: {again.failed}"
        yield NOT_REPEATABLE.finding("migration", told)
    if again.unclear is not None:
        told = "whether migrating again gives what it gave first cannot be told: it differs, and a run on a fresh copy,"
        told += f" which would show what differs each time, failed: {again.unclear}"
        yield NOT_REPEATABLE.finding("migration", told, severity=unproven(evidence), aspect="unclear")
    comparison = again.comparison
    for change in () if comparison is None else comparison.changes:
        # What the way back left is told by itself.
        if change.kind == "sequence value" or again.varying.explains(change) or _left(evidence, change):
            continue
        assert comparison is not None
        table = comparison.rows.get(container(change.object))
        yield NOT_REPEATABLE.finding(
            change.object,
            f"after the way back, migrating again does not give what it gave first: {_difference(change)}",
            samples=() if table is None else table.changed_samples.get(_bare(change.object), ()),
            aspect=f"{change.kind} {change.action.value if change.attribute is None else change.attribute}",
        )
    for name in sorted((*again.varying.tables, *again.varying.columns)):
        told = (
            f"{name} holds something else in every run (now(), random …): whether it is the same again cannot be told"
        )
        yield NOT_REPEATABLE.finding(name, told, severity=Severity.NOTE, aspect="varying", standing=True)


def _left(evidence: Evidence, change: Change) -> bool:
    assert evidence.rollback is not None
    return any(key(one) == key(change) for one in evidence.rollback.changes)


def _difference(change: Change) -> str:
    what = f"{change.kind} {change.object}"
    if change.action is Action.DROPPED:
        return f"{what} is missing"
    if change.action is Action.ADDED:
        return f"{what} was not there the first time"
    if change.kind == "values":
        return f"{change.object} has another value in {count(change.after if isinstance(change.after, int) else 0)}"
    return f"{'' if change.attribute is None else f'{change.attribute} of '}{what}"


def _irreversible(evidence: Evidence) -> Iterator[Finding]:
    found = evidence.no_way_back
    if found is None:
        return
    told = f"the migration says that it cannot go back ({found.message})"
    if found.restored is None:
        told += "; there is no backup whose restore could be rehearsed instead"
        yield NO_WAY_BACK.finding("migration", told, severity=unproven(evidence))
    else:
        told += f"; the restore of the backup is the way back: {found.restored:.1f} s, proven equal"
        yield NO_WAY_BACK.finding("migration", told)


def _new_rows(evidence: Evidence) -> Iterator[Finding]:
    found = evidence.new_rows
    if found is None:
        return
    if found.failed is not None:
        told = f"once there are rows that only the new schema admits ({', '.join(found.written)}), the way back fails: "
        yield NEW_ROWS_LOST.finding("migration", told + found.failed, severity=unproven(evidence))
    for one in found.unkept:
        told = (
            f"a row with {one.written} in {one.column}, which the new schema admits, was written before the way back;"
        )
        yield NEW_ROWS_LOST.finding(one.column, f"{told}; after it, there is {one.now}", severity=unproven(evidence))


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
NOT_REPEATABLE = Check(
    code="PGS903",
    check="rollback",
    name="not-repeatable",
    severity=Severity.ERROR,
    condition=(
        "After its way back the migration fails, or gives something else than it gave first. What differs in every "
        "run (now(), random values) is told from it by a run on a fresh copy."
    ),
    effect="Once it was taken back it cannot be deployed again.",
    remedy=(
        "Let the way back undo everything, also what is not compared (roles, settings of the cluster); where it cannot "
        "(a label of an enum), write IF NOT EXISTS."
    ),
    judge=_again,
)
NO_WAY_BACK = Check(
    code="PGS904",
    check="rollback",
    name="no-way-back",
    severity=Severity.WARNING,
    condition="The migration's own way back says that there is none (NotImplementedError, IrreversibleError).",
    effect="The only way back is the backup: what was written after it is lost, and it takes as long as the restore.",
    remedy="Write the way back, or plan for the restore; its time stands in the report.",
    judge=_irreversible,
)
NEW_ROWS_LOST = Check(
    code="PGS905",
    check="rollback",
    name="new-rows-lost",
    severity=Severity.WARNING,
    condition=(
        "The new schema admits what the old one does not: NULL, longer texts, larger numbers, another label or word. "
        "One such value was written to a row of each such column, on a copy, and the way back fails there or does not "
        "keep it. Under strict it is an error."
    ),
    effect="The way back works until the new release has written its first such row.",
    remedy="Say in the way back what becomes of such rows; or plan to go forward.",
    judge=_new_rows,
)
CHECKS = (NOT_RESTORED, SCHEMA_NOT_RESTORED, NOT_REPEATABLE, NO_WAY_BACK, NEW_ROWS_LOST)

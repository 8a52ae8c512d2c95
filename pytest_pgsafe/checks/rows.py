"""Rows: gone, replaced, multiplied, added; tables that held some and are gone; what cannot be told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..catalog.values import Table, View
from ..compare.values import Action
from ..snapshot.values import TableDifference
from .converted import lives_on
from .evidence import attribute, behaviour, count, excused, of, unproven
from .expectations import allowance, rows_rule
from .values import ANNOUNCED, Check, Evidence, Finding, Severity


def _gone(evidence: Evidence) -> Iterator[Finding]:
    for name, found in evidence.comparison.rows.items():
        if not found.gone:
            continue
        before, after = _counts(evidence, found)
        replaced = min(found.gone, found.added)
        told = f"{count(found.gone)} of {before:,} in {name} {'is' if found.gone == 1 else 'are'} gone"
        if found.gone == before and not found.added:
            told = f"all {count(before)} of {name} are gone" if before > 1 else f"the only row of {name} is gone"
        if replaced and not found.key:
            told += f" and {count(found.added)} new: the table has no key, so a changed row counts as both"
        elif replaced:
            told += f", while {count(found.added)} with other keys {'was' if found.added == 1 else 'were'} added"
        finding = ROWS_GONE.finding(name, told, before=before, after=after, samples=found.gone_samples)
        rule = rows_rule(evidence, name)
        if rule is not None and found.gone <= allowance(rule.rule, before):
            reason = rule.reason if rule.reason is not None else f'{ANNOUNCED}rows = "{rule.rule}"'
            finding = replace(finding, severity=Severity.NOTE, reason=reason, remedy=None)
        yield finding
    yield from _not_inherited(evidence)


def _not_inherited(evidence: Evidence) -> Iterator[Finding]:
    """Rows that a parent showed, of tables that do not inherit from it any more."""
    comparison = evidence.comparison
    for change in attribute(evidence, "table", "parents"):
        child, now = change.old, change.new
        content = comparison.before.tables.get(change.object)
        # Partitions are read with their partitioned table.
        if not isinstance(child, Table) or not isinstance(now, Table) or child.partition_bound is not None:
            continue
        for parent in child.parents:
            there = comparison.tables.get(parent)
            if there is None or there in now.parents or (content is not None and not content.rows):
                continue
            held = "rows" if content is None else count(content.rows)
            told = f"{parent} is without the {held} of {child.name}, which does not inherit from it any more"
            yield ROWS_GONE.finding(parent, told, before=None if content is None else content.rows, after=0)


def _multiplied(evidence: Evidence) -> Iterator[Finding]:
    for name, found in evidence.comparison.rows.items():
        again = found.duplicated
        if found.key or not again:
            continue
        before, after = _counts(evidence, found)
        word = "stands" if again == 1 else "stand"
        finding = ROWS_MULTIPLIED.finding(
            name,
            f"{count(again)} of {name}, a table without key, {word} there once more than before",
            before=before,
            after=after,
            samples=found.added_samples,
        )
        rule = rows_rule(evidence, name)
        if rule is not None and rule.rule == "any":
            finding = replace(finding, severity=Severity.NOTE, reason=rule.reason, remedy=None)
        yield finding


def _table_dropped(evidence: Evidence) -> Iterator[Finding]:
    comparison = evidence.comparison
    for change in of(evidence, Action.DROPPED, "table"):
        table = change.old
        assert isinstance(table, Table)
        content = comparison.before.tables.get(table.name)
        if content is not None and content.rows == 0:
            told, severity = f"{table.name} was dropped; it was empty", behaviour(evidence)
        elif content is not None:
            told, severity = f"{table.name} was dropped with {count(content.rows)}", Severity.ERROR
        elif table.form == "foreign table":
            told, severity = f"the foreign table {table.name} was dropped", Severity.ERROR
        elif table.partition_bound is not None and set(table.parents) & set(comparison.before.catalog.tables):
            # Its rows were counted with the partitioned table, and are missed there.
            told, severity = f"the partition {table.name} was dropped", behaviour(evidence)
        else:
            told, severity = f"{table.name} was dropped; whether it held rows could not be read", Severity.ERROR
        finding = TABLE_DROPPED.finding(
            table.name, told, severity=severity, before=None if content is None else content.rows
        )
        yield lives_on(evidence, excused(evidence, "table", finding))


def _added(evidence: Evidence) -> Iterator[Finding]:
    for name, found in evidence.comparison.rows.items():
        # Of a table without key, rows that stand there once more are told as such.
        new = found.added if found.key else found.added - found.duplicated
        if new and not (not found.key and found.gone):
            before, after = _counts(evidence, found)
            told = f"{count(new)} {'was' if new == 1 else 'were'} added to {name}"
            yield ROWS_ADDED.finding(name, told, before=before, after=after, samples=found.added_samples)


def _unexplained(evidence: Evidence) -> Iterator[Finding]:
    for change in of(evidence, Action.CHANGED, "rows", "values"):
        if change.attribute != "content":
            continue
        # What says that it could not be read is told by not-verified, and again here: it was read before.
        before = change.before if isinstance(change.before, int) else None
        after = change.after if isinstance(change.after, int) else None
        if after is None:
            told = f"{change.object} could be read before the migration, and could not after it"
        else:
            told = f"the content of {change.object} is not what it was, and no row was found that says how"
        yield CONTENT_UNEXPLAINED.finding(change.object, told, before=before, after=after)


def _large_objects(evidence: Evidence) -> Iterator[Finding]:
    before, after = evidence.comparison.before.large_objects, evidence.comparison.after.large_objects
    if before == after:
        return
    severity = Severity.ERROR
    gone = [oid for oid in before.each if oid not in after.each]
    changed = [oid for oid, digest in before.each.items() if after.each.get(oid, digest) != digest]
    told_apart = len(before.each) == before.count and len(after.each) == after.count
    if told_apart and gone:
        told = f"{count(len(gone), 'large object')} of {before.count:,} are gone: {_first(gone)}"
        told += f"; the content of {_first(changed)} is another" if changed else ""
    elif told_apart and changed:
        told = f"the content of {count(len(changed), 'large object')} is not what it was: {_first(changed)}"
    elif after.count < before.count:
        told = f"{count(before.count - after.count, 'large object')} of {before.count:,} are gone"
    elif after.count == before.count:
        told = f"the content of the {count(before.count, 'large object')} is not what it was"
    elif before.count == 0 or told_apart:
        told, severity = f"{count(after.count - before.count, 'large object')} added", Severity.NOTE
    else:
        more = count(after.count - before.count, "large object")
        told, severity = f"{more} added; whether the others are as they were cannot be told", unproven(evidence)
    yield LARGE_OBJECTS.finding("large objects", told, severity=severity, before=before.count, after=after.count)


def _first(oids: Sequence[str]) -> str:
    return ", ".join(oids[:5]) + (" …" if len(oids) > 5 else "")


def _unpopulated(evidence: Evidence) -> Iterator[Finding]:
    told = "the materialized view {} is not populated: reading it is an error until REFRESH MATERIALIZED VIEW"
    for change in attribute(evidence, "view", "populated"):
        if change.before:
            yield UNPOPULATED.finding(change.object, told.format(change.object))
    for change in of(evidence, Action.ADDED, "view"):
        if isinstance(change.new, View) and change.new.materialized and not change.new.populated:
            yield UNPOPULATED.finding(change.object, told.format(change.object), severity=Severity.WARNING)


def _counts(evidence: Evidence, found: TableDifference) -> tuple[int, int]:
    content = evidence.comparison.before.holds(found.before)
    before = found.gone if content is None else content.rows
    return before, before - found.gone + found.added


ROWS_GONE = Check(
    code="PGS101",
    check="rows",
    name="rows-gone",
    severity=Severity.ERROR,
    condition="Rows that were in a table before the migration are not there after it, found by their key.",
    effect="Their data is lost. As many rows with other keys may stand there instead, so a row count does not show it.",
    remedy="Narrow the DELETE, TRUNCATE or copy that loses them, or announce it: [expect] rows.",
    judge=_gone,
)
ROWS_MULTIPLIED = Check(
    code="PGS102",
    check="rows",
    name="rows-multiplied",
    severity=Severity.ERROR,
    condition="Rows of a table without key stand there more often than before.",
    effect="Sums and counts over the table are wrong, and nothing in the table tells the copies from the originals.",
    remedy="Make the INSERT leave out what is there already (NOT EXISTS), and give the table a key.",
    judge=_multiplied,
)
TABLE_DROPPED = Check(
    code="PGS103",
    check="rows",
    name="table-dropped",
    severity=Severity.ERROR,
    condition="A table is gone, and was not renamed. An empty one is a note.",
    effect="Its rows are lost, and what reads it fails. Its columns, indexes, constraints and grants went with it.",
    remedy="Keep it until nothing reads it, then announce the drop with its reason: [expect] dropped.",
    judge=_table_dropped,
)
ROWS_ADDED = Check(
    code="PGS104",
    check="rows",
    name="rows-added",
    severity=Severity.NOTE,
    condition="Rows were added to a table that was there before.",
    effect="None is lost. Seeds and backfills do it; so does an INSERT that ran twice.",
    remedy='Say how many are expected, and more become an error: [expect] rows = { "table" = "+1..+10" }.',
    judge=_added,
)
CONTENT_UNEXPLAINED = Check(
    code="PGS106",
    check="values",
    name="content-unexplained",
    severity=Severity.ERROR,
    is_effect=False,
    condition=(
        "The digest of a table is another, or it could not be read after the migration, and its rows were not compared."
    ),
    effect="Data may be lost. What cannot be told is not taken for equal.",
    remedy="See the report's list of what was not verified for the reason; make the table readable for the rehearsal.",
    judge=_unexplained,
)
LARGE_OBJECTS = Check(
    code="PGS107",
    check="rows",
    name="large-objects-gone",
    severity=Severity.ERROR,
    condition="There are fewer large objects than before, or their content is another.",
    effect="Their data is lost, and columns that hold their OIDs point at nothing.",
    remedy="Take lo_unlink out of the migration, or move their content to a bytea column first.",
    judge=_large_objects,
)
UNPOPULATED = Check(
    code="PGS108",
    check="rows",
    name="view-unpopulated",
    severity=Severity.ERROR,
    excused_by=frozenset({"view"}),
    condition="A materialized view was populated before the migration and is not after it.",
    effect="Each query of it fails with “has not been populated”.",
    remedy="Refresh it at the end of the migration, or create it WITH DATA.",
    judge=_unpopulated,
)
CHECKS = (ROWS_GONE, ROWS_MULTIPLIED, TABLE_DROPPED, ROWS_ADDED, CONTENT_UNEXPLAINED, LARGE_OBJECTS, UNPOPULATED)

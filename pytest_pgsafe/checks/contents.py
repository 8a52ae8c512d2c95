"""Values: changed in rows that are still there, dropped with their column, or written in another type."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..catalog.values import Catalog, Column, setting
from ..compare.values import Action
from .announced import permitted
from .converted import carried, proven
from .evidence import attribute, behaviour, count, excused, inherited, of, unproven
from .moves import moved
from .values import Check, Evidence, Finding, Severity


def _changed(evidence: Evidence) -> Iterator[Finding]:
    types = {change.object: change for change in attribute(evidence, "column", "type")}
    for table, found in evidence.comparison.rows.items():
        for column, changed in found.changed.items():
            if not changed:
                continue
            name = f"{table}.{column}"
            nulled = found.nulled.get(column, 0)
            told = f"{name} has another value in {count(changed)} that {'was' if changed == 1 else 'were'} there before"
            if nulled == changed:
                told = f"{name} became NULL in {count(changed)} that had a value"
            elif nulled:
                told += f"; in {nulled:,} of them it became NULL"
            if name in types:
                told += f"; its type went from {types[name].before} to {types[name].after}, {_by_cast(evidence, name)}"
            samples = found.changed_samples.get(column, ())
            finding = VALUES_CHANGED.finding(name, told, samples=samples, after=changed)
            yield proven(evidence, permitted(evidence, finding, column, found))


def _by_cast(evidence: Evidence, column: str) -> str:
    """Say what became of the values of a column that has another type."""
    zones = {_zoned(side.columns[name].type) for side, name in _sides(evidence, column)}
    if zones != {True, False}:
        return "and the values are not what they were, read as the new type"
    zone = setting(evidence.comparison.before.catalog, "TimeZone")
    told = "the session's time zone" if zone is None else f"the session's time zone, {zone}"
    return f"which reads them in {told}: not the moments that the same digits are in UTC (AT TIME ZONE names a zone)"


def _sides(evidence: Evidence, column: str) -> Iterator[tuple[Catalog, str]]:
    comparison = evidence.comparison
    yield comparison.before.catalog, column
    if column in comparison.columns:
        yield comparison.after.catalog, comparison.columns[column]


def _zoned(type_: str) -> bool | None:
    """Tell whether a type has a time zone; None of one that is no time."""
    if not re.match(r"(timestamp|time|date)\b", type_):
        return None
    return "with time zone" in type_


def _column_dropped(evidence: Evidence) -> Iterator[Finding]:
    comparison = evidence.comparison
    for change in of(evidence, Action.DROPPED, "column"):
        column = change.old
        assert isinstance(column, Column)
        content = comparison.before.tables.get(column.table)
        values = None if content is None else content.columns.get(column.column)
        if content is not None and values is not None and values.nulls == content.rows:
            held = "its table was empty" if content.rows == 0 else f"it was NULL in all {count(content.rows)}"
            told, severity, before = f"{column.name} was dropped; {held}", behaviour(evidence), 0
        elif content is not None and values is not None:
            before = content.rows - values.nulls
            told, severity = f"{column.name} was dropped with {count(before, 'value')}", Severity.ERROR
        elif _in_parent(evidence, column):
            # A partition's or heir's column went with its parent's, which is told.
            continue
        else:
            told = f"{column.name} was dropped; whether it held values could not be read"
            severity, before = Severity.ERROR, None
        finding = COLUMN_DROPPED.finding(column.name, told, severity=severity, before=before)
        yield carried(evidence, moved(evidence, excused(evidence, "column", finding)))


def _in_parent(evidence: Evidence, column: Column) -> bool:
    table = evidence.comparison.before.catalog.tables.get(column.table)
    gone = evidence.comparison.columns_gone
    return table is not None and any(column.column in gone.get(parent, ()) for parent in table.parents)


def _type_changed(evidence: Evidence) -> Iterator[Finding]:
    comparison = evidence.comparison
    for change in attribute(evidence, "column", "type"):
        column = change.old
        assert isinstance(column, Column)
        if inherited(evidence, change):
            continue
        told = f"the type of {change.object} went from {change.before} to {change.after}"
        before, after = str(change.before), str(change.after)
        difference = comparison.rows.get(column.table)
        if difference is not None and difference.changed.get(column.column):
            continue  # values-changed tells the type as well
        lost = _left_behind(evidence, column)
        if lost:
            told += f": {', '.join(lost)} of its domain {'does' if len(lost) == 1 else 'do'} not hold for it any more"
            yield TYPE_CHANGED.finding(
                change.object, told, severity=Severity.ERROR, check="schema", before=before, after=after
            )
        elif column.table not in comparison.before.tables:
            told += "; its values could not be compared"
            yield TYPE_CHANGED.finding(change.object, told, severity=unproven(evidence), before=before, after=after)
        else:
            told += "; every value is equal to what it was"
            yield TYPE_CHANGED.finding(change.object, told, severity=behaviour(evidence), before=before, after=after)


def _left_behind(evidence: Evidence, column: Column) -> list[str]:
    """Return the constraints of a column's domain that neither its new type nor its table has."""
    comparison = evidence.comparison
    there = comparison.after.catalog.columns[comparison.columns[column.name]]
    kept = {
        _plain(one.definition, there.column)
        for one in comparison.after.catalog.constraints.values()
        if one.table in (there.table, *_domains(comparison.after.catalog, there.type)) and one.validated
    }
    domains = _domains(comparison.before.catalog, column.type)
    lost = [
        one.name[len(one.table) + 1 :]
        for one in comparison.before.catalog.constraints.values()
        if one.table in domains and one.form != "not null" and _plain(one.definition, there.column) not in kept
    ]
    # Of the column's own NOT NULL another check tells.
    if _domain_refuses_null(comparison.before.catalog, column) and not (
        there.not_null or _domain_refuses_null(comparison.after.catalog, there)
    ):
        lost.append("NOT NULL")
    return lost


def _domains(catalog: Catalog, type_: str) -> tuple[str, ...]:
    """Return a type, if it is a domain, and the domains below it."""
    found: list[str] = []
    while (known := catalog.types.get(type_)) is not None and known.form == "domain":
        found.append(type_)
        type_ = re.split(" COLLATE | DEFAULT | NOT NULL", known.definition, maxsplit=1)[0]
    return tuple(found)


def _domain_refuses_null(catalog: Catalog, column: Column) -> bool:
    domains = _domains(catalog, column.type)
    return any(" NOT NULL" in catalog.types[domain].definition for domain in domains)


def _plain(definition: str, column: str) -> str:
    """Return what a CHECK says, whether of VALUE or of a column, and however it is cast and put in parentheses."""
    text = re.sub(r"::[\w. ]+(\(\d+(,\d+)?\))?", "", definition.replace(column, "VALUE"))
    return re.sub(r"[()\s]", "", text)


VALUES_CHANGED = Check(
    code="PGS201",
    check="values",
    name="values-changed",
    severity=Severity.ERROR,
    condition="A column has another value, or NULL, in a row that was there before; rows are followed by their key.",
    effect=(
        "The value that was there is lost. The number of rows does not show it, nor does any test on an empty database."
    ),
    remedy=(
        "Write the new value to a new column, or change fewer rows; announce an intended backfill with its reason: "
        "[expect] values."
    ),
    judge=_changed,
)
COLUMN_DROPPED = Check(
    code="PGS203",
    check="values",
    name="column-dropped",
    severity=Severity.ERROR,
    condition=(
        "A column that held a value in any row is gone, and was not renamed. One that was NULL in all rows is a note."
    ),
    effect="Its values are lost, and statements that name it fail. Its indexes and constraints went with it.",
    remedy=(
        "Stop reading it in one release and drop it in a later one; announce the drop with its reason: [expect] "
        "dropped."
    ),
    judge=_column_dropped,
)
TYPE_CHANGED = Check(
    code="PGS204",
    check="values",
    name="type-changed",
    severity=Severity.NOTE,
    about=frozenset({"type"}),
    excused_by=frozenset({"column"}),
    condition=(
        "A column has another type, and each value is equal to what it was through the cast. Otherwise values-"
        "changed says which are not. If it left a domain whose constraints nothing else keeps, it is an error."
    ),
    effect="What reads the column gets another type; the rewrite may have locked the table (see locks).",
    remedy="See that the applications that read it take the new type.",
    judge=_type_changed,
)
CHECKS = (VALUES_CHANGED, COLUMN_DROPPED, TYPE_CHANGED)

"""Writes of any release that the new schema refuses: tried with rows that are there, where the changes call for it."""

# ruff: noqa: S608 (names that quote_ident or the catalog wrote)

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg

from ..catalog.names import bare
from ..catalog.values import Column, Constraint
from ..compare.values import Comparison
from ..snapshot.expressions import literal
from ..works.reach import reaching_out
from ..works.side import Side
from ..works.values import Answer, Said
from ..works.writes import ROWS, again, rows_of
from .values import Probed
from .witnesses import constraints

_CHECK = re.compile(r"CHECK \((?P<expression>.*)\)", re.DOTALL)


def tried(comparison: Comparison, before: Side, after: Side) -> Iterator[Probed | None]:
    """Try them on both copies; None for what still works."""
    yield from _inserts(comparison, before, after)
    yield from _updates(comparison, after)
    yield from _deletes(comparison, before, after)


def called_for(comparison: Comparison) -> bool:
    """Tell whether there is anything to be tried."""
    some = (_required(comparison), _unvalidated(comparison), _referring(comparison))
    return any(next(iter(one), None) is not None for one in some)


def _required(comparison: Comparison) -> Iterator[tuple[str, Column | None, Column]]:
    """Yield the columns that are required now and were not, each with its table before and what it was."""
    before, after = comparison.before.catalog, comparison.after.catalog
    names = {new: old for old, new in comparison.columns.items()}
    tables = {new: old for old, new in comparison.tables.items()}
    for column in after.columns.values():
        table = tables.get(column.table)
        was = before.columns.get(names.get(column.name, ""))
        if table is None or not _requires(column) or (was is not None and _requires(was)):
            continue
        if after.tables[column.table].partition_bound is not None or _follows(column, comparison):
            continue
        # A default that went is told as that; and who always wrote a value still can.
        if was is None or (was.default is None and _nulls(comparison, was)):
            yield table, was, column


def _inserts(comparison: Comparison, before: Side, after: Side) -> Iterator[Probed | None]:
    """Leave out each column that is required now."""
    for table, was, column in _required(comparison):
        now = again(after, column.table, without=column.column) or _known(column, after)
        if now.error is None:
            yield None
            continue
        earlier = again(before, table, without="" if was is None else was.column)
        if earlier is not None and not earlier.worked:
            continue
        name = column.name if was is None else was.name
        yield Probed(
            kind="insert" if was is None else "null", object=name,
            statement=f"INSERT INTO {table} without {column.column}",
            said=now.error, about=(name,), table=table, rows=None if was is None else _nulls(comparison, was),
        )  # fmt: skip


def _requires(column: Column) -> bool:
    filled = column.default is not None or column.identity is not None or column.generated is not None
    return column.not_null and not filled


def _follows(column: Column, comparison: Comparison) -> bool:
    """Tell whether a column only follows that of a parent, which is tried."""
    catalog = comparison.after.catalog
    parents = catalog.tables[column.table].parents
    return not column.local and any(f"{parent}.{column.column}" in catalog.columns for parent in parents)


def _nulls(comparison: Comparison, column: Column) -> int:
    content = comparison.before.tables.get(column.table)
    found = None if content is None else content.columns.get(column.column)
    return 0 if found is None else found.nulls


def _known(column: Column, side: Side) -> Answer:
    """Say what becomes of an INSERT where there is no row to try it with, as far as the catalog tells."""
    for trigger in side.catalog.triggers.values():
        if trigger.table == column.table and " BEFORE " in trigger.definition and "INSERT" in trigger.definition:
            return Answer(unknown=True)
    domain = side.catalog.types.get(column.type)
    if domain is not None and domain.form == "domain" and "default" in domain.definition.lower():
        return Answer(unknown=True)
    told = f"column {column.column} has no default and may not be NULL"
    return Answer(error=Said(state="23502", message=told))


def _unvalidated(comparison: Comparison) -> Iterator[tuple[str, Constraint, str]]:
    """Yield new constraints that were never validated, each with its table before and its expression."""
    tables = {new: old for old, new in comparison.tables.items()}
    for one in constraints(comparison, "check"):
        table = tables.get(one.table)
        found = _CHECK.fullmatch(one.definition.removesuffix(" NO INHERIT"))
        if table is not None and found is not None and not one.validated:
            yield table, one, found["expression"]


def _updates(comparison: Comparison, after: Side) -> Iterator[Probed | None]:
    """Update rows to themselves that do not fit a constraint which was never validated."""
    for table, one, expression in _unvalidated(comparison):
        if not _reaches(after, one.table):
            yield _update(one, expression, table, after)


def _update(one: Constraint, expression: str, table: str, after: Side) -> Probed | None:
    source = rows_of(after.catalog, one.table)
    columns = [column.column for column in after.written(one.table) if column.identity != "always"]
    try:
        with after.trying():
            rows = after.counted(f"SELECT pg_catalog.count(*) FROM {source} pgsafe_t WHERE NOT ({expression})")
            if not rows or not columns:
                return None
            now = after.end(
                f"UPDATE {source} pgsafe_t SET {columns[0]} = pgsafe_t.{columns[0]} WHERE NOT ({expression})"
            )
    except psycopg.Error:
        return None
    if now.error is None:
        return None
    statement = f"UPDATE {one.table} SET {columns[0]} = {columns[0]} (a row to itself)"
    return Probed(
        kind="update", object=one.name, statement=statement, said=now.error, about=(one.name,), table=table, rows=rows
    )


def _referring(comparison: Comparison) -> Iterator[tuple[str, Constraint, list[str]]]:
    """Yield foreign keys that keep rows and did not, each with the table before that they keep, and its columns."""
    tables = {new: old for old, new in comparison.tables.items()}
    names = {new: old for old, new in comparison.columns.items()}
    for one in constraints(comparison, "foreign key"):
        table = tables.get(one.references or "")
        if table is None or one.parent is not None or one.on_delete in {"cascade", "set null", "set default"}:
            continue
        ours = [names.get(f"{one.references}.{name}") for name in one.reference_columns]
        if None not in ours:
            yield table, one, [bare(name or "") for name in ours]


def _deletes(comparison: Comparison, before: Side, after: Side) -> Iterator[Probed | None]:
    """Delete rows that others refer to by a foreign key which is new or does something else now."""
    for table, one, ours in _referring(comparison):
        if not (_reaches(before, table) or _reaches(after, one.references or "")):
            yield _delete(one, table, ours, before, after)


def _delete(one: Constraint, table: str, ours: list[str], before: Side, after: Side) -> Probed | None:
    there = one.references or ""
    pairs = zip(one.columns, one.reference_columns, strict=True)
    equal = " AND ".join(f"pgsafe_c.{child} = pgsafe_t.{parent}" for child, parent in pairs)
    shown = ", ".join(f"pgsafe_t.{name}::pg_catalog.text" for name in one.reference_columns)
    try:
        with after.trying():
            rows = after.rows(
                f"SELECT {shown} FROM {there} pgsafe_t"
                f" WHERE EXISTS (SELECT FROM {one.table} pgsafe_c WHERE {equal}) LIMIT {ROWS}"
            )
    except psycopg.Error:
        return None
    for row in rows:
        now = _deleted(after, there, one.reference_columns, row)
        if now.error is not None and _deleted(before, table, ours, row).worked:
            return Probed(
                kind="delete", object=one.name, statement=f"DELETE FROM {table} (a row that {one.table} refers to)",
                said=now.error, about=(one.name,), table=table,
            )  # fmt: skip
    return None


def _deleted(side: Side, table: str, columns: tuple[str, ...] | list[str], row: tuple[object, ...]) -> Answer:
    place = " AND ".join(f"{name} = {literal(str(value))}" for name, value in zip(columns, row, strict=True))
    with side.trying():
        return side.end(f"DELETE FROM {table} WHERE {place}")


def _reaches(side: Side, table: str) -> bool:
    calls = [trigger.function for trigger in side.catalog.triggers.values() if trigger.table == table]
    return reaching_out(side.catalog, calls) is not None

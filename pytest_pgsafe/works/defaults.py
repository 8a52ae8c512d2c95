"""INSERTs that leave a column to its default, and those that name what a row may conflict with."""

# ruff: noqa: S608 (names that quote_ident wrote)

from __future__ import annotations

from collections.abc import Iterator

from ..catalog.names import bare
from ..catalog.values import Column, Index
from ..compare.values import Action, Comparison
from ..snapshot.plan import foreign_below
from .side import Side
from .values import Answer, Attempt
from .writes import again, touched


def tried(comparison: Comparison, before: Side, after: Side) -> Iterator[Attempt | None]:
    """Try them on the copy after where a default or a unique index changed, and on the copy before what fails."""
    yield from _omitted(comparison, before, after)
    yield from _unknown(comparison, before, after)
    yield from _conflicts(comparison, before, after)


def _fills(column: Column) -> bool:
    return column.default is not None or column.identity is not None or column.generated is not None


def _omitted(comparison: Comparison, before: Side, after: Side) -> Iterator[Attempt | None]:
    foreign = foreign_below(after.catalog)
    for old, new in comparison.columns.items():
        was, now = before.catalog.columns[old], after.catalog.columns[new]
        table = after.catalog.tables.get(now.table)
        if not _fills(was) or _fills(now) or table is None or now.table in foreign:
            continue
        if table.partition_bound is not None:
            continue
        answer = again(after, now.table, without=now.column)
        if answer is None:
            continue
        if answer.error is None:
            yield None
            continue
        earlier = again(before, was.table, without=was.column)
        if earlier is not None:
            statement = f"INSERT INTO {now.table} without {now.column} (a copy of a row, its key free)"
            yield Attempt(
                kind="omitted", object=was.table, statement=statement, before=earlier, after=answer, about=(old,)
            )


def _unknown(comparison: Comparison, before: Side, after: Side) -> Iterator[Attempt | None]:
    """Try the INSERT that was written before a column was there."""
    foreign, tables = foreign_below(after.catalog), {new: old for old, new in comparison.tables.items()}
    for change in comparison.by_kind.get((Action.ADDED, "column"), ()):
        column = change.new
        if not isinstance(column, Column) or not column.not_null or _fills(column) or column.table not in tables:
            continue
        if column.table in foreign or after.catalog.tables[column.table].partition_bound is not None:
            continue
        answer = again(after, column.table, without=column.column)
        if answer is None or answer.error is None:
            yield None
            continue
        earlier = again(before, tables[column.table], without="")
        if earlier is not None:
            statement = f"INSERT INTO {column.table} without {column.column} (a copy of a row, its key free)"
            yield Attempt(
                kind="omitted", object=tables[column.table], statement=statement, before=earlier, after=answer,
                about=(column.name,),
            )  # fmt: skip


def _conflicts(comparison: Comparison, before: Side, after: Side) -> Iterator[Attempt | None]:
    changed = touched(comparison)
    for index in before.catalog.indexes.values():
        there = comparison.tables.get(index.table)
        if index.table not in changed or there is None or not (index.unique and index.valid and index.immediate):
            continue
        names = [comparison.columns.get(f"{index.table}.{name}") for name in index.columns]
        if None in names or before.catalog.tables[index.table].partition_bound is not None:
            continue
        statement = _text(there, index, [bare(name or "") for name in names])
        answer = _plan(after, statement)
        if answer.error is None or answer.error.state != "42P10":
            yield None
            continue
        earlier = _plan(before, _text(index.table, index, [name or "" for name in index.columns]))
        yield Attempt(
            kind="conflict", object=index.table, statement=statement, before=earlier, after=answer, about=(index.name,)
        )


def _text(table: str, index: Index, names: list[str]) -> str:
    where = f" WHERE {index.predicate}" if index.predicate is not None else ""
    columns = ", ".join(names)
    return f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table} ON CONFLICT ({columns}){where} DO NOTHING"


def _plan(side: Side, statement: str) -> Answer:
    with side.trying():
        return side.end(f"EXPLAIN {statement}")

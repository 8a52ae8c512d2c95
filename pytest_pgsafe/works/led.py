"""Where references lead, when the key that they hold was replaced: every value is another, and says nothing."""

# ruff: noqa: S608 (names that quote_ident wrote)

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from ..catalog.names import bare
from ..catalog.values import Constraint
from ..compare.values import Comparison
from ..snapshot.values import NotVerified
from .side import Side
from .values import Led

#: References of one key that are compared.
ROWS = 10_000


@dataclass(frozen=True, kw_only=True)
class _Way:
    """A key on both sides, and the columns by which the rows are known that it leads from and to."""

    before: Constraint
    after: Constraint
    child: tuple[tuple[str, str], ...]
    parent: tuple[tuple[str, str], ...]


def tried(comparison: Comparison, before: Side, after: Side) -> Iterator[Led | NotVerified | None]:
    """Follow the references of each foreign key whose referenced column is another, on both sides."""
    for key in comparison.before.catalog.constraints.values():
        there = _moved(comparison, key)
        if there is None or key.parent is not None:
            continue
        child, parent = _child(comparison, key), _parent(comparison, key, there)
        name = f"{key.table}.{key.columns[0]}"
        if not child or not parent:
            reason = f"where it leads was not compared: no other key of {key.references} or {key.table} is as it was"
            yield NotVerified(object=name, reason=reason)
            continue
        way = _Way(before=key, after=there, child=child, parent=parent)
        ours, theirs = _followed(before, way.before, way, 0), _followed(after, way.after, way, 1)
        rows = _known(before, key, way, 0), _known(after, there, way, 1)
        if ours is None or theirs is None or rows[0] is None or rows[0] != rows[1]:
            reason = f"where it leads was not compared: rows of {key.references} are others, too"
            yield NotVerified(object=name, reason=reason)
            continue
        wrong = sum(1 for row, to in ours.items() if row in theirs and theirs[row] != to)
        to = f"{there.table}.{there.columns[0]}"
        yield Led(object=name, references=str(key.references), column=to, wrong=wrong) if wrong else None


def _moved(comparison: Comparison, key: Constraint) -> Constraint | None:
    """Return the key between the same tables after, if what it refers to is another column or of another type."""
    if key.form != "foreign key" or key.references is None or len(key.columns) != 1 or key.references == key.table:
        return None
    old, new = comparison.before.catalog, comparison.after.catalog
    place = comparison.tables.get(key.table), comparison.tables.get(key.references)
    found = [
        one
        for one in new.constraints.values()
        if one.form == "foreign key" and (one.table, one.references) == place and len(one.columns) == 1
    ]
    named = [one for one in found if bare(one.columns[0]) == bare(key.columns[0])] or found
    if len(named) != 1:
        return None
    was = old.columns[f"{key.references}.{key.reference_columns[0]}"]
    now = new.columns[f"{place[1]}.{named[0].reference_columns[0]}"]
    same = comparison.columns.get(was.name) == now.name and was.type == now.type
    return None if same else named[0]


def _child(comparison: Comparison, key: Constraint) -> tuple[tuple[str, str], ...]:
    content = comparison.before.tables.get(key.table)
    return _kept(comparison, key.table, () if content is None else content.key)


def _parent(comparison: Comparison, key: Constraint, there: Constraint) -> tuple[tuple[str, str], ...]:
    """Return the columns of another key of the referenced table, or the old key under another name."""
    table, own = str(key.references), key.reference_columns
    for index in comparison.before.catalog.indexes.values():
        columns = tuple(name for name in index.columns if name is not None)
        plain = index.unique and index.valid and index.predicate is None and len(columns) == len(index.columns)
        if index.table == table and plain and columns != own and (kept := _kept(comparison, table, columns)):
            return kept
    kept = _kept(comparison, table, own)
    return kept if kept and kept[0][1] != there.reference_columns[0] else ()


def _kept(comparison: Comparison, table: str, columns: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return columns with their names after, if all are there and of the type that they were."""
    old, new = comparison.before.catalog.columns, comparison.after.catalog.columns
    pairs: list[tuple[str, str]] = []
    for name in columns:
        there = comparison.columns.get(f"{table}.{name}")
        if there is None or old[f"{table}.{name}"].type != new[there].type:
            return ()
        pairs.append((name, new[there].column))
    return tuple(pairs)


def _known(side: Side, key: Constraint, way: _Way, at: int) -> tuple[object, ...] | None:
    """Return how many rows a key may lead to, and a sum of the keys by which they are known."""
    parent = ", ".join(f"p.{pair[at]}" for pair in way.parent)
    sum_ = f"pg_catalog.sum(pg_catalog.hashtextextended(ROW({parent})::pg_catalog.text, 0)::pg_catalog.numeric)"
    try:
        with side.trying():
            return side.rows(f"SELECT pg_catalog.count(*), {sum_} FROM {key.references} p")[0]
    except psycopg.Error:
        return None


def _followed(side: Side, key: Constraint, way: _Way, at: int) -> dict[str, str | None] | None:
    """Return for each row that refers, by its key, the key of the row that it leads to."""
    child = ", ".join(f"c.{pair[at]}" for pair in way.child)
    parent = ", ".join(f"p.{pair[at]}" for pair in way.parent)
    on = f"c.{key.columns[0]} = p.{key.reference_columns[0]}"
    text = (
        f"SELECT ROW({child})::pg_catalog.text, CASE WHEN p.{key.reference_columns[0]} IS NOT NULL"
        f" THEN ROW({parent})::pg_catalog.text END"
        f" FROM {key.table} c LEFT JOIN {key.references} p ON {on} ORDER BY 1 LIMIT {ROWS}"
    )
    try:
        with side.trying():
            side.run("SET LOCAL transaction_read_only = on")
            return {str(row): None if to is None else str(to) for row, to in side.rows(text)}
    except psycopg.Error:
        return None

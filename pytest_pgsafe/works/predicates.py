"""Rows that a predicate or a CHECK holds for, where a type or a function that it asks is another now."""

# ruff: noqa: S608 (names and expressions that the catalog wrote)

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from ..catalog.values import Catalog
from ..compare.values import Action, Comparison
from ..snapshot.values import NotVerified
from .reads import Reads
from .side import Side
from .values import Selected

#: Seconds for all of them.
BUDGET = 3.0


@dataclass(frozen=True, kw_only=True)
class _Asked:
    #: The index or constraint, its table and its expression, by their names before and after.
    before: tuple[str, str, str]
    after: tuple[str, str, str]


def tried(comparison: Comparison, before: Side, after: Side) -> Iterator[Selected | NotVerified | None]:
    """Count on both sides the rows of each partial index, and those that fulfil each CHECK."""
    changed = {
        change.object
        for change in comparison.changes
        if change.kind in {"type", "function"} and change.action is Action.CHANGED and change.attribute != "comment"
    }
    if not changed:
        return
    end = time.monotonic() + BUDGET
    reads = Reads(before.catalog)
    for one in _asked(comparison):
        name, table, text = one.before
        through = tuple(sorted(reads.said(text) & changed))
        if not through or table in comparison.rows or before.catalog.tables[table].partition_bound is not None:
            continue
        if time.monotonic() > end:
            yield NotVerified(object=name, reason=f"its rows were not counted: {BUDGET:g} s did not suffice for all")
            continue
        was, now = _count(before, table, text), _count(after, *one.after[1:])
        if was is None or now is None or was == now:
            yield None
        else:
            yield Selected(object=name, table=table, before=was, after=now, through=through)


def _asked(comparison: Comparison) -> Iterator[_Asked]:
    old, new = comparison.before.catalog, comparison.after.catalog
    for collection in ("indexes", "constraints"):
        for name, there in comparison.objects.get(collection, {}).items():
            was, now = _expression(old, collection, name), _expression(new, collection, there)
            if was is not None and now is not None:
                yield _Asked(before=(name, *was), after=(there, *now))


def _expression(catalog: Catalog, collection: str, name: str) -> tuple[str, str] | None:
    if collection == "indexes":
        index = catalog.indexes[name]
        return None if index.predicate is None else (index.table, index.predicate)
    constraint = catalog.constraints[name]
    if constraint.form != "check" or constraint.table not in catalog.tables:
        return None
    expression = constraint.definition.removeprefix("CHECK ").removesuffix(" NO INHERIT")
    return constraint.table, f"({expression}) IS NOT FALSE"


def _count(side: Side, table: str, predicate: str) -> int | None:
    with side.trying():
        return side.counted(f"SELECT pg_catalog.count(*) FROM {table} WHERE {predicate}")

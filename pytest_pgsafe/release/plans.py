"""The plans of a statement on both copies: what an index served before and nothing does now (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from ..catalog.names import split, unquoted
from ..compare.values import Comparison
from .values import Asked, Planned, Unserved

_Node = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class _Read:
    """How a plan reads a table."""

    #: Schema and name, as EXPLAIN prints them.
    table: tuple[str, str]
    #: None of a sequential scan.
    index: str | None
    #: The index finds rows; else all of it is read.
    finds: bool


def unserved(asked: Asked, before: Planned, after: Planned, comparison: Comparison) -> Iterator[Unserved]:
    """Yield the tables that an index served before, and that are read as a whole now.

    Held beside one another are the plans as they are, and those for which a sequential scan is the last resort: of a
    small copy the first are sequential scans whatever indexes there are.
    """
    told: set[str] = set()
    for one, two in ((before.plan, after.plan), (before.served, after.served)):
        was, now = list(_reads(one)), list(_reads(two))
        for table, there in _tables(was, comparison):
            served = {read.index for read in was if read.table == table and read.index is not None and read.finds}
            whole = any(read.table == there and not read.finds for read in now)
            if not served or not whole or any(read.table == table and not read.finds for read in was):
                continue
            name = _name(table, comparison)
            if name is not None and name not in told:
                told.add(name)
                yield Unserved(asked=asked, table=name, indexes=tuple(sorted(map(str, served))))


def tables(plan: _Node, comparison: Comparison) -> frozenset[str]:
    """Return the tables that a plan of the copy before reads, by their names."""
    found = (_name(read.table, comparison) for read in _reads(plan))
    return frozenset(name for name in found if name is not None)


def _reads(node: _Node, table: tuple[str, str] | None = None) -> Iterator[_Read]:
    """Yield each read of a table: the indexes of a bitmap stand below the node that names it."""
    if "Relation Name" in node:
        table = (str(node.get("Schema")), str(node["Relation Name"]))
    kind, below = node.get("Node Type"), cast("Sequence[_Node]", node.get("Plans", ()))
    if kind == "Seq Scan" and table is not None:
        yield _Read(table=table, index=None, finds=False)
    if kind in {"Index Scan", "Index Only Scan", "Bitmap Index Scan"} and table is not None:
        yield _Read(table=table, index=str(node.get("Index Name")), finds="Index Cond" in node)
    for one in below:
        yield from _reads(one, table)


def _tables(reads: Sequence[_Read], comparison: Comparison) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """Yield the tables that are read, as both copies call them."""
    for table in sorted({read.table for read in reads}):
        name = _name(table, comparison)
        there = None if name is None else comparison.tables.get(name)
        if there is not None:
            schema, bare = map(unquoted, split(there))
            yield table, (schema, bare)


def _name(table: tuple[str, str], comparison: Comparison) -> str | None:
    return next((name for name in comparison.before.catalog.tables if tuple(map(unquoted, split(name))) == table), None)

"""What is read of a database: its relations, each with its key and its columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..catalog.names import unkeyed
from ..catalog.values import Catalog, Column, Table
from .expressions import Form, form, underlying
from .key import choose_keys
from .values import NotVerified

__all__ = [
    "Plan",
    "PlanColumn",
    "foreign_below",
    "name_and_type",
    "plan_every",
    "plan_materialized_views",
    "plan_tables",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanColumn:
    """A column to be read: its bare, quoted name, its type, and how its values are hashed."""

    name: str
    type: str
    #: The type that is hashed: what lies below a domain, else the type itself.
    base: str
    form: Form

    @classmethod
    def of(cls, catalog: Catalog, name: str, type_: str) -> PlanColumn:
        base = underlying(catalog.types, type_)
        return cls(name=name, type=type_, base=base, form=form(base))


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How a relation is read."""

    #: ``schema.table``, quoted.
    table: str
    #: Names among ``columns``; empty to digest whole rows.
    key: tuple[str, ...]
    #: In an order that does not depend on the table's: by name, or in pairs with another plan.
    columns: tuple[PlanColumn, ...]
    #: Leaves the rows of inheriting tables to their own plans.
    only: bool = True
    #: Bytes: decides what is read together and what in pieces.
    size: int = field(default=0, compare=False)
    #: Whether rows have physical places that pieces can be cut by.
    heap: bool = True
    #: The query that gives ``tableoid``, ``ctid`` and the columns, where it is not the whole relation.
    query: str | None = None

    @property
    def source(self) -> str:
        """The relation as it stands after FROM, and before an alias."""
        if self.query is not None:
            return f"({self.query})"
        return f"ONLY {self.table}" if self.only else self.table

    @property
    def key_columns(self) -> tuple[PlanColumn, ...]:
        by_name = {column.name: column for column in self.columns}
        return tuple(by_name[name] for name in self.key)


def plan_tables(catalog: Catalog) -> tuple[tuple[Plan, ...], tuple[NotVerified, ...]]:
    """Plan the reading of every table, and list those that cannot be read.

    A partitioned table stands for its partitions, unless one of them is a foreign table: then the others are read one
    by one. Foreign tables are never scanned.
    """
    plans, children = plan_every(catalog), _children(catalog)
    covered: set[str] = set()
    split: set[str] = set()
    for root in catalog.tables.values():
        if root.form == "partitioned table" and root.partition_bound is None:
            below = list(_below(root.name, children))
            if any(catalog.tables[name].form == "foreign table" for name in below):
                split.update(name for name in (root.name, *below) if catalog.tables[name].form == "partitioned table")
            else:
                covered.update(below)
    missing = tuple(
        NotVerified(object=table.name, reason="foreign table: its rows are on another server")
        for table in catalog.tables.values()
        if table.form == "foreign table"
    )
    return tuple(plan for name, plan in plans.items() if name not in covered and name not in split), missing


def plan_every(catalog: Catalog) -> dict[str, Plan]:
    """Plan the reading of every table that is not foreign, by name: partitions too, each on its own."""
    keys, columns, children = choose_keys(catalog), _columns(catalog), _children(catalog)
    plans: dict[str, Plan] = {}
    #: Thousands of tables have columns that are alike.
    made: dict[tuple[str, str], PlanColumn] = {}
    for table in catalog.tables.values():
        if table.form == "foreign table":
            continue
        size = table.size
        if table.form == "partitioned table":
            size += sum(catalog.tables[name].size for name in _below(table.name, children))
        own = sorted(columns.get(table.name, []), key=lambda column: unkeyed(column.column))
        for column in own:
            if (column.column, column.type) not in made:
                made[column.column, column.type] = PlanColumn.of(catalog, column.column, column.type)
        read = tuple(made[column.column, column.type] for column in own)
        plans[table.name] = _plan(table, read, keys.get(table.name, ()), size=size)
    return plans


def plan_materialized_views(catalog: Catalog) -> tuple[Plan, ...]:
    """Plan the reading of every populated materialised view; none has a key."""
    return tuple(
        Plan(
            table=view.name,
            key=(),
            columns=tuple(
                PlanColumn.of(catalog, *name_and_type(column)) for column in sorted(view.columns, key=unkeyed)
            ),
        )
        for view in catalog.views.values()
        if view.materialized and view.populated
    )


def foreign_below(catalog: Catalog) -> frozenset[str]:
    """Return the tables that have a foreign table among their partitions or inheriting tables, or are one."""
    children = _children(catalog)
    return frozenset(
        name
        for name, table in catalog.tables.items()
        if table.form == "foreign table"
        or any(catalog.tables[below].form == "foreign table" for below in _below(name, children))
    )


def _plan(table: Table, columns: tuple[PlanColumn, ...], key: tuple[str, ...], *, size: int) -> Plan:
    return Plan(
        table=table.name,
        key=key,
        columns=columns,
        only=table.form == "table",
        size=size,
        heap=table.access_method in {None, "heap"},
    )


def _columns(catalog: Catalog) -> Mapping[str, list[Column]]:
    by_table: dict[str, list[Column]] = {}
    for column in catalog.columns.values():
        by_table.setdefault(column.table, []).append(column)
    return by_table


def _children(catalog: Catalog) -> Mapping[str, list[str]]:
    by_parent: dict[str, list[str]] = {}
    for table in catalog.tables.values():
        for parent in table.parents:
            by_parent.setdefault(parent, []).append(table.name)
    return by_parent


def _below(table: str, children: Mapping[str, list[str]]) -> Iterator[str]:
    for child in children.get(table, ()):
        yield child
        yield from _below(child, children)


_QUOTED_THEN_TYPE = re.compile(r'((?:"(?:[^"]|"")*")|[^" ]+) (.*)', re.DOTALL)


def name_and_type(column: str) -> tuple[str, str]:
    """Return the two parts of ``name type``."""
    match = _QUOTED_THEN_TYPE.fullmatch(column)
    assert match is not None, column
    return match.group(1), match.group(2)

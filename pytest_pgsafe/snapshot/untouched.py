"""What nobody touched since its facts were read, so that they hold still.

A relation's facts hold only if all that they depend on is proven to be as it was: it is permanent, the WAL since then
was read as a whole and speaks of none of its files, and the catalog says the same of it, its columns, their types,
labels and collations, and of its partitions. Whatever is in doubt is read again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..catalog.values import Catalog
from ..server.connection import Connection
from .plan import Plan, plan_materialized_views, plan_tables
from .values import ForeignKeyContent, LargeObjects, Snapshot, TableContent

__all__ = ["Stored", "Untouched", "stored", "untouched"]

_QUERY = Path(__file__).with_name("sql") / "stored.sql"
#: pg_largeobject and pg_largeobject_metadata.
_LARGE_OBJECTS = (2613, 2995)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """A relation as the catalog stores it; two copies of one database have equal ones where nothing was changed."""

    #: Numbers of its file and its TOAST table's.
    files: tuple[int, ...]
    #: All that its rows' facts depend on beside the blocks: of the relation, and of each column by its number.
    told: str
    columns: tuple[tuple[int, str], ...]
    #: The WAL tells of all that changes its rows, and their facts hang on nothing else.
    steady: bool
    #: OIDs of its partitions, or of the tables that inherit from it.
    below: tuple[int, ...]
    parted: bool


@dataclass(frozen=True, kw_only=True)
class Untouched:
    """Facts that hold still, by the names of now."""

    tables: Mapping[str, TableContent] = field(default_factory=dict[str, TableContent])
    materialized_views: Mapping[str, TableContent] = field(default_factory=dict[str, TableContent])
    foreign_keys: Mapping[str, ForeignKeyContent] = field(default_factory=dict[str, ForeignKeyContent])
    sequence_bounds: Mapping[str, int | None] = field(default_factory=dict[str, "int | None"])
    large_objects: LargeObjects | None = None


def stored(connection: Connection) -> dict[int, Stored]:
    """Return each relation with rows as the catalog stores it, by OID."""
    rows = connection.execute(_QUERY.read_bytes(), prepare=False).fetchall()
    return {
        oid: Stored(
            files=tuple(files),
            told=told,
            columns=tuple(zip(numbers, columns, strict=True)),
            steady=steady,
            below=tuple(below),
            parted=parted,
        )
        for oid, files, told, numbers, columns, steady, below, parted in rows
    }


def untouched(
    facts: Snapshot, now: Catalog, *, before: Mapping[int, Stored], after: Mapping[int, Stored], written: frozenset[int]
) -> Untouched:
    """Return which facts of a database hold of its physical copy.

    :param facts: of the database, and ``before`` of it.
    :param now: the copy's catalog, and ``after`` of it.
    :param written: numbers of the copy's files that were written since it equalled the database.
    """
    still = _Still(facts.catalog, now, before, after, written)
    return Untouched(
        tables=still.contents(facts.tables, plan_tables(facts.catalog)[0], plan_tables(now)[0]),
        materialized_views=still.contents(
            facts.materialized_views, plan_materialized_views(facts.catalog), plan_materialized_views(now)
        ),
        foreign_keys={name: held for name, held in facts.foreign_keys.items() if still.foreign_key(name)},
        sequence_bounds={name: bound for name, bound in facts.sequence_bounds.items() if still.bound(name)},
        large_objects=facts.large_objects if all(still.relation(oid) for oid in _LARGE_OBJECTS) else None,
    )


@dataclass(frozen=True)
class _Still:
    """Whether things are as they were."""

    then: Catalog
    now: Catalog
    before: Mapping[int, Stored]
    after: Mapping[int, Stored]
    written: frozenset[int]

    def relation(self, oid: int, *, inherited: bool = False) -> bool:
        """Tell whether a relation's rows are proven to be the same, its partitions' among them.

        :param inherited: the rows of tables that inherit from it, too.
        """
        one, other = self.before.get(oid), self.after.get(oid)
        if one is None or one != other or not one.steady or not self.written.isdisjoint(one.files):
            return False
        return all(self.relation(each, inherited=inherited) for each in one.below if one.parted or inherited)

    def contents(
        self, known: Mapping[str, TableContent], then: tuple[Plan, ...], now: tuple[Plan, ...]
    ) -> dict[str, TableContent]:
        """Return the contents of what would be read now as it was read then, and is as it was then."""
        earlier = {_oid(self.then, plan.table): plan for plan in then}
        found: dict[str, TableContent] = {}
        for plan in now:
            oid = _oid(self.now, plan.table)
            one = earlier.get(oid)
            if one is not None and one.table in known and replace(one, table=plan.table) == plan and self.relation(oid):
                found[plan.table] = known[one.table]
        return found

    def foreign_key(self, name: str) -> bool:
        """Tell whether a foreign key joins what it joined: by PostgreSQL's own operators, the same rows."""
        one, other = self.then.constraints.get(name), self.now.constraints.get(name)
        if one is None or other is None or one != other or one.oid != other.oid or one.references is None:
            return False
        return self._side(one.table, one.columns) and self._side(one.references, one.reference_columns)

    def _side(self, table: str, columns: tuple[str, ...]) -> bool:
        ours, theirs = self.then.tables.get(table), self.now.tables.get(table)
        if ours is None or theirs is None or ours.oid != theirs.oid:
            return False
        numbers: set[int] = set()
        for column in columns:
            one, other = self.then.columns.get(f"{table}.{column}"), self.now.columns.get(f"{table}.{column}")
            # A type of somebody's compares by somebody's function.
            if one is None or other is None or one.number != other.number or "." in other.type:
                return False
            numbers.add(one.number)
        return self.relation(ours.oid) or self._columns(ours.oid, numbers)

    def _columns(self, oid: int, numbers: set[int]) -> bool:
        """Tell whether some columns of a table without partitions are as they were, whatever became of the others."""
        one, other = self.before.get(oid), self.after.get(oid)
        if one is None or other is None or one.parted or not self.written.isdisjoint(one.files):
            return False
        kept = tuple(told for told in one.columns if told[0] in numbers)
        still = tuple(told for told in other.columns if told[0] in numbers)
        return one.steady and other.steady and kept == still and replace(one, columns=()) == replace(other, columns=())

    def bound(self, name: str) -> bool:
        """Tell whether the column that a sequence feeds holds what it held."""
        one, other = self.then.sequences.get(name), self.now.sequences.get(name)
        if one is None or other is None or one != other or one.oid != other.oid or one.column is None:
            return False
        ours, theirs = self.then.columns.get(one.column), self.now.columns.get(one.column)
        if ours is None or theirs is None or (ours.oid, ours.number) != (theirs.oid, theirs.number):
            return False
        return self.relation(ours.oid, inherited=True)


def _oid(catalog: Catalog, name: str) -> int:
    table = catalog.tables.get(name)
    return catalog.views[name].oid if table is None else table.oid

"""What replacing tables of a live database would touch, looked at before anything is begun."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from ..backup import contents
from ..catalog import read as catalog_of
from ..catalog.names import container
from ..catalog.values import Catalog, Constraint
from ..errors import ConfigError
from ..server.connection import Connection
from ..snapshot.values import Snapshot
from . import dependents as pointing
from .dependents import Dependents


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Tables of a backup, the live ones of the same names, and everything around them."""

    tables: tuple[str, ...]
    live: Catalog
    choice: contents.Choice
    dependents: Dependents
    #: Live tables that go aside.
    moved: tuple[str, ...]
    #: Statements that take them out of tables that stay, and that put the restored ones there.
    detach: tuple[str, ...]
    attach: tuple[str, ...]
    #: Extended statistics, which do not follow their table, and the schema of each one's table.
    statistics: Mapping[str, str]
    #: Foreign keys that are made when everything else is there: of these tables, and of others to them.
    keys: tuple[Constraint, ...]
    #: Tables that are locked from the beginning.
    locked: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def sequences(self) -> tuple[str, ...]:
        """Sequences that are restored."""
        return self.choice.sequences

    @property
    def seen(self) -> tuple[object, ...]:
        """What must not have changed between looking and locking."""
        return self.moved, self.detach, self.attach, self.dependents, self.keys, self.locked, dict(self.statistics)


def plan(session: Connection, facts: Snapshot, tables: tuple[str, ...]) -> Plan:
    """Look at everything that a replacement touches.

    :param tables: of the backup, with their partitions.
    :raises ConfigError: something cannot be carried over; each is named, and nothing is begun.
    """
    live, backup = catalog_of.read(session), facts.catalog
    choice = contents.choose(backup, tables, live, replacing=True)
    moved = tuple(name for name in tables if name in live.tables)
    above = _above(live, moved) | _above(backup, tables)
    dependents = pointing.read(session, live, moved, above - set(tables))
    missing = [
        backup.constraints[name]
        for name in choice.inbound
        if all(
            f"{backup.constraints[name].table}.{column}" in live.columns for column in backup.constraints[name].columns
        )
    ]
    notes = [f"{name}: left out, the table that it points to is not there" for name in choice.left_out]
    notes += [
        f"{name}: left out, its columns are not there"
        for name in choice.inbound
        if name not in {one.name for one in missing}
    ]
    own = [
        one
        for name, one in backup.constraints.items()
        if one.form == "foreign key" and one.table in tables and one.parent is None and name not in choice.left_out
    ]
    partners = {one.references for one in own} | {one.table for one in missing}
    partners |= {
        one.references for one in live.constraints.values() if one.form == "foreign key" and one.table in moved
    }
    locked = [*moved, *sorted(above), *sorted(name for name in partners if name), *dependents.altered]
    found = Plan(
        tables=tables,
        live=live,
        choice=choice,
        dependents=dependents,
        moved=moved,
        detach=tuple(_detach(live, moved)),
        attach=tuple(_attach(backup, tables)),
        statistics={
            one.name: container(_table(one.definition, moved)) for one in contents.statistics(live, moved).values()
        },
        keys=(*own, *missing, *dependents.keys),
        locked=tuple(dict.fromkeys(name for name in locked if name in live.tables)),
        notes=tuple(notes),
    )
    refused = [*dependents.refused, *_refused(found, backup)]
    if refused:
        raise ConfigError(
            f"the live table cannot be replaced: {len(refused)} thing{'s' * (len(refused) > 1)} cannot be carried over",
            looked_at=refused[:20],
            remedies=[
                "drop these first and make them again afterwards",
                "or restore the table into a database of its own, and copy rows from there",
            ],
        )
    return found


def _above(catalog: Catalog, tables: Collection[str]) -> set[str]:
    """Return the tables that some are partitions of, or inherit from, and that are none of them."""
    found: set[str] = set()
    pending = [parent for name in tables for parent in catalog.tables[name].parents]
    while pending:
        name = pending.pop()
        if name not in found and name in catalog.tables:
            found.add(name)
            pending += catalog.tables[name].parents
    return found - set(tables)


def _detach(live: Catalog, moved: Collection[str]) -> Iterator[str]:
    for name in moved:
        for parent in live.tables[name].parents:
            if parent not in moved:
                partition = live.tables[name].partition_bound is not None
                yield (
                    f"alter table {parent} detach partition {name}"
                    if partition
                    else (f"alter table {name} no inherit {parent}")
                )


def _attach(backup: Catalog, tables: Collection[str]) -> Iterator[str]:
    for name in tables:
        table = backup.tables[name]
        for parent in table.parents:
            if parent not in tables and table.partition_bound is not None:
                yield f"alter table {parent} attach partition {name} {table.partition_bound}"


def _table(definition: str, tables: Collection[str]) -> str:
    return next(table for table in tables if f"{definition} ".partition(f" FROM {table} ")[1])


def _refused(found: Plan, backup: Catalog) -> Iterator[str]:
    live, tables = found.live, found.tables
    for name in tables:
        if name in live.views:
            yield f"{name}: it is a view in the live database"
        if backup.tables[name].form == "foreign table" or (
            name in live.tables and live.tables[name].form == "foreign table"
        ):
            yield f"{name}: a foreign table"
        for parent in backup.tables[name].parents:
            if parent not in tables and parent not in live.tables:
                yield f"{name}: it belongs to {parent}, which is not there"
    for column, described in sorted(found.dependents.used):
        if column not in backup.columns:
            yield f"{described}: it uses {column}, which the backup's table has not"
    for key in found.dependents.keys:
        if key.references in tables and not _unique(backup, key.references, key.reference_columns):
            columns = ", ".join(key.reference_columns)
            yield f"foreign key {key.name}: the backup's {key.references} has no unique ({columns})"
    yield from _taken(found, backup)


def _unique(backup: Catalog, table: str | None, columns: Collection[str]) -> bool:
    return any(
        index.table == table and index.unique and index.valid and index.predicate is None
        and sorted(map(str, index.columns)) == sorted(columns)
        for index in backup.indexes.values()
    )  # fmt: skip


def _taken(found: Plan, backup: Catalog) -> Iterator[str]:
    """Yield names that the restored tables need and that something else has."""
    taken = _relations(found.live)
    for name, index in backup.indexes.items():
        held = found.live.indexes.get(name)
        goes = held is not None and held.table in found.moved
        if index.table in found.tables and name in taken and not goes:
            yield f"index {name}: something else has its name"
    for name in found.choice.sequences:
        one = found.live.sequences.get(name)
        goes = one is not None and one.owned and one.column is not None and container(one.column) in found.moved
        if name in taken and not goes:
            yield f"sequence {name}: there is one that does not belong to the live table"
    theirs = {one.name for one in contents.statistics(found.live, found.moved).values()}
    for key, each in contents.statistics(backup, found.tables).items():
        if key in found.live.definitions and each.name not in theirs:
            yield f"statistics {each.name}: something else has its name"


def _relations(live: Catalog) -> set[str]:
    """Return the names of everything that shares the names of relations."""
    return {*live.tables, *live.indexes, *live.views, *live.sequences}

"""One table on both sides of a rescue, and what is worked out for it on the recovered server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ...catalog.names import bare
from ...catalog.values import Catalog, Column, Constraint
from ...server.connection import Connection
from ...snapshot.session import encoded
from .values import TableOutcome

#: Where the recovered database holds what is worked out.
SCHEMA = "pgsafe_rescue"
STATE = '"pgsafe: state"'
_SAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class Sides:
    """Two databases, with what their catalogs say."""

    recovered: Connection
    live: Connection
    ours: Catalog
    theirs: Catalog


@dataclass(frozen=True, kw_only=True)
class Part:
    """One table, and which rows of it were harmed."""

    table: str
    #: Transactions that deleted or updated rows; None is every row.
    xids: tuple[int, ...] | None
    #: OIDs of parts that are restored as a whole.
    without: tuple[int, ...] = ()


@dataclass(kw_only=True)
class Rows:
    """What is to be put back into one table."""

    part: Part
    number: int
    sides: Sides
    #: Columns that both have, and those of them that can be written.
    columns: tuple[str, ...]
    writable: tuple[str, ...]
    key: tuple[str, ...]
    #: The live table's rows, with what is put back.
    expected: str
    notes: list[str] = field(default_factory=list[str])
    counts: dict[str, int] = field(default_factory=dict[str, int])
    live: int = 0

    @property
    def put(self) -> str:
        return f"{SCHEMA}.put_{self.number}"

    @property
    def source(self) -> str:
        """The table as COPY and FROM name it: without what inherits from it, but with its partitions."""
        return self.part.table if partitioned(self.sides.ours, self.part.table) else f"ONLY {self.part.table}"

    def outcome(self) -> TableOutcome:
        """Return what is put back, with some rows."""
        samples: dict[str, tuple[str, ...]] = {}
        for state in ("missing", "changed", "taken", "orphan"):
            shown = ask(
                self.sides.recovered,
                f"SELECT ROW({', '.join(self.columns)})::text FROM {self.put} WHERE {STATE} = '{state}'"  # noqa: S608
                f" LIMIT {_SAMPLES}",
            )
            if shown:
                samples[state] = tuple(str(row[0]) for row in shown)
        return TableOutcome(
            table=self.part.table, way="rows", rows=self.counts.get("missing", 0), there=self.counts.get("there", 0),
            changed=self.counts.get("changed", 0), taken=self.counts.get("taken", 0),
            orphans=self.counts.get("orphan", 0), live=self.live, samples=samples, notes=tuple(self.notes),
        )  # fmt: skip


def pipe(source: Connection, query: str, target: Connection, into: str) -> None:
    """Copy rows from one database into another.

    :param query: what is copied: a table, or a SELECT in parentheses.
    :param into: a table with its columns.
    """
    out, put = encoded(source, f"COPY {query} TO STDOUT"), encoded(target, f"COPY {into} FROM STDIN")
    with source.cursor().copy(out) as rows, target.cursor().copy(put) as table:
        for data in rows:
            table.write(data)


def keys_of(catalog: Catalog, table: str) -> list[Constraint]:
    found = [one for one in catalog.constraints.values() if one.form == "foreign key" and one.table == table]
    return [one for one in found if one.parent is None and one.references is not None]


def columns_of(catalog: Catalog, table: str) -> dict[str, Column]:
    columns = [one for one in catalog.columns.values() if one.table == table]
    return {bare(one.column): one for one in sorted(columns, key=lambda one: one.number)}


def partitioned(catalog: Catalog, table: str) -> bool:
    return catalog.tables[table].form == "partitioned table"


def do(connection: Connection, text: str) -> None:
    connection.execute(encoded(connection, text), prepare=False)


def ask(connection: Connection, text: str) -> Sequence[tuple[Any, ...]]:
    return connection.execute(encoded(connection, text), prepare=False).fetchall()


def count(connection: Connection, text: str) -> int:
    row = connection.execute(encoded(connection, text), prepare=False).fetchone()
    assert row is not None
    return int(row[0])

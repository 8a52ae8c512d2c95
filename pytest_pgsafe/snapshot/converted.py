"""A column's values after, beside an expression over the same row before."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import psycopg

from ..catalog.values import Catalog
from ..errors import SnapshotError
from ..server.connection import Connection
from .align import align_plans
from .difference import difference
from .plan import PlanColumn, plan_every
from .session import reason
from .values import RowSample

__all__ = ["Conversion", "application_path", "known_type", "read"]


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """What is compared. Column names are bare and quoted; tables have their schema."""

    table: str
    table_after: str
    #: Columns that tell the rows apart, before and after.
    key: tuple[str, ...]
    key_after: tuple[str, ...]
    #: The column after, and its type.
    column: str
    type: str
    #: SQL over the table's columns before.
    expression: str


def read(
    before: Connection, after: Connection, catalogs: tuple[Catalog, Catalog], conversion: Conversion
) -> tuple[int, tuple[RowSample, ...]]:
    """Count the rows that hold another value than was announced, with some of them.

    :raises SnapshotError: the expression cannot be evaluated, or one side not be read.
    """
    old, new = plan_every(catalogs[0])[conversion.table], plan_every(catalogs[1])[conversion.table_after]
    # A type that was not there before is compared by its text.
    type_ = conversion.type if known_type(before, conversion.type) else "text"
    value = PlanColumn.of(catalogs[1], conversion.column, type_)
    keys = {column.name: column for column in old.columns}
    theirs = {column.name: column for column in new.columns}
    announced = replace(
        old,
        key=conversion.key,
        columns=(*(keys[name] for name in conversion.key), value),
        # A line of its own, for what ends in a comment; by its bare name columns can be told by the table.
        query=f"SELECT tableoid, ctid, {', '.join(conversion.key)}, (\n{conversion.expression}\n)::{type_}"  # noqa: S608
        f" AS {conversion.column} FROM {old.source}",
    )
    held = replace(
        new,
        key=conversion.key,
        columns=(
            *(replace(theirs[name], name=own) for own, name in zip(conversion.key, conversion.key_after, strict=True)),
            value,
        ),
        query=f"SELECT tableoid, ctid, {_renamed(conversion)}, {conversion.column}::{type_} AS {conversion.column}"  # noqa: S608
        f" FROM {new.source}",
    )
    pair = align_plans(announced, held)
    try:
        with application_path(before):
            found = difference(before, after, pair.before, pair.after)
    except psycopg.Error as error:
        raise SnapshotError(
            f"[expect] converted: the expression for {conversion.table}.{conversion.column} cannot be evaluated:"
            f" {reason(error)}",
            looked_at=[conversion.expression],
            remedies=["write it over the columns of the table, as they are before the migration"],
        ) from error
    return found.changed.get(conversion.column, 0), tuple(found.changed_samples.get(conversion.column, ()))


@contextmanager
def application_path(connection: Connection) -> Generator[None]:
    """Let names without a schema mean what they mean in the database's own sessions."""
    connection.execute("SET search_path TO DEFAULT")
    try:
        yield
    finally:
        connection.execute("SET search_path TO pg_catalog")


def _renamed(conversion: Conversion) -> str:
    pairs = zip(conversion.key_after, conversion.key, strict=True)
    return ", ".join(f"{there} AS {own}" for there, own in pairs)


def known_type(connection: Connection, type_: str) -> bool:
    """Tell whether a database has a type, as ``format_type`` writes it."""
    row = connection.execute("SELECT pg_catalog.to_regtype(%s) IS NOT NULL", (type_.partition("(")[0],)).fetchone()
    return row is not None and bool(row[0])

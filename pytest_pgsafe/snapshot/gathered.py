"""A column's values after, beside an expression over rows of others before: arrays that became rows, merged tables."""

# ruff: noqa: S608 (names that the catalog wrote, and expressions of the team)

from __future__ import annotations

from dataclasses import dataclass, replace

import psycopg

from ..catalog.values import Catalog
from ..errors import SnapshotError
from ..server.connection import Connection
from .align import align_plans
from .converted import application_path, known_type
from .difference import difference
from .plan import Plan, PlanColumn, plan_every
from .session import encoded, reason
from .values import TableDifference

__all__ = ["Gathering", "Own", "read"]


@dataclass(frozen=True, kw_only=True)
class Own:
    """The table as it was, if it was there: its rows stay but for those that are announced."""

    table: str
    #: The key's columns as they were, and the column; None if it is new.
    key: tuple[str, ...]
    column: str | None


@dataclass(frozen=True, kw_only=True)
class Gathering:
    """What is compared. Column names are bare and quoted; the table has its schema."""

    table: str
    column: str
    type: str
    #: The table's columns that tell rows apart, their types, and what each was announced to be.
    key: tuple[str, ...]
    key_types: tuple[str, ...]
    key_expressions: tuple[str, ...]
    expression: str
    #: What stands behind FROM, over the database before.
    rows: str
    own: Own | None = None


def read(
    before: Connection, after: Connection, catalogs: tuple[Catalog, Catalog], gathering: Gathering
) -> TableDifference | None:
    """Compare the rows that were announced with those that are there; None if several have one key.

    :raises SnapshotError: an expression cannot be evaluated, or one side not be read.
    """
    new = plan_every(catalogs[1])[gathering.table]
    names = (*gathering.key, gathering.column)
    types = [_type(before, one) for one in (*gathering.key_types, gathering.type)]
    columns = tuple(PlanColumn.of(catalogs[1], name, type_) for name, type_ in zip(names, types, strict=True))
    text = _announced(gathering, types)
    shown = ", ".join(f"{name}::{type_} AS {name}" for name, type_ in zip(names, types, strict=True))
    held = replace(new, key=gathering.key, columns=columns, query=f"SELECT tableoid, ctid, {shown} FROM {new.source}")
    announced = Plan(table=gathering.table, key=gathering.key, columns=columns, only=False, heap=False, query=text)
    try:
        with application_path(before):
            if _repeats(before, gathering, text):
                return None
            pair = align_plans(announced, held)
            return difference(before, after, pair.before, pair.after)
    except psycopg.Error as error:
        raise SnapshotError(
            f"[expect] converted: what was announced of {gathering.table}.{gathering.column} cannot be evaluated:"
            f" {reason(error)}",
            looked_at=[f"SELECT {', '.join(gathering.key_expressions)}, {gathering.expression} FROM {gathering.rows}"],
            remedies=["write it over the tables and columns as they are before the migration"],
        ) from error


def _announced(gathering: Gathering, types: list[str]) -> str:
    expressions = (*gathering.key_expressions, gathering.expression)
    names = (*gathering.key, gathering.column)
    said = ", ".join(
        f"(\n{one}\n)::{type_} AS {name}" for one, type_, name in zip(expressions, types, names, strict=True)
    )
    text = f"SELECT {said} FROM {gathering.rows}\n"
    own = gathering.own
    if own is not None:
        keys = [f"o.{one}::{type_}" for one, type_ in zip(own.key, types, strict=False)]
        same = " AND ".join(f"pgsafe_g.{name} = {key}" for name, key in zip(gathering.key, keys, strict=True))
        value = "NULL" if own.column is None else f"o.{own.column}"
        text = (
            f"WITH pgsafe_g AS ({text}) SELECT * FROM pgsafe_g UNION ALL"
            f" SELECT {', '.join(keys)}, {value}::{types[-1]} FROM {own.table} o"
            f" WHERE NOT EXISTS (SELECT FROM pgsafe_g WHERE {same})"
        )
    # The rows of a query have no place of their own.
    order = ", ".join(f"pgsafe_q.{name}" for name in gathering.key)
    place = f"('(' || pg_catalog.row_number() OVER (ORDER BY {order}) || ',1)')::pg_catalog.tid"
    return f"SELECT 0::pg_catalog.oid AS tableoid, {place} AS ctid, pgsafe_q.* FROM ({text}) pgsafe_q"


def _repeats(before: Connection, gathering: Gathering, text: str) -> bool:
    names = ", ".join(f"q.{name}" for name in gathering.key)
    query = f"SELECT pg_catalog.count(*) <> pg_catalog.count(DISTINCT ROW({names})) FROM ({text}) q"
    row = before.execute(encoded(before, query), prepare=False).fetchone()
    return row is not None and bool(row[0])


def _type(connection: Connection, type_: str) -> str:
    """Return a type as it is, or ``text`` where it was not there before."""
    return type_ if known_type(connection, type_) else "text"

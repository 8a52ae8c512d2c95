"""Assertions on what databases hold. Each fails with what is there, what was wanted, and the rows concerned.

What was not looked at is no success: an empty table under a rule, nothing compared, what could not be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

from ..catalog.names import parts
from ..catalog.read import read as read_catalog
from ..catalog.values import Catalog
from ..report.terminal import sample_text
from ..snapshot import denormalized
from ..snapshot.foreign_keys import foreign_keys
from ..snapshot.values import DenormalizedRule, ForeignKeyContent, Snapshot
from . import rows as rows_of
from .database import Readable
from .look import Looked, address_of, session, the_one
from .plain import plain
from .same import different

__all__ = ["assert_denormalized", "assert_no_fk_nulls", "assert_rows", "assert_same"]

Row = Sequence[Any] | Mapping[str, Any]


@plain
def assert_rows(database: Looked, what: str, expected: int | Sequence[Row]) -> None:
    """Assert how many rows, or which ones, a table or a query has.

    :param what: a table's name (``people``, ``billing.invoice``) or a query.
    :param expected: a number, or the rows: sequences, or mappings by column, of which those that are not named do not
        count. The order counts where the query has an ORDER BY.
    :raises AssertionError: with the rows that are missing and those that are there instead.
    """
    if isinstance(database, Snapshot):
        if not isinstance(expected, int):
            raise TypeError("a snapshot holds no rows: compare their number")
        name = the_one(what, database.tables, "table")
        problem = rows_of.number(name, database.tables[name].rows, expected)
    else:
        problem = rows_of.compare(address_of(database), what, expected)
    if problem is not None:
        raise AssertionError(problem)


@plain
def assert_denormalized(
    database: Readable | str, column: str, source: str, *, via: str | None = None, allow_empty: bool = False
) -> None:
    """Assert that a copied column equals its source in every row.

    :param column: the copy: ``sales.customer_name``.
    :param source: what it is a copy of: ``customers.name``; the way there is found from the foreign keys.
    :param via: the foreign key column that the way begins with, where there are several.
    :param allow_empty: a table without rows will do; else it fails, since nothing was looked at.
    :raises AssertionError: with the number of rows that disagree, and some of them.
    :raises ConfigError: there is no such column, or no single way to its source.
    """
    with session(database) as connection:
        catalog = read_catalog(connection)
        rule = DenormalizedRule(
            column=the_one(column, catalog.columns, "column"),
            source=the_one(source, catalog.columns, "column"),
            via=via,
        )
        found = denormalized.read(connection, catalog, rule)
    if not found.rows and not allow_empty:
        raise AssertionError(_nothing(catalog.columns[rule.column].table))
    if found.drifted:
        lines = [f"{rule.name} does not hold in {found.drifted:,} of {_rows(found.rows)}"]
        lines += [f"  {sample_text(sample)}" for sample in found.samples]
        raise AssertionError("\n".join([*lines, *_more(found.drifted, len(found.samples))]))


@plain
def assert_no_fk_nulls(database: Looked, *columns: str, allow_empty: bool = False) -> None:
    """Assert that foreign keys hold no NULL and point nowhere but to rows that are there.

    :param columns: columns of foreign keys, ``sales.customer_id``; none of them asks for every foreign key.
    :param allow_empty: a table without rows will do; else a column that was named fails, since nothing was looked at.
    :raises AssertionError: with the number of NULLs and orphans of each key, and some orphans.
    :raises ConfigError: a column is part of no foreign key.
    """
    if isinstance(database, Snapshot):
        catalog, found, gaps = database.catalog, database.foreign_keys, {one.object for one in database.not_verified}
        counts = {name: content.rows for name, content in database.tables.items()}
    else:
        with session(database) as connection:
            catalog = read_catalog(connection)
            found, missing = foreign_keys(connection, catalog)
            gaps = {one.object for one in missing}
            counts = _counts(connection, catalog, columns)
    keys = [key for key in catalog.constraints.values() if key.form == "foreign key" and key.parent is None]
    if columns:
        known = [f"{key.table}.{column}" for key in keys for column in key.columns]
        meant = {the_one(column, dict.fromkeys(known), "column of a foreign key") for column in columns}
        keys = [key for key in keys if any(f"{key.table}.{column}" in meant for column in key.columns)]
    if not keys:
        raise AssertionError("there is no foreign key: nothing was looked at")
    problems: list[str] = []
    for key in keys:
        shown = f"{key.table}.{key.columns[0]}" if len(key.columns) == 1 else key.name
        if key.name in gaps or key.name not in found:
            problems.append(f"{shown}: could not be read")
        elif columns and not allow_empty and counts.get(key.table) == 0:
            problems.append(_nothing(key.table))
        else:
            problems += _broken(shown, key.references or "", found[key.name])
    if problems:
        raise AssertionError("\n".join(problems))


@plain
def assert_same(before: Looked, after: Looked, *, ignore: str | Sequence[str] = (), structure: bool = True) -> None:
    """Assert that two databases, or recorded facts of them, hold the same: objects, rows, values, sequences.

    Copies of one database are compared by identity, so a table that was renamed is told as renamed; others by name.
    Rows can be shown where both databases are there. Between the source and a restored copy, what no dump carries and
    what is made harmless in a copy (foreign servers, subscriptions) does not count.

    :param ignore: names or patterns (``audit_log``, ``*.updated_at``, ``billing.*``) of objects that may differ; a
        table's name stands for all that is in it.
    :param structure: objects count too; else what is on both sides has to hold the same.
    :raises AssertionError: with the tables, columns and rows that differ; or with what could not be compared.
    """
    problem = different(before, after, ignore=[ignore] if isinstance(ignore, str) else ignore, structure=structure)
    if problem is not None:
        raise AssertionError(problem)


def _broken(shown: str, references: str, content: ForeignKeyContent) -> list[str]:
    lines: list[str] = []
    if content.nulls:
        lines.append(f"{shown} is NULL in {_rows(content.nulls)}")
    if content.orphans:
        lines.append(f"{shown} points to no row of {references} in {_rows(content.orphans)}")
        lines += [f"  {', '.join(str(value) for value in sample)}" for sample in content.samples]
        lines += _more(content.orphans, len(content.samples)) if content.samples else []
    return lines


def _counts(connection: psycopg.Connection[Any], catalog: Catalog, columns: Sequence[str]) -> dict[str, int]:
    """Return for the tables of the named columns whether they have rows: 0 or 1."""
    tables = {one.table for name, one in catalog.columns.items() if columns and _named(name, columns)}
    found: dict[str, int] = {}
    for table in tables:
        query = sql.SQL("select exists (select from {})").format(sql.Identifier(*parts(table)))
        row = connection.execute(query).fetchone()
        found[table] = int(bool(row and row[0]))
    return found


def _named(name: str, wanted: Sequence[str]) -> bool:
    last = parts(name)[-1]
    return any(parts(one)[-1] == last for one in wanted)


def _nothing(table: str) -> str:
    return f"{table} has no rows: nothing was looked at (allow_empty=True lets that pass)"


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"


def _more(number: int, shown: int) -> list[str]:
    return [f"  … and {number - shown:,} more"] if number > shown else []

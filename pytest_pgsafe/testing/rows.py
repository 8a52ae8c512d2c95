"""Rows that are there against rows that were expected."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import psycopg
from psycopg import sql

from ..catalog.names import parts
from ..errors import ConfigError
from ..server.address import Address

_QUERY = re.compile(r"(?:\s|--[^\n]*\n)*(?:\(|(?:select|with|table|values)\s)", re.IGNORECASE)
_ORDERED = re.compile(r"\border\s+by\b", re.IGNORECASE)
#: What an ORDER BY in it does not order the query's rows.
_WITHIN = re.compile(r"'[^']*'|\"[^\"]*\"|--[^\n]*|\([^()'\"]*\)")
_TABLES = "select quote_ident(schemaname) || '.' || quote_ident(tablename) from pg_catalog.pg_tables"
#: Rows of each kind that a message shows.
SHOWN = 10

Row = Sequence[Any] | Mapping[str, Any]


def number(what: str, found: int, expected: int) -> str | None:
    """Return what is wrong with a number of rows, None if nothing is."""
    if found == expected:
        return None
    return f"{what} has {_counted(found)}, not {expected:,}"


def compare(address: Address, what: str, expected: int | Sequence[Row]) -> str | None:
    """Return how the rows of a table or query differ from those expected, None if they do not.

    :raises ConfigError: there is no such table, or a column that rows are compared by.
    """
    is_query = _QUERY.match(what) is not None
    source = sql.SQL("({}\n)").format(_verbatim(what)) if is_query else sql.Identifier(*parts(what))
    shown = "the query" if is_query else what
    if isinstance(expected, int):
        counted = _run(address, sql.SQL("select count(*) from {} as counted").format(source), what)[1]
        return number(shown, counted[0][0], expected)
    names = _names(expected)
    if is_query:
        columns, there = _run(address, _verbatim(what), what)
    else:
        wanted = sql.SQL(", ").join(map(sql.Identifier, names)) if names else sql.SQL("*")
        columns, there = _run(address, sql.SQL("select {} from {}").format(wanted, source), what)
    missing = [name for name in names if name not in columns]
    if missing:
        raise ConfigError(f"the query has no column {missing[0]!r}", looked_at=[", ".join(columns)])
    found = [tuple(row[columns.index(name)] for name in names) for row in there] if names else there
    rows = [tuple(row[name] for name in names) if isinstance(row, Mapping) else tuple(row) for row in expected]
    return _difference(shown, found, rows, names, ordered=is_query and _is_ordered(what))


def _is_ordered(query: str) -> bool:
    while (less := _WITHIN.sub(" ", query)) != query:
        query = less
    return _ORDERED.search(query) is not None


def _names(expected: Sequence[Row]) -> tuple[str, ...]:
    """Return the columns by which rows are compared; empty for all of them, in order."""
    mappings = [row for row in expected if isinstance(row, Mapping)]
    names = tuple(mappings[0]) if mappings else ()
    if mappings and (len(mappings) < len(expected) or any(set(row) != set(names) for row in mappings)):
        raise TypeError("the expected rows have to be all sequences, or all mappings of the same columns")
    return names


def _verbatim(query: str) -> sql.Composable:
    # The test's own words; a semicolon at their end would close the parenthesis too early.
    return sql.SQL(cast("Any", query.rstrip().rstrip(";")))


def _run(address: Address, query: sql.Composable, what: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    parameters: dict[str, Any] = dict(address.parameters)
    with psycopg.connect(**parameters) as connection:
        try:
            cursor = connection.execute(query.as_bytes(connection))
        except psycopg.errors.UndefinedTable as error:
            if _QUERY.match(what):
                raise
            connection.rollback()
            there = [str(name) for (name,) in connection.execute(_TABLES)]
            near = difflib.get_close_matches(what, [*there, *(name.partition(".")[2] for name in there)], n=3)
            raise ConfigError(
                f"there is no table {what!r}", remedies=[f"did you mean {name}?" for name in near]
            ) from error
        return [column.name for column in cursor.description or ()], cursor.fetchall()


def _difference(
    shown: str, found: list[tuple[Any, ...]], expected: list[tuple[Any, ...]], names: Sequence[str], *, ordered: bool
) -> str | None:
    missing, extra = list(expected), list[tuple[Any, ...]]()
    for row in found:
        if row in missing:
            missing.remove(row)
        else:
            extra.append(row)
    if not missing and not extra:
        if not ordered or found == expected:
            return None
        at = next(at for at, (one, other) in enumerate(zip(found, expected, strict=True)) if one != other)
        return f"{shown} has the rows that were expected in another order: row {at} is {found[at]}, not {expected[at]}"
    lines = [f"{shown} has {_counted(len(found))}, {len(found) - len(extra):,} of the {len(expected):,} expected"]
    if names:
        lines.append(f"  compared by ({', '.join(names)})")
    for word, rows in (("missing", missing), ("not expected", extra)):
        lines += [f"  {word}: {row}" for row in rows[:SHOWN]]
        lines += [f"  … and {len(rows) - SHOWN:,} more {word}"] if len(rows) > SHOWN else []
    return "\n".join(lines)


def _counted(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows:,} rows"

"""New columns whose old rows all hold one value, which the clock or chance gave while the migration ran."""

# ruff: noqa: S608 (names that quote_ident wrote)

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import psycopg

from ..catalog.names import unquoted
from ..catalog.values import Column
from ..compare.values import Action, Comparison
from ..migrate.values import Statement
from .side import Side
from .values import Stamped

#: Rows that are read.
_ROWS = 10_000
_CHANCE = re.compile(r"\b(?:random\w*|gen_random_\w+|uuid_generate_v\d\w*|uuidv[47])\s*\(", re.I)
#: A moment of the day in which the migration ran, wherever the session's clock stands.
_NEAR = "pg_catalog.abs(extract(epoch FROM pg_catalog.now() - pg_catalog.min({name})::timestamptz)) < 26 * 3600"
_MIDNIGHT = "pg_catalog.min({name})::pg_catalog.time = '00:00'"


def tried(comparison: Comparison, statements: Sequence[Statement], after: Side) -> Iterator[Stamped | None]:
    """Look at each column that was added to a table with rows."""
    tables = {new: old for old, new in comparison.tables.items()}
    for change in comparison.by_kind.get((Action.ADDED, "column"), ()):
        column = change.new
        if not isinstance(column, Column) or column.generated is not None or column.identity is not None:
            continue
        content = comparison.before.tables.get(tables.get(column.table, ""))
        table = after.catalog.tables.get(column.table)
        if content is None or content.rows < 2 or table is None or table.partition_bound is not None:
            continue
        source = _source(column, statements, after)
        yield (
            None
            if source is None
            else Stamped(object=column.name, table=column.table, rows=content.rows, source=source)
        )


def _source(column: Column, statements: Sequence[Statement], after: Side) -> str | None:
    name = f"s.{column.column}"
    timed = column.type.startswith(("timestamp", "date"))
    near = _NEAR.format(name=name) if timed else "false"
    if column.type.startswith("timestamp"):
        # At midnight somebody wrote a day.
        near += f" AND NOT {_MIDNIGHT.format(name=name)}"
    text = (
        f"SELECT pg_catalog.count(*) > 1 AND pg_catalog.count(*) = pg_catalog.count({name})"
        f" AND pg_catalog.count(DISTINCT {name}::pg_catalog.text) = 1, {near}"
        f" FROM (SELECT {column.column} FROM {column.table} LIMIT {_ROWS}) s"
    )
    try:
        with after.trying():
            [(one, clock)] = after.rows(text)
    except psycopg.Error:
        return None
    if not one:
        return None
    if clock:
        return "clock"
    written = [column.default or "", *(each.text for each in statements if unquoted(column.column) in each.text)]
    return "chance" if any(_CHANCE.search(each) for each in written) else None

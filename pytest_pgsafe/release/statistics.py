"""The planner's statistics after a migration: those that are gone, and those that are of other values."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from ..catalog.names import bare, unquoted
from ..compare.values import Comparison
from ..works.side import Side
from .values import Asked, Outdated

#: Of each column: whether there are any, by what they hold.
_STATISTICS = """
SELECT pg_catalog.format('%I.%I.%I', s.schemaname, s.tablename, s.attname), pg_catalog.md5(s::pg_catalog.text)
FROM pg_catalog.pg_stats s WHERE NOT s.inherited AND s.schemaname !~ '^pg_'
"""
#: What PostgreSQL itself waits for before it gathers them again: autovacuum_analyze_scale_factor and _threshold.
PART, LEAST = 0.1, 50
_WORDS = re.compile(r'"(?:[^"]|"")+"|\w+')


def outdated(
    comparison: Comparison, before: Side, after: Side, read: Collection[str], asked: Sequence[Asked]
) -> Iterator[Outdated]:
    """Yield columns of tables that statements read, and that they name, whose statistics the migration has outdated.

    :param read: tables, by their names before.
    """
    words = {unquoted(word).lower() for one in asked for word in _WORDS.findall(one.text)}
    was, now = _statistics(before), _statistics(after)
    for name, column in comparison.before.catalog.columns.items():
        there = comparison.columns.get(name)
        if column.table not in read or name not in was or there is None or unquoted(bare(name)).lower() not in words:
            continue
        rows = comparison.before.tables[column.table].rows if column.table in comparison.before.tables else 0
        if there not in now:
            yield Outdated(column=name, there=there, table=column.table, rows=rows, gone=True)
            continue
        difference = comparison.rows.get(column.table)
        changed = 0 if difference is None else difference.changed.get(column.column, 0)
        if changed > LEAST + PART * rows and now[there] == was[name]:
            yield Outdated(column=name, there=there, table=column.table, rows=changed, gone=False)


def _statistics(side: Side) -> dict[str, str]:
    with side.trying():
        return {str(column): str(held) for column, held in side.rows(_STATISTICS)}

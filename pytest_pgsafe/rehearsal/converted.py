"""Values that were announced to equal an expression over the row as it was: where both are found."""

from __future__ import annotations

import re

from ..catalog.names import bare, means, unquoted
from ..catalog.values import Column
from ..compare.values import Comparison
from ..config.expectations import Converted
from ..server.connection import Connection
from ..snapshot.converted import Conversion, read
from ..snapshot.key import choose_key
from ..snapshot.values import ConvertedContent

_WORDS = re.compile(r'"(?:[^"]|"")+"|[\w$]+')


class _Unclear(Exception):  # noqa: N818 (not an error: the check says it)
    """Why the values cannot be compared."""


def find(rule: Converted, comparison: Comparison, before: Connection, after: Connection) -> ConvertedContent | str:
    """Compare the values of a column with what was announced; return what was found, or why it cannot be told.

    :raises SnapshotError: the expression cannot be evaluated, or one side not be read.
    """
    try:
        conversion, old = _conversion(rule, comparison)
    except _Unclear as unclear:
        return str(unclear)
    wrong, samples = read(before, after, (comparison.before.catalog, comparison.after.catalog), conversion)
    words = {unquoted(word) for word in _WORDS.findall(rule.expression)}
    reads = tuple(
        name
        for name, column in comparison.before.catalog.columns.items()
        if column.table == conversion.table and unquoted(column.column) in words
    )
    to = f"{conversion.table_after}.{conversion.column}"
    return ConvertedContent(column=to, before=old, reads=reads, wrong=wrong, samples=samples)


def _conversion(rule: Converted, comparison: Comparison) -> tuple[Conversion, str | None]:
    to = _column(rule, comparison)
    table = {new: old for old, new in comparison.tables.items()}.get(to.table)
    if table is None:
        raise _Unclear(f"{to.table} was not there before it, so that no row of it could be followed")
    names = {new: old for old, new in comparison.columns.items()}
    key = choose_key(comparison.before.catalog, table)
    theirs = [comparison.columns.get(f"{table}.{name}") for name in key]
    if not key or None in theirs:
        raise _Unclear(f"{table} has no key by which its rows could be followed")
    there = tuple(bare(name) for name in theirs if name is not None)
    if to.column in there:
        raise _Unclear("it is part of the key by which its rows are known")
    conversion = Conversion(
        table=table, table_after=to.table, key=key, key_after=there, column=to.column, type=to.type,
        expression=rule.expression,
    )  # fmt: skip
    return conversion, names.get(to.name)


def _column(rule: Converted, comparison: Comparison) -> Column:
    columns = comparison.after.catalog.columns
    there = comparison.columns.get(rule.column)
    # A column that has the name now comes before the one that had it.
    found = [name for name in columns if means(name, rule.column)]
    if not found and there is not None:
        found = [there]
    if len(found) == 1:
        return columns[found[0]]
    if found:
        raise _Unclear(f"the name is ambiguous: {', '.join(found[:5])}")
    if rule.column in comparison.before.catalog.columns:
        raise _Unclear("it is gone")
    near = [name for name in columns if bare(name) == bare(rule.column)]
    raise _Unclear("there is no such column after it" + (f"; did you mean {near[0]}?" if near else ""))

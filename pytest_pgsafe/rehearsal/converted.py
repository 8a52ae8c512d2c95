"""Values that were announced to equal an expression over the row as it was: where both are found."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from ..catalog.names import bare, means, unquoted
from ..catalog.values import Column
from ..compare.values import Comparison
from ..config.expectations import Converted
from ..server.connection import Connection
from ..snapshot.converted import Conversion, read
from ..snapshot.gathered import Gathering, Own
from ..snapshot.gathered import read as read_gathered
from ..snapshot.key import choose_key
from ..snapshot.values import ConvertedContent

#: Rows that are shown.
_SAMPLES = 5
_WORDS = re.compile(r'"(?:[^"]|"")+"|[\w$]+')


class _Unclear(Exception):  # noqa: N818 (not an error: the check says it)
    """Why the values cannot be compared."""


def find(rule: Converted, comparison: Comparison, before: Connection, after: Connection) -> ConvertedContent | str:
    """Compare the values of a column with what was announced; return what was found, or why it cannot be told.

    :raises SnapshotError: the expression cannot be evaluated, or one side not be read.
    """
    try:
        if rule.rows is not None:
            return _gathered(rule, rule.rows, comparison, before, after)
        conversion, old = _conversion(rule, comparison)
    except _Unclear as unclear:
        return str(unclear)
    wrong, samples = read(before, after, (comparison.before.catalog, comparison.after.catalog), conversion)
    reads = _reads(rule, comparison, {conversion.table})
    to = f"{conversion.table_after}.{conversion.column}"
    return ConvertedContent(column=to, before=old, reads=reads, wrong=wrong, samples=samples)


def _gathered(
    rule: Converted, rows: str, comparison: Comparison, before: Connection, after: Connection
) -> ConvertedContent | str:
    gathering = _gathering(rule, rows, comparison)
    found = read_gathered(before, after, (comparison.before.catalog, comparison.after.catalog), gathering)
    if found is None:
        return f"several rows of {rows} have one key: name more columns in it"
    column = gathering.column
    words = {unquoted(word) for word in _WORDS.findall(rows)}
    tables = {name for name in comparison.before.catalog.tables if unquoted(bare(name)) in words}
    to = f"{gathering.table}.{column}"
    samples = (*found.changed_samples.get(column, ()), *found.gone_samples, *found.added_samples)
    return ConvertedContent(
        column=to, before={new: old for old, new in comparison.columns.items()}.get(to),
        reads=_reads(rule, comparison, tables), wrong=found.changed.get(column, 0), missing=found.gone,
        besides=found.added, samples=samples[:_SAMPLES],
    )  # fmt: skip


def _gathering(rule: Converted, rows: str, comparison: Comparison) -> Gathering:
    to, columns = _column(rule, comparison), comparison.after.catalog.columns
    found = [next((one for one in columns if means(one, f"{to.table}.{name}")), None) for name, _ in rule.key]
    keys = [columns[one] for one in found if one is not None]
    if len(keys) < len(found):
        raise _Unclear(f"{to.table} has not the columns of the key: {', '.join(name for name, _ in rule.key)}")
    if to in keys:
        raise _Unclear("it is part of the key by which its rows are known")
    return Gathering(
        table=to.table, column=to.column, type=to.type, key=tuple(one.column for one in keys),
        key_types=tuple(one.type for one in keys), key_expressions=tuple(one for _, one in rule.key),
        expression=rule.expression, rows=rows, own=_own(to, keys, comparison),
    )  # fmt: skip


def _own(to: Column, keys: Sequence[Column], comparison: Comparison) -> Own | None:
    """Return the table as it was; None if it is new."""
    table = {new: old for old, new in comparison.tables.items()}.get(to.table)
    if table is None:
        return None
    names = {new: bare(old) for old, new in comparison.columns.items()}
    if any(one.name not in names for one in keys):
        raise _Unclear(f"the key is new, so that the rows that {table} had cannot be told from those that came")
    return Own(table=table, key=tuple(names[one.name] for one in keys), column=names.get(to.name))


def _reads(rule: Converted, comparison: Comparison, tables: Collection[str]) -> tuple[str, ...]:
    """Return the columns of tables that an announcement names, by their names before."""
    said = " ".join((rule.expression, rule.rows or "", *(one for _, one in rule.key)))
    words = {unquoted(word) for word in _WORDS.findall(said)}
    columns = comparison.before.catalog.columns.items()
    return tuple(name for name, column in columns if column.table in tables and unquoted(column.column) in words)


def _conversion(rule: Converted, comparison: Comparison) -> tuple[Conversion, str | None]:
    to = _column(rule, comparison)
    table = {new: old for old, new in comparison.tables.items()}.get(to.table)
    if table is None:
        raise _Unclear(
            f"{to.table} was not there before it, so that no row of it could be followed: say what its rows come from"
            " (rows) and what tells them apart (key)"
        )
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

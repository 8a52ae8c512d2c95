"""The way from a column that was announced to move to the column that has its values now."""

from __future__ import annotations

from collections.abc import Iterator

from ..catalog.names import bare, means
from ..catalog.values import Catalog, Column, Constraint
from ..compare.values import Comparison
from ..config.expectations import Moved
from ..server.connection import Connection
from ..snapshot.key import choose_key
from ..snapshot.moved import Path, read
from ..snapshot.values import MovedContent


class _Unclear(Exception):  # noqa: N818 (not an error: the check says it)
    """Why the values cannot be looked for."""


def find(rule: Moved, comparison: Comparison, before: Connection, after: Connection) -> MovedContent | str:
    """Look for the values of a column where they were announced to be; return what was found, or why it cannot be told.

    :raises SnapshotError: one side cannot be read.
    """
    old, new = comparison.before.catalog, comparison.after.catalog
    try:
        if rule.column not in old.columns:
            raise _Unclear("there was no such column before the migration")
        if rule.column in comparison.columns:
            raise _Unclear(f"it is still there, and is called {comparison.columns[rule.column]}")
        path, types = _path(rule, comparison)
        if rule.column in {f"{path.table}.{name}" for name in path.key}:
            raise _Unclear("it is part of the key by which its rows are known")
    except _Unclear as unclear:
        return str(unclear)
    return read(before, after, (old, new), path, types)


def _path(rule: Moved, comparison: Comparison) -> tuple[Path, tuple[str, ...]]:
    new = comparison.after.catalog
    column = comparison.before.catalog.columns[rule.column]
    to = _column(rule.to, new, "to")
    home = comparison.tables.get(column.table)
    via = None if rule.via is None else _column(rule.via, new, "via")
    if via is not None and via.table not in {to.table, home}:
        raise _Unclear(f"via is a column of {via.table}, and has to be one of {to.table} or of {home}")
    if to.table == home:
        return _within(column, to, comparison)
    keys = [
        key
        for key in new.constraints.values()
        if key.references is not None
        and {key.table, key.references} == {to.table, home}
        and (via is None or (via.table == key.table and via.column in key.columns))
    ]
    if len(keys) > 1:
        shown = ", ".join(sorted(key.name for key in keys))
        raise _Unclear(f"several foreign keys lead from the one table to the other, so say via which column: {shown}")
    if not keys and via is None:
        raise _Unclear(f"no foreign key leads from {to.table} to {home or column.table} or back: say via which column")
    pairs = _pairs(keys[0]) if keys else None
    if (via.table if via is not None else keys[0].table) == to.table:
        return _from_new(column, to, via, pairs, comparison)
    assert home is not None
    return _from_old(column, to, home, via=via, pairs=pairs, comparison=comparison)


def _pairs(key: Constraint) -> tuple[tuple[str, str], ...]:
    return tuple(zip(key.columns, key.reference_columns, strict=True))


def _from_new(
    column: Column, to: Column, via: Column | None, pairs: tuple[tuple[str, str], ...] | None, comparison: Comparison
) -> tuple[Path, tuple[str, ...]]:
    """The new table names the row that had the value."""
    catalog = comparison.before.catalog
    if pairs is None:
        assert via is not None
        key = choose_key(catalog, column.table)
        if len(key) != 1:
            raise _Unclear(f"{column.table} has no key of one column that {via.name} could hold")
        names: tuple[str, ...] = key
        there: tuple[str, ...] = (via.column,)
    else:
        was = {now: before for before, now in _bare(column.table, comparison)}
        if any(reference not in was for _, reference in pairs):
            raise _Unclear(f"the key of {column.table} that {to.table} holds is new")
        names, there = tuple(was[reference] for _, reference in pairs), tuple(mine for mine, _ in pairs)
    return _in_its_table(column, to, names, there, comparison)


def _from_old(
    column: Column,
    to: Column,
    home: str,
    *,
    via: Column | None,
    pairs: tuple[tuple[str, str], ...] | None,
    comparison: Comparison,
) -> tuple[Path, tuple[str, ...]]:
    """The row that had the value names the row that has it."""
    if pairs is None:
        assert via is not None
        theirs = choose_key(comparison.after.catalog, to.table)
        if len(theirs) != 1:
            raise _Unclear(f"{to.table} has no key of one column that {via.name} could hold")
        pairs = ((via.column, theirs[0]),)
    names, there = _own_key(column, comparison)
    on = " AND ".join(f"f.{mine} = t.{theirs}" for mine, theirs in pairs)
    path = Path(
        table=column.table,
        column=column.column,
        key=names,
        key_after=tuple(f"f.{name}" for name in there),
        to=to.name,
        value=f"t.{to.column}",
        source=f"{home} f JOIN {to.table} t ON {on}",
    )
    return path, _types(comparison, to, home, there)


def _within(column: Column, to: Column, comparison: Comparison) -> tuple[Path, tuple[str, ...]]:
    """Another column of the row has the value."""
    names, there = _own_key(column, comparison)
    return _in_its_table(column, to, names, there, comparison)


def _in_its_table(
    column: Column, to: Column, names: tuple[str, ...], there: tuple[str, ...], comparison: Comparison
) -> tuple[Path, tuple[str, ...]]:
    """The table that has the values holds the key too."""
    path = Path(
        table=column.table,
        column=column.column,
        key=names,
        key_after=tuple(f"t.{name}" for name in there),
        to=to.name,
        value=f"t.{to.column}",
        source=f"{to.table} t",
    )
    return path, _types(comparison, to, to.table, there)


def _own_key(column: Column, comparison: Comparison) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns of the key of the table that had the value, before and after."""
    names = choose_key(comparison.before.catalog, column.table)
    now = dict(_bare(column.table, comparison))
    if not names or any(name not in now for name in names):
        raise _Unclear(f"{column.table} has no key by which its rows could be followed")
    return names, tuple(now[name] for name in names)


def _bare(table: str, comparison: Comparison) -> Iterator[tuple[str, str]]:
    """Yield the columns of a table that are still there: bare names before and after."""
    for old, new in comparison.columns.items():
        column = comparison.before.catalog.columns[old]
        if column.table == table:
            yield column.column, comparison.after.catalog.columns[new].column


def _types(comparison: Comparison, to: Column, table: str, names: tuple[str, ...]) -> tuple[str, ...]:
    columns = comparison.after.catalog.columns
    return (*(columns[f"{table}.{name}"].type for name in names), to.type)


def _column(wanted: str, catalog: Catalog, what: str) -> Column:
    found = [column for name, column in catalog.columns.items() if means(name, wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        raise _Unclear(f"{what} = {wanted!r} is ambiguous: {', '.join(column.name for column in found[:5])}")
    near = [name for name in catalog.columns if bare(name) == bare(wanted)]
    raise _Unclear(f"there is no column {wanted} after it" + (f"; did you mean {near[0]}?" if near else ""))

"""Two recorded snapshots, of whatever databases: only their facts are there, and no row can be looked up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from ..catalog.parted import parted
from ..catalog.values import Catalog
from ..snapshot.values import NotVerified, SequenceValue, Snapshot, TableContent
from .content import same_version
from .identity import match
from .restored import major, same_on_majors
from .structure import ordered, structure
from .values import Action, Attribute, Change, Comparison

Value = TypeVar("Value")

__all__ = ["recorded", "sentence"]

_ONE_SIDE = "its rows were read on one side only: a partition by itself, or as a part of its table"


def recorded(before: Snapshot, after: Snapshot) -> Comparison:
    """Compare two snapshots that were saved, by names: what is called otherwise is another object.

    Facts say which table and which column differs, and how many rows and NULLs there are; not which rows.
    """
    # What an older release wrote may have what a server stored for itself among the options.
    before, after = (replace(one, catalog=parted(one.catalog)) for one in (before, after))
    identity = match(before.catalog, after.catalog, cloned=False)
    majors = major(before), major(after)
    changes = [
        change
        for change in structure(before.catalog, after.catalog, identity, cloned=False)
        if majors[0] == majors[1] or not same_on_majors(change, majors)
    ]
    gaps = {item.object: item for item in (*after.not_verified, *before.not_verified)}
    alike = _hashed_alike(before.catalog, after.catalog)
    for name in sorted((before.tables.keys() | after.tables.keys()) & identity.tables.keys() - gaps.keys()):
        ours, theirs = before.tables.get(name), after.tables.get(name)
        if ours is None or theirs is None:
            gaps[name] = NotVerified(object=name, reason=_ONE_SIDE)
            continue
        same = alike.get(name, frozenset())
        changes += _rows(name, ours, theirs, same)
        reason = _unsaid(ours, theirs, same)
        if reason is not None:
            gaps[name] = NotVerified(object=name, reason=reason)
    changes += _elsewhere(before, after)
    return Comparison(
        before=before,
        after=after,
        cloned=False,
        changes=ordered(changes),
        tables=identity.tables,
        columns=identity.columns,
        objects=identity.objects,
        not_verified=tuple(sorted(gaps.values(), key=lambda item: (item.object, item.reason))),
    )


def sentence(change: Change) -> str:
    """Say a change between two snapshots in one line."""
    what = f"{change.kind} {change.object}" if change.kind != change.object else change.object
    if change.action is not Action.CHANGED:
        to = f" to {change.after}" if change.action is Action.RENAMED else ""
        return f"{what} {change.action.value}{to}"
    if change.attribute in {"content", "digest"}:
        return f"{what}: other {'values' if change.kind == 'values' else 'content'}"
    if change.attribute == "values":
        return f"{what}: another value in {change.after} row{'' if change.after == 1 else 's'}"
    place = "" if change.kind == "rows" else f" {change.attribute}"
    return f"{what}{place}: {_short(change.before)} → {_short(change.after)}"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 200 else text[:199] + "…"


def _rows(name: str, ours: TableContent, theirs: TableContent, same: frozenset[str]) -> Iterator[Change]:
    """Yield how the content of a table differs.

    :param same: columns whose values are hashed alike on both sides.
    """
    if ours.rows != theirs.rows:
        # Every sum is another one; which values of the rows that stayed are others cannot be told.
        yield _change("rows", name, "rows", ours.rows, theirs.rows)
        return
    alike = ours.key == theirs.key and same >= set(ours.key)
    if alike and ours.key and ours.digest != theirs.digest:
        yield _change("rows", name, "content", ours.rows, theirs.rows)
        return
    told = False
    for column in sorted(ours.columns.keys() & theirs.columns.keys()):
        content, there = ours.columns[column], theirs.columns[column]
        if content.nulls != there.nulls:
            told = True
            yield _change("values", f"{name}.{column}", "nulls", content.nulls, there.nulls)
        elif alike and column in same and content.digest != there.digest:
            told = True
            yield _change("values", f"{name}.{column}", "digest", content.digest, there.digest)
    # Without a key values may have changed places between rows, which no column shows by itself.
    whole = not ours.key and alike and set(same) == set(ours.columns) == set(theirs.columns)
    if whole and not told and ours.digest != theirs.digest:
        yield _change("rows", name, "content", ours.rows, theirs.rows)


def _unsaid(ours: TableContent, theirs: TableContent, same: frozenset[str]) -> str | None:
    """Return what the facts of a table cannot tell, None if they tell everything."""
    if not (ours.rows and theirs.rows):
        return None
    if ours.rows != theirs.rows:
        return "it has another number of rows: whether the values of the others are the same is not recorded"
    if ours.key != theirs.key or not same >= set(ours.key):
        return "its rows have another key: only their number and the NULLs were compared"
    other = sorted((ours.columns.keys() & theirs.columns.keys()) - same)
    return f"values of another type were not compared, only NULLs: {', '.join(other)}" if other else None


def _hashed_alike(before: Catalog, after: Catalog) -> Mapping[str, frozenset[str]]:
    """Return by table the columns that have the same type on both sides."""
    found: dict[str, set[str]] = {}
    for name, column in before.columns.items():
        there = after.columns.get(name)
        if there is not None and (there.type, there.collation) == (column.type, column.collation):
            found.setdefault(column.table, set()).add(column.column)
    return {table: frozenset(names) for table, names in found.items()}


def _elsewhere(before: Snapshot, after: Snapshot) -> Iterator[Change]:
    for name, view, other in _both(before.materialized_views, after.materialized_views):
        if view.rows != other.rows:
            yield _change("view", name, "rows", view.rows, other.rows)
        elif view.digest != other.digest and view.columns.keys() == other.columns.keys():
            yield _change("view", name, "content", view.rows, other.rows)
    for name, own, its in _both(before.extension_tables, after.extension_tables):
        # What an extension holds of its own goes with its version.
        whole = same_version(before, after, own.extension)
        one, two = (own.rows, its.rows) if whole else (own.configuration, its.configuration)
        if one is not None and two is not None:
            yield from _rows(name, one, two, frozenset(one.columns.keys() & two.columns.keys()))
    for name, ours, theirs in _both(before.sequences, after.sequences):
        if not _overlap(ours, theirs):
            yield _change("sequence value", name, "value", ours.value, theirs.value)
        elif ours.upper is theirs.upper is None and ours.is_called != theirs.is_called:
            yield _change("sequence value", name, "is_called", ours.is_called, theirs.is_called)
    for name, key, now in _both(before.foreign_keys, after.foreign_keys):
        if key.nulls != now.nulls:
            yield _change("foreign key", name, "nulls", key.nulls, now.nulls)
        if key.orphans != now.orphans:
            yield _change("foreign key", name, "orphans", key.orphans, now.orphans)
    large, now_large = before.large_objects, after.large_objects
    if large != now_large:
        attribute = "content" if large.count == now_large.count else "count"
        yield _change("large objects", "large objects", attribute, large.count, now_large.count)


def _both(before: Mapping[str, Value], after: Mapping[str, Value]) -> Iterator[tuple[str, Value, Value]]:
    for name, ours in before.items():
        if name in after:
            yield name, ours, after[name]


def _overlap(first: SequenceValue, second: SequenceValue) -> bool:
    """Tell whether two readings may be of one value: facts of a backup hold the values before and after the dump."""
    low, high = sorted((first.value, first.value if first.upper is None else first.upper))
    least, most = sorted((second.value, second.value if second.upper is None else second.upper))
    return low <= most and least <= high


def _change(kind: str, name: str, attribute: str, before: Attribute, after: Attribute) -> Change:
    return Change(kind=kind, action=Action.CHANGED, object=name, attribute=attribute, before=before, after=after)

"""What the databases hold: rows, values, sequences, foreign keys, large objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..catalog.values import Catalog
from ..snapshot.values import Snapshot, TableContent, TableDifference
from .identity import Identity
from .values import Action, Attribute, Change


def differing(
    before: Snapshot, after: Snapshot, *, tables: Mapping[str, str], columns: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the tables, by their names before, whose content is not proven equal by counts and digests.

    Their rows are to be compared on the databases themselves; what :func:`~pytest_pgsafe.compare.compare` gets no
    difference for is taken to be changed.
    """
    pairs = _by_table(before.catalog, after.catalog, columns)
    return tuple(
        name
        for name, content in before.tables.items()
        if name in tables and not _equal(content, after.tables.get(tables[name]), pairs.get(name, {}))
    )


def differing_views(before: Snapshot, after: Snapshot, *, views: Mapping[str, str]) -> dict[str, str]:
    """Return the materialised views, name after by name before, whose content is not proven equal.

    A table that stands in the place of one counts as what it is now.

    :param views: name after by name before, for every view that is still there.
    """
    found: dict[str, str] = {}
    for name, ours in before.materialized_views.items():
        there = views.get(name, name)
        theirs = after.materialized_views.get(there)
        table = name not in views and name in after.tables
        if table or (theirs is not None and (theirs.rows != ours.rows or theirs.digest != ours.digest)):
            found[name] = there
    return found


def differing_extensions(before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    """Return the tables of extensions whose rows are not proven equal, as far as they are to be.

    What an extension's update does to rows of its own is its business: there the configuration alone counts.
    """
    found: list[str] = []
    for name, ours in before.extension_tables.items():
        theirs = after.extension_tables.get(name)
        same = same_version(before, after, ours.extension)
        one = ours.rows if same else ours.configuration
        other = None if theirs is None else theirs.rows if same else theirs.configuration
        # An extension that is gone is told as such, and what it held with it.
        if one is not None and one != other and ours.extension in after.catalog.extensions:
            found.append(name)
    return tuple(found)


def same_version(before: Snapshot, after: Snapshot, extension: str) -> bool:
    """Tell whether an extension is on both sides in one version."""
    one, other = before.catalog.extensions.get(extension), after.catalog.extensions.get(extension)
    return one is not None and other is not None and one.version == other.version


def content(
    before: Snapshot,
    after: Snapshot,
    identity: Identity,
    differences: Mapping[str, TableDifference],
    views: Mapping[str, TableDifference],
) -> Iterator[Change]:
    """Yield what differs in content, by the names before."""
    for name in differing(before, after, tables=identity.tables, columns=identity.columns):
        yield from _table(name, before, after, identity, differences.get(name))
    for name in differing_extensions(before, after):
        yield from _told(name, before.extension_tables[name].rows, differences.get(name))
    yield from _materialized(before, after, identity, views)
    yield from _sequences(before, after, identity)
    yield from _foreign_keys(before, after, identity)
    if before.large_objects != after.large_objects:
        ours, theirs = before.large_objects, after.large_objects
        same = ours.count == theirs.count
        attribute = "content" if same else "count"
        yield _change("large objects", "large objects", attribute, ours.count, theirs.count)


def unexplained(name: str, before: Snapshot, after: Snapshot, identity: Identity, difference: TableDifference) -> bool:
    """Tell whether the digests differ although no row was found to differ.

    That must not be: either the facts or the search for rows missed something. Digests of another key, of another
    type or of other columns are not comparable, and say nothing here.
    """
    ours, theirs = before.tables[name], after.tables.get(identity.tables[name])
    if theirs is None or difference.gone or difference.added:
        return False
    pairs = _by_table(before.catalog, after.catalog, identity.columns).get(name, {})
    kept = _comparable(name, pairs, before.catalog, after.catalog, identity)
    if ours.rows != theirs.rows:
        return True
    if tuple(pairs.get(column, "") for column in ours.key) != theirs.key or not set(ours.key) <= kept:
        return False
    whole = bool(ours.key) or (kept == set(ours.columns) and len(theirs.columns) == len(ours.columns))
    if whole and ours.digest != theirs.digest:
        return True
    return any(
        ours.columns[column] != theirs.columns.get(pairs[column])
        for column in kept & set(ours.columns)
        if not difference.changed.get(column)
    ) and bool(ours.key)


def _table(
    name: str,
    before: Snapshot,
    after: Snapshot,
    identity: Identity,
    difference: TableDifference | None,
) -> Iterator[Change]:
    ours, there = before.tables[name], after.tables.get(identity.tables[name])
    rows = None if there is None else there.rows
    if difference is None:
        yield _change("rows", name, "content", ours.rows, rows)
        return
    yield from _told(name, ours, difference)
    if unexplained(name, before, after, identity, difference):
        yield _change("rows", name, "content", ours.rows, rows)


def _told(name: str, ours: TableContent | None, difference: TableDifference | None) -> Iterator[Change]:
    rows = None if ours is None else ours.rows
    if difference is None:
        yield _change("rows", name, "content", rows, None)
        return
    if difference.gone or difference.added:
        now = None if rows is None else rows - difference.gone + difference.added
        yield _change("rows", name, "rows", rows, now)
    for column, changed in difference.changed.items():
        if changed:
            yield _change("values", f"{name}.{column}", "values", None, changed)


def _equal(ours: TableContent, theirs: TableContent | None, pairs: Mapping[str, str]) -> bool:
    if theirs is None or ours.rows != theirs.rows or ours.digest != theirs.digest:
        return False
    if tuple(pairs.get(column) for column in ours.key) != theirs.key:
        return False
    return all(ours.columns[column] == theirs.columns.get(pairs[column]) for column in ours.columns if column in pairs)


def _by_table(before: Catalog, after: Catalog, columns: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return, by table, bare names after by bare names before."""
    pairs: dict[str, dict[str, str]] = {}
    for name, there in columns.items():
        ours, theirs = before.columns.get(name), after.columns.get(there)
        if ours is not None and theirs is not None:
            pairs.setdefault(ours.table, {})[ours.column] = theirs.column
    return pairs


def _comparable(table: str, pairs: Mapping[str, str], before: Catalog, after: Catalog, identity: Identity) -> set[str]:
    """Return the columns whose type is the same on both sides."""
    kept: set[str] = set()
    for column, there in pairs.items():
        ours = before.columns.get(f"{table}.{column}")
        theirs = after.columns.get(f"{identity.tables[table]}.{there}")
        if ours is None or theirs is None or _attributes(before, ours.type) != _attributes(after, theirs.type):
            continue
        if ours.type == theirs.type and ours.collation == theirs.collation:
            kept.add(column)
    return kept


def _attributes(catalog: Catalog, type_: str) -> tuple[str, ...]:
    known = catalog.types.get(type_.removesuffix("[]"))
    return () if known is None else known.attributes


def _materialized(
    before: Snapshot, after: Snapshot, identity: Identity, differences: Mapping[str, TableDifference]
) -> Iterator[Change]:
    for name, there in differing_views(before, after, views=identity.of("views")).items():
        difference = differences.get(name)
        # Other columns give another digest of the same rows.
        if difference is None or not difference.same:
            theirs = after.materialized_views.get(there) or after.tables[there]
            yield _change("view", name, "content", before.materialized_views[name].rows, theirs.rows)


def _sequences(before: Snapshot, after: Snapshot, identity: Identity) -> Iterator[Change]:
    for name, old in before.sequences.items():
        new = after.sequences.get(identity.of("sequences").get(name, ""))
        if new is None:
            continue
        if old.value != new.value:
            yield _change("sequence value", name, "value", old.value, new.value)
        elif old.is_called != new.is_called:
            yield _change("sequence value", name, "is_called", old.is_called, new.is_called)


def _foreign_keys(before: Snapshot, after: Snapshot, identity: Identity) -> Iterator[Change]:
    for name, old in before.foreign_keys.items():
        new = after.foreign_keys.get(identity.of("constraints").get(name, ""))
        if new is None:
            continue
        for attribute in ("nulls", "orphans"):
            ours, theirs = getattr(old, attribute), getattr(new, attribute)
            if ours != theirs:
                yield _change("foreign key", name, attribute, ours, theirs)


def _change(kind: str, name: str, attribute: str, before: Attribute, after: Attribute) -> Change:
    return Change(kind=kind, action=Action.CHANGED, object=name, attribute=attribute, before=before, after=after)

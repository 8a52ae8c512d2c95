"""Two catalogs in, changes out: every field that counts, of every kind of object, and no consequence of a rename."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace

from ..catalog.names import container, split
from ..catalog.values import (
    Catalog,
    Column,
    Constraint,
    Definition,
    Grant,
    Index,
    Object,
    Role,
    Sequence,
)
from .identity import COLLECTIONS, Identity, collection, expected
from .renames import Renames
from .values import Action, Attribute, Change

#: What an object's name says already.
_IN_NAME: Mapping[type[Object], frozenset[str]] = {
    Column: frozenset({"table", "column"}),
    Constraint: frozenset({"table"}),
    Grant: frozenset({"object_kind", "object", "privilege", "grantee", "to_owner"}),
}

#: Asked for each object of a catalog, and there may be a million.
_COUNTED: dict[type[Object], tuple[str, ...]] = {}


def structure(before: Catalog, after: Catalog, identity: Identity, *, cloned: bool) -> tuple[Change, ...]:
    """Return how the two catalogs differ, in the order of the collections and then by name.

    What lies within an object that was added or dropped as a whole (columns, indexes, grants and so on) is not told
    again. Roles belong to the cluster: only what became of a role that is on both sides of a clone is told.
    """
    renames = Renames.of(identity.of(name) for name in COLLECTIONS if name not in ("grants", "roles"))
    gone, new = _containers(before, after, identity)
    changes: list[Change] = []
    for name in COLLECTIONS:
        pairs = identity.of(name)
        olds, news = collection(before, name), collection(after, name)
        if name != "roles":
            changes += _dropped(olds, pairs, gone, news)
        elif not cloned:
            continue
        for old_key, new_key in pairs.items():
            changes += _changed(name, olds[old_key], news[new_key], identity, renames, keys=(old_key, new_key))
        if name != "roles":
            taken = set(pairs.values())
            added = (news[key] for key in news if key not in taken)
            changes += [_whole(Action.ADDED, value) for value in added if not _within(value, new)]
    # Each copy has a name of its own, which no report and no baseline may depend on.
    changes += attributes(replace(before.database, name="database"), after.database, renames, identity)
    return tuple(changes)


def counted(kind: type[Object]) -> tuple[str, ...]:
    """Return the names of the fields that count, without the name."""
    found = _COUNTED.get(kind)
    if found is None:
        found = tuple(field.name for field in fields(kind) if field.compare and field.name != "name")
        _COUNTED[kind] = found
    return found


def attributes(old: Object, new: Object, renames: Renames, identity: Identity) -> Iterator[Change]:
    """Yield a change for each field in which two values of one kind differ."""
    skipped = _IN_NAME.get(type(old), frozenset())
    for name in counted(type(old)):
        if name in skipped:
            continue
        ours: Attribute = getattr(old, name)
        theirs: Attribute = getattr(new, name)
        if ours != theirs and not _same(name, old, (ours, theirs), renames, identity):
            yield Change(
                kind=word(old),
                action=Action.CHANGED,
                object=old.name,
                attribute=name,
                before=ours,
                after=theirs,
                old=old,
                new=new,
            )


def word(value: Object) -> str:
    """Return the word for the kind of an object in reports."""
    return value.form if isinstance(value, Definition) else value.kind


def _changed(
    name: str, old: Object, new: Object, identity: Identity, renames: Renames, *, keys: tuple[str, str]
) -> Iterator[Change]:
    if name not in ("grants", "definitions"):
        wanted = expected(identity, name, old.name)
        # Indexes and owned sequences go with their table into another schema.
        home = identity.tables.get(_home(old))
        moved = wanted if home is None else f"{container(home)}.{split(wanted)[-1]}"
        # A function is renamed along with a type among its arguments.
        consequence = name == "functions" and renames.same(_arguments(wanted), _arguments(new.name))
        if new.name not in (wanted, moved) and not (
            consequence and wanted.partition("(")[0] == new.name.partition("(")[0]
        ):
            yield _renamed(old, new)
    elif name == "definitions" and keys[0] != keys[1]:
        yield _renamed(old, new)
    if type(old) is type(new):
        yield from attributes(old, new, renames, identity)


def _home(value: Object) -> str:
    """Return the table that an index or a sequence belongs to; empty if there is none."""
    if isinstance(value, Index):
        return value.table
    return container(value.column) if isinstance(value, Sequence) and value.column is not None else ""


def _arguments(name: str) -> str:
    return name.partition("(")[2]


def _renamed(old: Object, new: Object) -> Change:
    return Change(
        kind=word(old), action=Action.RENAMED, object=old.name, before=old.name, after=new.name, old=old, new=new
    )


def _whole(action: Action, value: Object) -> Change:
    if action is Action.ADDED:
        return Change(kind=word(value), action=action, object=value.name, after=value.name, new=value)
    return Change(kind=word(value), action=action, object=value.name, before=value.name, old=value)


def _dropped(
    olds: Mapping[str, Object], pairs: Mapping[str, str], gone: frozenset[str], news: Mapping[str, Object]
) -> Iterator[Change]:
    owners = {
        (new.object_kind, new.object): new.grantee for new in news.values() if isinstance(new, Grant) and new.to_owner
    }
    for key, old in olds.items():
        if key in pairs or _within(old, gone):
            continue
        # The former owner's privileges went with the ownership, also where the new owner had a grant before.
        if (
            isinstance(old, Grant)
            and old.to_owner
            and owners.get((old.object_kind, old.object), old.grantee) != old.grantee
        ):
            continue
        yield _whole(Action.DROPPED, old)


def _containers(before: Catalog, after: Catalog, identity: Identity) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of objects dropped as a whole, and of those added as a whole."""
    gone: set[str] = set()
    new: set[str] = set()
    for name in (*COLLECTIONS[:8], "indexes", "definitions"):
        pairs = identity.of(name)
        gone |= {value.name for key, value in collection(before, name).items() if key not in pairs}
        taken = set(pairs.values())
        new |= {value.name for key, value in collection(after, name).items() if key not in taken}
    return frozenset(gone), frozenset(new)


def _within(value: Object, whole: frozenset[str]) -> bool:
    """Tell whether the object is part of one that came or went as a whole."""
    if isinstance(value, Grant):
        return value.object in whole or (container(value.object) in whole and value.object_kind == "column")
    if isinstance(value, Definition):
        # What is said of a column of a view, of an index or of a composite type.
        return value.form.endswith(("column", "attribute")) and container(value.name) in whole
    if isinstance(value, Sequence):
        return value.column is not None and (value.column in whole or container(value.column) in whole)
    table = getattr(value, "table", None)
    return isinstance(table, str) and table in whole


def _same(name: str, old: Object, values: tuple[Attribute, Attribute], renames: Renames, identity: Identity) -> bool:
    ours, theirs = values
    if isinstance(old, Constraint) and name in ("columns", "reference_columns"):
        table = old.table if name == "columns" else old.references
        return table is not None and _columns(table, ours, identity) == theirs
    if isinstance(old, Index) and name == "columns":
        return _columns(old.table, ours, identity) == theirs
    if isinstance(old, Role):
        return False
    if isinstance(ours, str) and isinstance(theirs, str):
        return renames.same(ours, theirs)
    if isinstance(ours, tuple) and isinstance(theirs, tuple):
        return len(ours) == len(theirs) and all(
            _same_item(one, two, renames) for one, two in zip(ours, theirs, strict=True)
        )
    return False


def _same_item(first: str | None, second: str | None, renames: Renames) -> bool:
    return first == second or (first is not None and second is not None and renames.same(first, second))


def _columns(table: str, names: Attribute, identity: Identity) -> Attribute:
    """Return bare column names of a table as they are after."""
    if not isinstance(names, tuple):
        return names
    return tuple(name if name is None else bare_after(table, name, identity) for name in names)


def bare_after(table: str, column: str, identity: Identity) -> str:
    """Return a column's bare name after."""
    there = identity.columns.get(f"{table}.{column}")
    return column if there is None else there[len(container(there)) + 1 :]


def ordered(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Sort changes so that two runs give one order: by kind, object, action and attribute."""
    return tuple(
        sorted(changes, key=lambda one: (one.kind, one.object, one.action.value, one.attribute or "", str(one.after)))
    )

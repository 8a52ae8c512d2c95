"""Does a restored database hold what its source held? The answer of the restore drill."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from ..catalog.names import split
from ..catalog.values import Catalog, Constraint, Grant, Index, Object
from ..errors import RestoreError
from ..server.capabilities import (
    ICU_RULES,
    MAINTAIN,
    NAMED_NOT_NULL,
    PUBLIC_CLOSED,
    UNLOGGED_SEQUENCES,
    Capability,
)
from ..server.version import Version
from ..snapshot.values import NotVerified, SequenceValue, Snapshot, TableContent
from . import requoted
from .identity import Identity, match
from .renames import tokens
from .structure import ordered, structure
from .values import Action, Attribute, Change

#: A cluster's own business, or what pg_dump says itself that it does not carry over.
_NOT_RESTORED: Mapping[str, frozenset[str]] = {
    # The scratch database has a name and an owner of its own; a limit of connections is pg_dumpall's.
    "database": frozenset({"owner", "connection_limit"}),
    # CREATE EXTENSION names no version: it becomes the server's default.
    "extension": frozenset({"version"}),
    # No dump says that a key's internal triggers are disabled.
    "constraint": frozenset({"enabled"}),
    # A tablespace is a folder of the source's machine.
    "table": frozenset({"tablespace"}),
    "index": frozenset({"tablespace"}),
    "view": frozenset({"tablespace"}),
    # Restored switched off on purpose.
    "subscription": frozenset({"enabled", "definition", "owner"}),
}
#: Printed anew from a tree by each major.
_REPRINTED = frozenset({"definition", "default", "using", "check", "predicate", "partition_key", "partition_bound"})

#: What a major says otherwise: public belongs to pg_database_owner, the sequence of an unlogged table's column is
#: unlogged.
_LATER: Mapping[tuple[str, str], Capability] = {
    ("schema", "owner"): PUBLIC_CLOSED,
    ("sequence", "persistence"): UNLOGGED_SEQUENCES,
}
_NO_INDENT = re.compile(r" NO INDENT(?=\))")


def restored_equals_source(source: Snapshot, restored: Snapshot, *, owners: bool = True) -> tuple[Change, ...]:
    """Return every difference that a faithful restore does not explain; none means equal.

    Materialised views are recomputed by a restore, so only their definitions count. Unlogged tables are dumped with
    their rows by default, so they count like others. Sequences ignore snapshots: a restored value lies between the
    two readings of the source.

    :param owners: the restore was given owners and privileges; else they are the restoring role's, and do not count.
    """
    majors = major(source), major(restored)
    if requoted.otherwise(majors):
        source, restored = requoted.plain(source), requoted.plain(restored)
    identity = match(source.catalog, restored.catalog, cloned=False)
    found = [
        change
        for change in structure(source.catalog, restored.catalog, identity, cloned=False)
        if not noise(change) and not (majors[0] != majors[1] and same_on_majors(change, majors))
    ]
    found += _tables(source, restored, identity)
    found += _extensions(source, restored)
    found += _sequences(source, restored)
    found += _foreign_keys(source, restored)
    if source.large_objects != restored.large_objects:
        attribute = "content" if source.large_objects.count == restored.large_objects.count else "count"
        ours, theirs = source.large_objects.count, restored.large_objects.count
        found.append(_change("large objects", "large objects", attribute, ours, theirs))
    return ordered(found if owners else [one for one in found if one.kind != "grant" and one.attribute != "owner"])


def refuse(changes: Sequence[Change], what: str) -> None:
    """Refuse a restored copy that differs.

    :param what: what is not equal to what, without its end.
    :raises RestoreError: there is a difference; with their number and the first ten.
    """
    if changes:
        raise RestoreError(
            f"{what}: {len(changes)} difference{'s' * (len(changes) > 1)}",
            looked_at=[difference(change) for change in changes[:10]],
        )


def major(snapshot: Snapshot) -> int:
    """Return the major of the server that a snapshot was taken on."""
    return Version.parse(snapshot.server_version).major


def not_carried(source: Catalog, copy: Catalog | None = None) -> tuple[NotVerified, ...]:
    """Return what of a source no dump carries over, so that a copy never has it.

    :param copy: in which INVALID indexes were made; those that are there are compared as others.
    """
    found = [
        (name, "INVALID in the source: pg_dump leaves it out")
        for name, one in source.indexes.items()
        if not one.valid and (copy is None or name not in copy.indexes)
    ]
    found += [
        (name, f"its triggers are {one.enabled} in the source: pg_dump carries the key, not that")
        for name, one in source.constraints.items()
        if one.enabled != "origin"
    ]
    # A dump without subscriptions is the safe one: they hold passwords.
    found += [
        (one.name, "a subscription: left out of the backup")
        for one in source.definitions.values()
        if one.form == "subscription"
    ]
    return tuple(NotVerified(object=name, reason=reason) for name, reason in sorted(found))


def noise(change: Change) -> bool:
    """Tell whether a change is the cluster's own business, or what no dump carries over."""
    if change.action is Action.DROPPED:
        if isinstance(change.old, Index) and not change.old.valid:
            # Where it was not made, it is listed as not verified.
            return True
        return change.kind == "subscription"
    return change.attribute in _NOT_RESTORED.get(change.kind, frozenset())


def same_on_majors(change: Change, majors: tuple[int, int]) -> bool:
    """Tell whether the change is only another major's way to say the same."""
    value: Object | None = change.old if change.old is not None else change.new
    if isinstance(value, Constraint) and value.form == "not null" and NAMED_NOT_NULL.tells_apart(*majors):
        # From 18 on NOT NULL is a constraint with a name; the column's own field is compared anyway.
        return True
    if isinstance(value, Grant):
        # MAINTAIN came with 17; 15 took CREATE on the schema public from PUBLIC.
        maintain = value.privilege == "MAINTAIN" and MAINTAIN.tells_apart(*majors)
        public = value.object == "public" and value.object_kind == "schema" and PUBLIC_CLOSED.tells_apart(*majors)
        return maintain or public
    since = _LATER.get((change.kind, change.attribute or ""))
    if since is not None and since.tells_apart(*majors):
        return change.kind != "schema" or change.object == "public"
    if change.kind == "database":
        # The locale of ICU has a field of its own from 15 on, the rules from 16 on.
        return change.attribute in ("locale", "icu_rules") and not ICU_RULES.known_to(min(majors))
    if change.attribute in _REPRINTED and isinstance(change.before, str) and isinstance(change.after, str):
        return _loose(change.before) == _loose(change.after)
    return False


def _loose(text: str) -> list[str]:
    """Return a definition's words without parentheses and qualifications, which differ between majors."""
    # From 16 on XMLSERIALIZE says that it indents nothing.
    text = _NO_INDENT.sub("", text)
    return [split(word)[-1] if word[0] not in "'$" else word for word in tokens(text) if word not in "();"]


def _tables(source: Snapshot, restored: Snapshot, identity: Identity) -> Iterator[Change]:
    unread = {item.object for item in source.not_verified} | {item.object for item in restored.not_verified}
    for name, ours in source.tables.items():
        if name in source.catalog.views or name in unread or name not in identity.tables:
            continue
        theirs = restored.tables.get(name)
        if theirs is None:
            yield _change("rows", name, "content", ours.rows, None)
        elif ours.rows != theirs.rows:
            yield _change("rows", name, "rows", ours.rows, theirs.rows)
        else:
            yield from _content(name, ours, theirs, unread)
    # What the source's facts say nothing of was not compared, which is no equality.
    for name in restored.tables.keys() - source.tables.keys() - unread - source.catalog.views.keys():
        if name in identity.tables.values():
            yield _change("rows", name, "content", None, restored.tables[name].rows)


def compared(source: Snapshot, restored: Snapshot) -> tuple[TableContent, ...]:
    """Return what the restored database holds of the tables whose content was compared."""
    unread = {item.object for item in (*source.not_verified, *restored.not_verified)}
    names = (source.tables.keys() & restored.tables.keys()) - unread
    return tuple(restored.tables[name] for name in sorted(names))


def _extensions(source: Snapshot, restored: Snapshot) -> Iterator[Change]:
    """Yield how the rows of extensions' tables that a dump carries differ."""
    unread = {item.object for item in (*source.not_verified, *restored.not_verified)}
    for name, content in source.extension_tables.items():
        ours, there = content.configuration, restored.extension_tables.get(name)
        theirs = None if there is None else there.configuration
        if ours is None or name in unread or content.extension not in restored.catalog.extensions:
            continue
        if theirs is None or ours.rows != theirs.rows:
            yield _change("rows", name, "rows", ours.rows, None if theirs is None else theirs.rows)
        elif set(ours.columns) == set(theirs.columns) and ours.key == theirs.key:
            yield from _content(name, ours, theirs, unread)
        # Else the server's version of the extension is another: its columns are its own.


def _content(name: str, ours: TableContent, theirs: TableContent, unread: Collection[str]) -> Iterator[Change]:
    if ours.key != theirs.key or ours.digest != theirs.digest:
        yield _change("rows", name, "content", ours.rows, theirs.rows)
    for column, content in ours.columns.items():
        there = theirs.columns.get(column)
        if there is None:
            yield _change("values", f"{name}.{column}", "content", None, None)
        elif content.nulls != there.nulls:
            yield _change("values", f"{name}.{column}", "nulls", content.nulls, there.nulls)
        elif content != there:
            yield _change("values", f"{name}.{column}", "digest", content.digest, there.digest)
    for column in theirs.columns.keys() - ours.columns.keys():
        if f"{name}.{column}" not in unread:
            yield _change("values", f"{name}.{column}", "content", None, None)


def _sequences(source: Snapshot, restored: Snapshot) -> Iterator[Change]:
    for name, ours in source.sequences.items():
        theirs = restored.sequences.get(name)
        if theirs is None:
            if name in restored.catalog.sequences:
                yield _change("sequence value", name, "value", ours.value, None)
        elif not _between(ours, theirs):
            same = ours.value == theirs.value
            attribute = "is_called" if same else "value"
            values = (ours.is_called, theirs.is_called) if same else (ours.value, theirs.value)
            yield _change("sequence value", name, attribute, *values)
    unread = {item.object for item in (*source.not_verified, *restored.not_verified)}
    for name in restored.sequences.keys() - source.sequences.keys() - unread:
        if name in source.catalog.sequences:
            yield _change("sequence value", name, "value", None, restored.sequences[name].value)


def _between(ours: SequenceValue, theirs: SequenceValue) -> bool:
    if ours.upper is None or ours.upper == ours.value:
        # With two equal readings the first call may still have come between them.
        return ours.value == theirs.value and (ours.is_called == theirs.is_called or ours.upper is not None)
    low, high = sorted((ours.value, ours.upper))
    return low <= theirs.value <= high


def _foreign_keys(source: Snapshot, restored: Snapshot) -> Iterator[Change]:
    for name, ours in source.foreign_keys.items():
        theirs = restored.foreign_keys.get(name)
        if theirs is None:
            if name in restored.catalog.constraints:
                yield _change("foreign key", name, "orphans", ours.orphans, None)
            continue
        for attribute in ("nulls", "orphans"):
            if getattr(ours, attribute) != getattr(theirs, attribute):
                yield _change("foreign key", name, attribute, getattr(ours, attribute), getattr(theirs, attribute))
    unread = {item.object for item in (*source.not_verified, *restored.not_verified)}
    for name in restored.foreign_keys.keys() - source.foreign_keys.keys() - unread:
        if name in source.catalog.constraints:
            yield _change("foreign key", name, "orphans", None, restored.foreign_keys[name].orphans)


def _change(kind: str, name: str, attribute: str, before: Attribute, after: Attribute) -> Change:
    return Change(kind=kind, action=Action.CHANGED, object=name, attribute=attribute, before=before, after=after)


def difference(change: Change) -> str:
    """Say a change between source and copy in one line."""
    if change.action is Action.DROPPED:
        return f"{change.kind} {change.object} is missing"
    if change.action is Action.ADDED:
        return f"{change.kind} {change.object} is not in the source"
    what = f"{change.attribute} of {change.kind} {change.object}"
    return f"{what}: {_short(change.before)} in the source, {_short(change.after)} in the copy"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 200 else text[:200] + "…"

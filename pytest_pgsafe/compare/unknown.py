"""What servers store and pgsafe does not know: told, and never a difference between a source and its copy."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ..catalog.options import is_own
from ..catalog.values import Catalog, Unknown
from ..snapshot.values import NotVerified, Snapshot
from .values import Action, Change

__all__ = ["changed", "of_objects", "of_servers"]

Kind = tuple[str, str]


def of_servers(source: Snapshot, restored: Snapshot, known: Collection[str] = ()) -> tuple[str, ...]:
    """Say what a server stores for itself and the other side has otherwise, each kind of thing in one line.

    A server's own is what has a name that PostgreSQL keeps to itself, and what stands in every object of its kind, on
    either side: nobody set it.

    :param known: names that were told already.
    """
    found = _differing(source, restored)
    return tuple(
        f"{option}: PostgreSQL {version} stores it in {place} options ({len(objects)} of them), which pgsafe does not "
        "know: it is not compared"
        for (place, option), (objects, version, own) in sorted(found.items())
        if own and option not in known
    )


def of_objects(source: Snapshot, restored: Snapshot, known: Collection[str] = ()) -> tuple[NotVerified, ...]:
    """Return what somebody, or something, stored in some objects of the source, and the copy has otherwise."""
    found = _differing(source, restored)
    return tuple(
        NotVerified(
            object=name,
            reason=f"PostgreSQL {version} stores {option} of a {place}, which pgsafe does not know: the copy has it "
            "otherwise",
        )
        for (place, option), (objects, version, own) in sorted(found.items())
        if not own and option not in known
        for name in objects
    )


def changed(before: Catalog, after: Catalog) -> Iterator[Change]:
    """Yield what a migration changed of it in objects that stay; what a server changes by itself is not told."""
    for key in sorted({*before.unknown, *after.unknown}):
        old, new = before.unknown.get(key), after.unknown.get(key)
        one = old if old is not None else new
        assert one is not None
        values = None if old is None else old.value, None if new is None else new.value
        there = all(_has(catalog, one) for catalog in (before, after))
        if there and values[0] != values[1] and not is_own(one.option):
            yield Change(
                kind=one.place, action=Action.CHANGED, object=one.object, attribute=f"option {one.option}",
                before=values[0], after=values[1],
            )  # fmt: skip


def _differing(source: Snapshot, restored: Snapshot) -> Mapping[Kind, tuple[list[str], str, bool]]:
    ours, theirs = source.catalog.unknown, restored.catalog.unknown
    found: dict[Kind, tuple[list[str], str, bool]] = {}
    for key in sorted({*ours, *theirs}):
        old, new = ours.get(key), theirs.get(key)
        one = old if old is not None else new
        assert one is not None
        if old is not None and new is not None and old.value == new.value:
            continue
        version = (source if old is not None else restored).server_version.split()[0]
        kind = one.place, one.option
        own = is_own(one.option) or any(_everywhere(side.catalog, kind) for side in (source, restored))
        found.setdefault(kind, ([], version, own))[0].append(one.object)
    return found


def _everywhere(catalog: Catalog, kind: Kind) -> bool:
    """Tell whether every object of its kind has an option: then nobody set it."""
    place, option = kind
    objects: Mapping[str, Collection[str]] = {
        "column": catalog.columns, "table": catalog.tables, "index": catalog.indexes, "view": catalog.views
    }  # fmt: skip
    there = objects.get(place, ())
    return len(there) > 1 and all(f"{place} {name} {option}" in catalog.unknown for name in there)


def _has(catalog: Catalog, option: Unknown) -> bool:
    return any(
        option.object in objects for objects in (catalog.columns, catalog.tables, catalog.indexes, catalog.views)
    )

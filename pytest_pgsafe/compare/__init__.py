"""Two snapshots in, changes out. Nothing here talks to a server or says what is bad."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..snapshot.values import NotVerified, Snapshot, TableDifference
from . import unknown
from .content import content, differing, differing_extensions, differing_views, same_version
from .extensions import not_restored_with_extensions
from .identity import Identity, match
from .recorded import recorded, sentence
from .restored import not_carried, restored_equals_source
from .structure import ordered, structure
from .values import Action, Change, Comparison

__all__ = [
    "Action",
    "Change",
    "Comparison",
    "Identity",
    "compare",
    "differing",
    "differing_extensions",
    "differing_views",
    "match",
    "not_carried",
    "not_restored_with_extensions",
    "recorded",
    "restored_equals_source",
    "same_version",
    "sentence",
]


def compare(
    before: Snapshot,
    after: Snapshot,
    *,
    cloned: bool,
    differences: Mapping[str, TableDifference],
    views: Mapping[str, TableDifference] | None = None,
    tables: Mapping[str, str] | None = None,
    columns: Mapping[str, str] | None = None,
) -> Comparison:
    """Return everything in which two snapshots differ.

    :param cloned: ``after`` is a physical copy of ``before``.
    :param differences: by the table's name before, for the tables that :func:`differing` named. A table whose digest
        differs and for which there is none is reported as changed all the same.
    :param views: the same for the materialised views that :func:`differing_views` named.
    :param tables: names after by names before, if they are not those that :func:`match` finds.
    :param columns: the same for columns.
    """
    identity = match(before.catalog, after.catalog, cloned=cloned)
    told = {"tables": tables, "columns": columns}
    objects = {**identity.objects, **{name: pairs for name, pairs in told.items() if pairs is not None}}
    identity = replace(identity, objects=objects)
    changes = [
        *structure(before.catalog, after.catalog, identity, cloned=cloned),
        *unknown.changed(before.catalog, after.catalog),
        *content(before, after, identity, differences, views or {}),
    ]
    return Comparison(
        before=before,
        after=after,
        cloned=cloned,
        changes=ordered(changes),
        rows=differences,
        views=views or {},
        tables=identity.tables,
        columns=identity.columns,
        objects=identity.objects,
        not_verified=_not_verified(before, after, identity),
    )


def _not_verified(before: Snapshot, after: Snapshot, identity: Identity) -> tuple[NotVerified, ...]:
    """Return what could not be compared, each object once, by its name before."""
    found = {item.object: item for item in before.not_verified}
    names = {new: old for old, new in identity.tables.items()}
    for item in after.not_verified:
        found.setdefault(names.get(item.object, item.object), item)
    return tuple(sorted(found.values(), key=lambda item: (item.object, item.reason)))

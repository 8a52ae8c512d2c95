"""Changes: neutral differences between two snapshots. Whether one is bad is for the checks to say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from ..catalog.values import Object
from ..snapshot.values import NotVerified, Snapshot, TableDifference

#: What an attribute of a catalog value, or a fact, can be.
Attribute = str | int | float | bool | tuple[str | None, ...] | None


class Action(str, Enum):
    ADDED = "added"
    DROPPED = "dropped"
    CHANGED = "changed"
    RENAMED = "renamed"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One object that was added, dropped, renamed, or changed in one attribute.

    ``kind`` is the object's (``table``, ``column``, …), or for content ``rows``, ``values``, ``sequence value``,
    ``foreign key`` (nulls and orphans) and ``large objects``. A rename has the new name in ``after``; every further
    attribute that differs is a change of its own.
    """

    kind: str
    action: Action
    #: The name on the before side; on the after side for what was added.
    object: str
    #: The field of the value that changed; None for the object as a whole.
    attribute: str | None = None
    before: Attribute = None
    after: Attribute = None
    #: The whole values, for a check that needs more than the attribute.
    old: Object | None = field(default=None, repr=False)
    new: Object | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two snapshots and everything in which they differ."""

    before: Snapshot
    after: Snapshot
    #: Whether ``after`` is a physical clone of ``before``, so that OIDs identify objects.
    cloned: bool
    changes: tuple[Change, ...]
    #: By the table's name before. Only tables whose content differs.
    rows: Mapping[str, TableDifference] = field(default_factory=dict[str, TableDifference])
    #: Names after by names before, of tables and columns (``schema.table.column``) that are on both sides.
    tables: Mapping[str, str] = field(default_factory=dict[str, str])
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    #: The same for every collection of the catalog, by its field's name (``constraints``, ``sequences`` …).
    objects: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    not_verified: tuple[NotVerified, ...] = ()

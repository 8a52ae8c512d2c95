"""Changes: neutral differences between two snapshots. Whether one is bad is for the checks to say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import TypeVar

from ..catalog.values import Column, Constraint, Index, Object
from ..reading.values import Cited
from ..snapshot.values import NotVerified, Snapshot, TableDifference
from .renames import Renames

Key = TypeVar("Key")
Value = TypeVar("Value")

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
    #: The statement that did it, where that can be told.
    statement: Cited | None = None
    #: Whether that statement names the object; None where it cannot be told.
    declared: bool | None = None


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
    #: The same of materialised views, by the view's name before: whole rows of the columns that both sides have.
    views: Mapping[str, TableDifference] = field(default_factory=dict[str, TableDifference])
    #: Names after by names before, of tables and columns (``schema.table.column``) that are on both sides.
    tables: Mapping[str, str] = field(default_factory=dict[str, str])
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    #: The same for every collection of the catalog, by its field's name (``constraints``, ``sequences`` …).
    objects: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    not_verified: tuple[NotVerified, ...] = ()

    # What checks ask for each of thousands of objects is grouped once.

    @cached_property
    def by_kind(self) -> Mapping[tuple[Action, str], tuple[Change, ...]]:
        """The changes by action and kind, in order."""
        return _grouped(self.changes, lambda change: (change.action, change.kind))

    @cached_property
    def by_object(self) -> Mapping[str, tuple[Change, ...]]:
        """The changes by their object's name."""
        return _grouped(self.changes, lambda change: change.object)

    @cached_property
    def indexes_after(self) -> Mapping[str, tuple[Index, ...]]:
        """The indexes of the after side by table."""
        return _grouped(self.after.catalog.indexes.values(), lambda index: index.table)

    @cached_property
    def constraints_after(self) -> Mapping[str, tuple[Constraint, ...]]:
        """The constraints of the after side by table or domain."""
        return _grouped(self.after.catalog.constraints.values(), lambda constraint: constraint.table)

    @cached_property
    def columns_gone(self) -> Mapping[str, frozenset[str]]:
        """Bare names of dropped columns by table."""
        gone = [change.old for change in self.by_kind.get((Action.DROPPED, "column"), ())]
        tables = _grouped((one for one in gone if isinstance(one, Column)), lambda column: column.table)
        return {table: frozenset(column.column for column in found) for table, found in tables.items()}

    @cached_property
    def renames(self) -> Renames:
        """Everything that has another name now."""
        skipped = ("grants", "roles", "definitions")
        return Renames.of(pairs for name, pairs in self.objects.items() if name not in skipped)


def _grouped(values: Iterable[Value], key: Callable[[Value], Key]) -> dict[Key, tuple[Value, ...]]:
    found: dict[Key, list[Value]] = {}
    for value in values:
        found.setdefault(key(value), []).append(value)
    return {name: tuple(several) for name, several in found.items()}

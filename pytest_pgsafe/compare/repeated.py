"""One migration run twice: what differs between any two runs of it, and so says nothing (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..snapshot.values import Snapshot, TableContent
from .content import content
from .identity import match
from .structure import structure
from .values import Change, Comparison

Key = tuple[str, str, str | None]


@dataclass(frozen=True, kw_only=True)
class Varying:
    """What two runs of one migration, each from the same state, do not have in common: now(), random values, uuids."""

    #: Tables whose keys, or whose rows where there is no key, are others each time.
    tables: frozenset[str] = frozenset()
    #: ``schema.table.column``.
    columns: frozenset[str] = frozenset()
    changes: frozenset[Key] = frozenset()

    def explains(self, change: Change) -> bool:
        """Tell whether a change between two runs is one of these."""
        table = change.object if change.kind == "rows" else change.object.rpartition(".")[0]
        if change.kind in {"rows", "values", "foreign key"} and table in self.tables:
            return True
        return (change.kind == "values" and change.object in self.columns) or key(change) in self.changes


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """The migration run again after its way back."""

    #: Why the run failed.
    failed: str | None = None
    #: From a run on a fresh copy to the one after the way back; None where the facts say already that they are equal.
    comparison: Comparison | None = None
    varying: Varying = Varying()
    #: Why what differs cannot be told from what differs each time.
    unclear: str | None = None


def key(change: Change) -> Key:
    """Return what tells a change from others."""
    return change.kind, change.object, change.attribute


def differences(first: Snapshot, second: Snapshot) -> tuple[Change, ...]:
    """Return how the results of two runs differ, by facts alone; where sequences stand does not count."""
    identity = match(first.catalog, second.catalog, cloned=False)
    found = [
        *structure(first.catalog, second.catalog, identity, cloned=False),
        *content(first, second, identity, {}, {}),
    ]
    return tuple(change for change in found if change.kind != "sequence value")


def varying(first: Snapshot, second: Snapshot) -> Varying:
    """Return what differs between the results of two runs from the same state."""
    tables: set[str] = set()
    columns: set[str] = set()
    for name, ours in first.tables.items():
        theirs = second.tables.get(name)
        if theirs is None or ours == theirs:
            continue
        if ours.rows != theirs.rows or ours.key != theirs.key or ours.digest != theirs.digest:
            tables.add(name)
        else:
            columns.update(f"{name}.{column}" for column in _columns(ours, theirs.columns))
    return Varying(
        tables=frozenset(tables),
        columns=frozenset(columns),
        changes=frozenset(key(change) for change in differences(first, second) if change.kind != "rows"),
    )


def _columns(ours: TableContent, theirs: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(column for column, content in ours.columns.items() if content != theirs.get(column))

"""Tables whose policies, rules or triggers are others, or what these run: code decides otherwise about their rows."""

from __future__ import annotations

from collections.abc import Mapping

from ..catalog.names import container
from ..catalog.values import Catalog, Grant, Trigger
from ..compare.values import Action, Change, Comparison
from .reads import Reads

#: Of a table itself it says nothing of what is seen or may be written.
_ASIDE = frozenset({"comment", "tablespace", "options", "statistics_target", "storage", "compression"})
_KINDS = frozenset({"table", "column", "policy", "rule", "trigger", "function", "type", "view", "grant"})


def reached(comparison: Comparison) -> Mapping[str, tuple[str, ...]]:
    """Return what was changed of all that decides about a table, by the names before of such tables (pure)."""
    changed = _changed(comparison)
    if not changed:
        return {}
    old, new = comparison.before.catalog, comparison.after.catalog
    reads, decided = (Reads(old), Reads(new)), (_decided(old), _decided(new))
    found: dict[str, tuple[str, ...]] = {}
    for before, after in sorted(comparison.tables.items()):
        if before in decided[0] or after in decided[1]:
            through = (reads[0].near(before) | reads[1].near(after)) & changed
            if through:
                found[before] = tuple(sorted(through))
    return found


def _changed(comparison: Comparison) -> frozenset[str]:
    """Return what was changed that may decide about rows, by its names before and after."""
    found: set[str] = set()
    for change in comparison.changes:
        if change.kind in _KINDS and change.attribute not in _ASIDE and not _is_new(change):
            found.add(_owner(change))
    names = {old: new for some in comparison.objects.values() for old, new in some.items()}
    return frozenset(found | {names[name] for name in found if name in names})


def _is_new(change: Change) -> bool:
    return change.action is Action.ADDED and change.kind in {"table", "view", "type"}


def _owner(change: Change) -> str:
    """Return the object that a change is of: a column's table, what a grant is on."""
    value = change.old if change.old is not None else change.new
    if isinstance(value, Grant):
        return value.object
    if isinstance(value, Trigger):
        return value.table
    return container(change.object) if change.kind in {"column", "policy", "rule"} else change.object


def _decided(catalog: Catalog) -> frozenset[str]:
    """Return the tables under row security, and those with triggers that fire, or rules."""
    found = {one.table for one in catalog.triggers.values() if one.enabled in {"origin", "always"}}
    found |= {one.table for one in catalog.rules.values()}
    return frozenset(found | {name for name, table in catalog.tables.items() if table.row_security})

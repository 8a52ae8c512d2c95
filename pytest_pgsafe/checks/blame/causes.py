"""How well a statement explains a change: what it says that it does, and what event triggers saw of it (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...catalog.names import bare, container, split, unquoted
from ...compare.values import Action
from ...reading.values import ROWS, Does, Effect
from .subjects import BELOW, EVERY, SCHEMA, Subject, World

#: How well: it names the object; it names its table, or what else the object hangs on.
NAMES, LEADS = 3, 2
#: It changes rows of the same table, or drops by CASCADE without naming what.
MAY = 1
#: The words of changes for the kinds that statements and event triggers name.
_KINDS = {
    "foreign table": "table",
    "materialized view": "view",
    "domain": "type",
    "procedure": "function",
    "routine": "function",
    "aggregate": "function",
    "user": "role",
    "group": "role",
    "table column": "column",
    "table constraint": "constraint",
    "domain constraint": "constraint",
}
#: What ALTER COLUMN says that it alters, by the attributes of a column that can be another for it.
_ALTERED = {
    "type": {"type"},
    "collation": {"type"},
    "not_null": {"not null", "identity"},
    "default": {"default", "type", "expression", "identity"},
    "generated": {"expression"},
    "identity": {"identity"},
    "statistics": {"statistics"},
    "storage": {"storage", "type"},
    "options": {"options"},
}
_ON = re.compile(r"(?s)(?P<name>.*) on (?P<table>.*)")


def words(effect: Effect) -> frozenset[str]:
    """Return the bare names by which an effect is found: nothing else has to be held against it."""
    if effect.kind in {"default privileges", "large objects"}:
        return frozenset({EVERY})
    if (effect.kind in BELOW or effect.kind == "sequence of column") and container(effect.object):
        return frozenset({unquoted(bare(container(effect.object)))})
    found = {unquoted(bare(effect.object))}
    if effect.kind == "schema" or effect.kind.startswith("all "):
        found.add(SCHEMA + effect.object)
    if effect.to is not None:
        found.add(unquoted(effect.to))
    return frozenset(found)


def seen(objects: tuple[str, ...], subject: Subject) -> int:
    """Return how well what event triggers saw explains a change of a definition."""
    if subject.content:
        return 0
    best = 0
    for one in objects:
        kind, name = identity(one)
        if kind == subject.kind and name in subject.names:
            return NAMES
        if kind == "table" and subject.table is not None and name == subject.table:
            best = LEADS
    return best


def identity(object_: str) -> tuple[str, str]:
    """Return kind and name of what an event trigger says: ``trigger x on public.t`` is ``public.t.x``."""
    kinds = [*(kind for kind in _KINDS if object_.startswith(kind + " ")), object_.partition(" ")[0]]
    kind = max(kinds, key=len)
    name = object_[len(kind) + 1 :]
    if kind in {"table constraint", "domain constraint", "trigger", "policy", "rule"} and (on := _ON.fullmatch(name)):
        name = f"{on['table']}.{on['name']}"
    return _KINDS.get(kind, kind), name


def explains(effect: Effect, subject: Subject, world: World) -> int:
    """Return how well an effect explains a change; 0 if it does not."""
    if effect.kind.startswith("temporary "):
        return 0
    if subject.kind == "large objects" or effect.kind == "large objects":
        return NAMES * (subject.kind == effect.kind)
    if subject.kind == "sequence value":
        return max(_sequence(effect, subject, world), default=0)
    if subject.kind == "grant":
        return _grant(effect, subject, world)
    return max((_content if subject.content else _definition)(effect, subject, world), default=0)


def _content(effect: Effect, subject: Subject, world: World) -> Iterator[int]:
    table = subject.table
    if table is None:
        return
    if effect.kind == "column":
        # ALTER COLUMN writes no value but by the type or an expression.
        if subject.kind != "rows" and effect.does is not Does.ALTERS and _is_column(world, effect, subject):
            # A cast seldom gives another value; an UPDATE of that column beside it does, wherever it stands.
            yield LEADS if effect.does is Does.RETYPES and not effect.columns else NAMES
        if effect.does is Does.RENAMES and effect.to in subject.columns and _is(world, table, effect, below=True):
            yield LEADS
    elif effect.kind == "type" and subject.type is not None:
        yield LEADS * world.same(subject.type, effect.object, below=False)
    elif effect.kind in {"table", "foreign table"}:
        if _is(world, table, effect, below=False):
            yield _rows(effect) if subject.kind == "rows" else _values(effect, subject)
        elif effect.does in ROWS and (
            any(world.same(one, effect.object, below=False) for one in world.ancestors(table))
            or world.is_of(effect.object, table)
        ):
            yield LEADS
        elif effect.does in ROWS:
            yield MAY * any(world.same(one, effect.object, below=False) for one in subject.referenced)


def _rows(effect: Effect) -> int:
    if effect.does in {Does.INSERTS, Does.DELETES, Does.MERGES, Does.TRUNCATES}:
        return NAMES
    return LEADS * (effect.does in {Does.UPDATES, Does.DROPS, Does.CREATES})


def _values(effect: Effect, subject: Subject) -> int:
    if effect.does is not Does.UPDATES:
        return LEADS * (effect.does in ROWS or effect.does in {Does.DROPS, Does.RENAMES})
    if not effect.columns:
        return LEADS
    written = {unquoted(column) for column in effect.columns}
    return NAMES if any(unquoted(column) in written for column in subject.columns) else MAY


def _sequence(effect: Effect, subject: Subject, world: World) -> Iterator[int]:
    if effect.kind == "sequence" and any(world.same(name, effect.object, below=False) for name in subject.names):
        yield NAMES
    if effect.kind in {"sequence of column", "column"} and _is_column(world, effect, subject):
        yield LEADS
    if effect.kind not in {"sequence of column", "column"} and subject.table is not None:
        yield LEADS * world.same(subject.table, effect.object, below=False)


def _definition(effect: Effect, subject: Subject, world: World) -> Iterator[int]:
    if effect.does in ROWS or effect.does in {Does.GRANTS, Does.REVOKES} or _alters_another(effect, subject):
        return
    kind, table = _KINDS.get(effect.kind, effect.kind), subject.table
    below = kind in BELOW
    if below and kind == subject.kind and table is not None:
        # What a partition or heir has from its parent.
        names = {bare(name) for name in subject.names}
        inherited = (f"{parent}.{name}" for parent in world.ancestors(table) for name in names)
        yield LEADS * any(world.same(name, effect.object, below=True) for name in inherited)
    named = kind == subject.kind and any(world.same(name, effect.object, below=below) for name in subject.names)
    if named and _fits(effect, subject):
        yield NAMES
    if table is not None:
        if kind in {"table", "constraint", "triggers", "rules"} and _is(world, table, effect, below=False):
            yield LEADS
        if kind == "constraint" and subject.kind == "index" and _is(world, table, effect, below=True):
            yield LEADS
        if kind == "column" and _is_column(world, effect, subject):
            yield LEADS
    if kind == "triggers" and subject.kind == "constraint":
        # Those of foreign keys, which lie on both tables.
        yield LEADS * any(world.same(one, effect.object, below=False) for one in subject.referenced)
    if kind == "schema" and effect.does is Does.DROPS:
        yield LEADS * any(split(name)[0] == effect.object for name in subject.names)


def _alters_another(effect: Effect, subject: Subject) -> bool:
    """Tell whether a statement alters another attribute of a column than the one that changed."""
    if {effect.kind, subject.kind} != {"column"} or effect.does not in {Does.ALTERS, Does.RETYPES}:
        return False
    known = _ALTERED.get(subject.attribute or "")
    return known is not None and effect.attribute is not None and effect.attribute not in known


def _is_column(world: World, effect: Effect, subject: Subject) -> bool:
    return any(world.same(f"{subject.table}.{column}", effect.object, below=True) for column in subject.columns)


def _fits(effect: Effect, subject: Subject) -> bool:
    """Tell whether what a statement does to an object can be what happened to it."""
    if subject.action is Action.ADDED:
        return effect.does in {Does.CREATES, Does.REPLACES, Does.RENAMES}
    if subject.action is Action.DROPPED:
        return effect.does is Does.DROPS
    if subject.action is Action.RENAMED:
        return effect.does is Does.RENAMES
    return True


def _grant(effect: Effect, subject: Subject, world: World) -> int:
    if effect.does not in {Does.GRANTS, Does.REVOKES, Does.ALTERS, Does.DROPS, Does.CREATES}:
        return 0
    given = effect.does in {Does.GRANTS, Does.REVOKES}
    if effect.kind.startswith("all "):
        return LEADS * any(split(name)[0] == effect.object for name in subject.names)
    if effect.kind == "default privileges":
        return LEADS
    for name in subject.names:
        if world.same(name, effect.object, below=False):
            return NAMES if given else LEADS
        if container(name) and world.same(container(name), effect.object, below=False) and given:
            return LEADS
    return 0


def _is(world: World, table: str, effect: Effect, *, below: bool) -> bool:
    """Tell whether an effect is on a table, or on something of it."""
    written = container(effect.object) if below else effect.object
    names = {table, world.comparison.tables.get(table, table)}
    return bool(written) and any(world.same(name, written, below=False) for name in names)

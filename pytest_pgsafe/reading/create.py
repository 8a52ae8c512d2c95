"""CREATE: what is new, what it replaces, and which tables it locks on the way."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from . import queries
from .locks import EXCLUSIVE, SHARE_ROW, SHARE_UPDATE
from .tokens import Words
from .values import Does, Effect, Reading, TableLock, UnreadError, Work

_WITH_DATA = re.compile(r"\s+with\s+(?:no\s+)?data\s*\Z", re.IGNORECASE)
#: What is made without touching anything that is there; what follows the name is of no concern.
_OTHERS = (
    "event trigger", "foreign data wrapper", "text search configuration", "text search dictionary",
    "text search parser", "text search template", "type", "domain", "sequence", "schema", "collation",
    "publication", "role", "user", "group", "database", "server", "aggregate", "conversion", "foreign table",
    "function", "procedure",
)  # fmt: skip
_SAME = {"procedure": "function", "aggregate": "function"}


def create(words: Words) -> Reading:
    """Read CREATE."""
    words.demand("create")
    replaces = words.take("or replace")
    if (phrase := words.one_of(*_BARE)) is not None:
        return _BARE[phrase](words)
    said = words.one_of("global temporary", "local temporary", "global temp", "local temp", "temporary", "temp")
    temporary = said is not None
    words.take("unlogged")
    if words.take("table"):
        return _table(words, temporary=temporary)
    words.take("recursive")
    kind = words.one_of("view", "sequence", *(() if temporary else _OTHERS))
    if kind is None:
        words.fail()
    assert kind is not None
    if kind == "schema":
        return _schema(words)
    return _made(words, kind, replaces=replaces, temporary=temporary)


def _made(words: Words, kind: str, *, replaces: bool, temporary: bool = False) -> Reading:
    """Read the name; the rest is the new object's own and runs nothing."""
    words.take("if not exists")
    name = words.name()
    words.until()
    does = Does.REPLACES if replaces else Does.CREATES
    kind = _SAME.get(kind, kind)
    effects = (Effect(does=does, kind=f"temporary {kind}" if temporary else kind, object=name),)
    locks = (TableLock(relation=name, mode=EXCLUSIVE),) if replaces and kind == "view" else ()
    return Reading(text=words.text, effects=effects, locks=locks)


def _schema(words: Words) -> Reading:
    words.take("if not exists")
    if words.take("authorization"):
        name = words.part()
    else:
        name = words.part()
        if words.take("authorization"):
            words.part()
    if not words.done:
        raise UnreadError("what it creates in the schema is not read")
    return Reading(text=words.text, effects=(Effect(does=Does.CREATES, kind="schema", object=name),))


def _table(words: Words, *, temporary: bool) -> Reading:
    words.take("if not exists")
    name = words.name()
    effects: tuple[Effect, ...] = (
        Effect(does=Does.CREATES, kind="temporary table" if temporary else "table", object=name),
    )
    locks: list[TableLock] = []
    unread: str | None = None
    if words.take("partition of"):
        locks.append(TableLock(relation=words.name(), mode=EXCLUSIVE))
    elif words.peek() == "(":
        inside = Words(words.group())
        while not inside.done:
            if inside.take("references"):
                locks.append(TableLock(relation=inside.name(), mode=SHARE_ROW))
            else:
                inside.value()
        if words.take("inherits"):
            parents = Words(words.group())
            locks += [TableLock(relation=parent, mode=SHARE_UPDATE) for parent in parents.names()]
    query = words.until()
    words.end()
    found = re.search(r"(?is)\bas\s+(?P<query>(?:\(\s*)*(?:select|with|values|table|execute)\b.*)", query)
    if found is not None:
        read = queries.read(_WITH_DATA.sub("", found["query"]))
        unread, effects = read.unread, (*effects, *read.effects)
        locks += read.locks
    return Reading(text=words.text, effects=effects, locks=tuple(dict.fromkeys(locks)), unread=unread)


def _materialized(words: Words) -> Reading:
    words.take("if not exists")
    name = words.name()
    query = re.search(r"(?is)\bas\s+(?P<query>(?:\(\s*)*(?:select|with|values|table)\b.*)", words.until())
    if query is None:
        words.fail()
    assert query is not None
    read = queries.read(_WITH_DATA.sub("", query["query"]))
    effect = Effect(does=Does.CREATES, kind="materialized view", object=name)
    return Reading(text=words.text, effects=(effect, *read.effects), locks=read.locks, unread=read.unread)


def _index(words: Words) -> Reading:
    gentle = words.take("concurrently")
    words.take("if not exists")
    name = words.name() if words.peek() != "on" else None
    words.demand("on")
    words.take("only")
    table = words.name()
    words.until()
    words.end()
    schema = f"{table.rpartition('.')[0]}." if "." in table else ""
    # An index lies in its table's schema.
    effect = Effect(does=Does.CREATES, kind="index", object=table if name is None else f"{schema}{name}")
    mode = SHARE_UPDATE if gentle else "ShareLock"
    lock = TableLock(relation=table, mode=mode, work=Work.SCAN)
    return Reading(text=words.text, effects=() if name is None else (effect,), locks=(lock,))


def _trigger(words: Words) -> Reading:
    name = words.part()
    words.until("on")
    words.demand("on")
    return _on(words, "trigger", name, mode=SHARE_ROW)


def _policy(words: Words) -> Reading:
    name = words.part()
    words.demand("on")
    return _on(words, "policy", name)


def _rule(words: Words) -> Reading:
    name = words.part()
    words.demand("as on")
    words.value()
    words.demand("to")
    table = words.name()
    words.until()
    # What it is written for does something else from now on.
    return Reading(
        text=words.text,
        effects=(
            Effect(does=Does.CREATES, kind="rule", object=f"{table}.{name}"),
            Effect(does=Does.ALTERS, kind="table", object=table, attribute="rules", weakens=True),
        ),
        locks=(TableLock(relation=table, mode=EXCLUSIVE),),
    )


def _on(words: Words, kind: str, name: str, *, mode: str = EXCLUSIVE) -> Reading:
    table = words.name()
    words.until()
    # One that is replaced is another one, too.
    effect = Effect(does=Does.CREATES, kind=kind, object=f"{table}.{name}")
    return Reading(text=words.text, effects=(effect,), locks=(TableLock(relation=table, mode=mode),))


def _statistics(words: Words) -> Reading:
    words.take("if not exists")
    name = words.name() if words.peek() not in {"on", "("} else None
    words.until("from")
    words.demand("from")
    lock = TableLock(relation=words.name(), mode=SHARE_UPDATE)
    effects = () if name is None else (Effect(does=Does.CREATES, kind="statistics", object=name),)
    return Reading(text=words.text, effects=effects, locks=(lock,))


def _extension(_: Words) -> Reading:
    raise UnreadError("its script is not read")


_BARE: Mapping[str, Callable[[Words], Reading]] = {
    "unique index": _index,
    "index": _index,
    "materialized view": _materialized,
    "constraint trigger": _trigger,
    "trigger": _trigger,
    "policy": _policy,
    "rule": _rule,
    "statistics": _statistics,
    "extension": _extension,
}

"""ALTER of anything but tables."""

from __future__ import annotations

from . import table
from .drop import BELOW, KINDS, ROUTINES
from .locks import EXCLUSIVE, SHARE_ROW, SHARE_UPDATE
from .tokens import Words
from .values import Does, Effect, Reading, TableLock, UnreadError, Work


def alter(words: Words) -> Reading:
    """Read ALTER."""
    words.demand("alter")
    if words.take("table"):
        return table.read(words, "table")
    if words.take("foreign table"):
        return table.read(words, "foreign table")
    if words.take("default privileges"):
        said = f" {' '.join(words.until().lower().split())} "
        effect = _effect(
            Does.ALTERS, "default privileges", "default privileges", attribute="privileges",
            weakens=" revoke " in said or " to public " in said,
        )  # fmt: skip
        return Reading(text=words.text, effects=(effect,))
    if words.take("system"):
        words.until()
        effect = _effect(Does.ALTERS, "server", "server", attribute="settings", weakens=True)
        return Reading(text=words.text, effects=(effect,))
    if words.take("sequence"):
        return _sequence(words)
    kind = words.one_of(*KINDS, *ROUTINES, *BELOW)
    if kind is None:
        words.fail()
    assert kind is not None
    words.take("if exists")
    if kind == "index" and words.peek() == "all":
        raise UnreadError("it does not name its indexes")
    name = words.part() if kind in BELOW else words.name()
    if kind in ROUTINES and words.peek() == "(":
        words.group()
    if kind in BELOW:
        words.demand("on")
        name = f"{words.name()}.{name}"
    return _working(words, kind, name) or _altered(words, kind, name)


def _effect(does: Does, kind: str, name: str, **others: object) -> Effect:
    return Effect(does=does, kind=kind, object=name, **others)  # type: ignore[arg-type]


def _working(words: Words, kind: str, name: str) -> Reading | None:
    """Read what reads or rewrites whole relations, though it alters no table; None if that is not what stands there."""
    if kind == "domain" and words.one_of("add", "set not null", "validate constraint"):
        attribute, mode = "definition", "ShareLock"
        # Of every table that has a column of it.
        brief = " ".join(words.until().lower().split()).endswith("not valid")
        work = Work.BRIEF if brief else Work.SCAN
    elif kind == "index" and words.take("set tablespace"):
        words.part()
        words.take("nowait")
        attribute, mode, work = "tablespace", EXCLUSIVE, Work.REWRITE
    else:
        return None
    words.end()
    return Reading(
        text=words.text,
        effects=(_effect(Does.ALTERS, kind, name, attribute=attribute),),
        locks=(TableLock(relation=name, mode=mode, work=work),),
    )


def _altered(words: Words, kind: str, name: str) -> Reading:
    """Read RENAME, SET SCHEMA and what a domain or type loses; anything else alters the object itself."""
    effects: tuple[Effect, ...]
    if words.take("rename to"):
        effects = (_effect(Does.RENAMES, kind, name, to=words.part()),)
    elif words.take("set schema"):
        effects = (_effect(Does.RENAMES, kind, name, to=words.part(), attribute="schema"),)
    elif kind == "domain" and words.take("drop constraint"):
        words.take("if exists")
        effects = (_effect(Does.DROPS, "constraint", f"{name}.{words.part()}"),)
        words.one_of("cascade", "restrict")
    elif kind == "domain" and words.take("drop not null"):
        effects = (_effect(Does.ALTERS, kind, name, attribute="not null", weakens=True),)
    elif kind == "type" and words.peek() == "drop" and words.peek(1) == "attribute":
        words.take("drop attribute")
        words.take("if exists")
        # Its values are gone from every column of the type.
        effects = (_effect(Does.DROPS, "attribute", f"{name}.{words.part()}"),)
        words.one_of("cascade", "restrict")
    elif kind == "type" and words.take("rename value"):
        words.until()
        # Every row that holds the label shows another one.
        effects = (_effect(Does.ALTERS, kind, name, attribute="labels", weakens=True),)
    elif kind == "extension" and words.take("update"):
        raise UnreadError("its script is not read")
    elif kind == "event trigger" or kind in BELOW:
        weakens = words.peek() == "disable"
        words.until()
        effects = (_effect(Does.ALTERS, kind, name, attribute="definition", weakens=weakens),)
    else:
        said = f" {words.until().lower()} "
        rises = kind in {"role", "user"} and " superuser " in said
        attribute = "superuser" if rises else "definition"
        effects = (_effect(Does.ALTERS, "role" if rises else kind, name, attribute=attribute, weakens=rises),)
    words.end()
    locks: tuple[TableLock, ...] = ()
    if kind in {"view", "materialized view"}:
        locks = (TableLock(relation=name, mode=EXCLUSIVE),)
    elif kind == "index":
        locks = (TableLock(relation=name, mode=SHARE_UPDATE),)
    elif kind in BELOW:
        locks = (TableLock(relation=name.rpartition(".")[0], mode=EXCLUSIVE),)
    return Reading(text=words.text, effects=effects, locks=locks)


def _sequence(words: Words) -> Reading:
    words.take("if exists")
    name = words.name()
    if words.peek() in {"rename", "set", "owner"}:
        return _altered(words, "sequence", name)
    said = words.until().lower().split()
    words.end()
    effects = [_effect(Does.ALTERS, "sequence", name, attribute="definition")]
    if "restart" in said:
        effects.append(_effect(Does.SETS, "sequence", name))
    return Reading(text=words.text, effects=tuple(effects), locks=(TableLock(relation=name, mode=SHARE_ROW),))

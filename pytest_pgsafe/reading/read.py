"""Read one statement: by its first word."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from . import queries
from .alter import alter
from .create import create
from .drop import drop, grant, lock, truncate
from .locks import EXCLUSIVE, SHARE_UPDATE
from .script import statements
from .tokens import Words
from .values import Does, Effect, Reading, TableLock, UnreadError, Work

#: Characters; a longer statement, of generated rows most likely, is not read.
LONGEST = 50_000
_QUERIES = {"select", "with", "values", "insert", "update", "delete", "merge", "("}
#: What changes no object and no row.
_NOTHING = {
    "begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release", "set", "reset", "show", "discard",
    "fetch", "move", "close", "listen", "unlisten", "notify", "checkpoint", "deallocate", "table",
}  # fmt: skip
#: Triggers, and with them foreign keys, do not fire any more.
_SILENCES = re.compile(r"(?i)set\s+(?:session\s+|local\s+)?session_replication_role\s*(?:=|to)\s*'?replica")
_REASONS = {
    "do": "a DO block",
    "call": "it calls a procedure, whose body is not read",
    "execute": "it runs a prepared statement",
    "load": "it loads a library",
    "import": "it does not name what it imports",
    "reassign": "it does not name what it reassigns",
    "security": "a security label",
}


@lru_cache(maxsize=4096)
def read(text: str) -> Reading:
    """Read one statement, without comments and semicolon. What cannot be read is said in the reading."""
    text = text.strip().rstrip(";").rstrip()
    try:
        if len(text) > LONGEST:
            raise UnreadError(f"it is longer than {LONGEST:,} characters")
        if sum(1 for _ in statements(text)) > 1:
            raise UnreadError("several statements at once")
        return _read(text)
    except UnreadError as error:
        return Reading(text=text, unread=str(error))


def _read(text: str) -> Reading:
    words = Words(text)
    first = words.peek()
    if first in _QUERIES:
        return queries.read(text)
    if first in _REASONS:
        raise UnreadError(_REASONS[first])
    if first == "set" and _SILENCES.match(text):
        effect = Effect(
            does=Does.ALTERS, kind="session", object="session", attribute="session_replication_role", weakens=True
        )
        return Reading(text=text, effects=(effect,))
    if first in _NOTHING:
        return Reading(text=text)
    if first not in _READERS:
        raise UnreadError("a statement of no known form")
    found = _READERS[first](words)
    words.end()
    return found


def _comment(words: Words) -> Reading:
    words.demand("comment on")
    kind = " ".join(words.until("is").split()).partition(" ")
    words.demand("is")
    words.value()
    words.end()
    effect = Effect(does=Does.ALTERS, kind=kind[0].lower(), object=kind[2], attribute="comment")
    return Reading(text=words.text, effects=(effect,))


def _refresh(words: Words) -> Reading:
    words.demand("refresh materialized view")
    gentle = words.take("concurrently")
    name = words.name()
    emptied = words.one_of("with data", "with no data") == "with no data"
    words.end()
    lock = TableLock(relation=name, mode="ExclusiveLock" if gentle else EXCLUSIVE, work=Work.REWRITE)
    effect = Effect(does=Does.REFRESHES, kind="materialized view", object=name, attribute="content", weakens=emptied)
    return Reading(text=words.text, effects=(effect,), locks=(lock,))


def _cluster(words: Words) -> Reading:
    words.demand("cluster")
    if words.peek() == "(":
        words.group()
    words.take("verbose")
    if words.done:
        raise UnreadError("it does not name its tables")
    name = words.name()
    if words.take("using"):
        words.part()
    words.end()
    return Reading(text=words.text, locks=(TableLock(relation=name, mode=EXCLUSIVE, work=Work.REWRITE),))


def _vacuum(words: Words) -> Reading:
    words.demand("vacuum")
    said = words.group().lower() if words.peek() == "(" else ""
    full = re.search(r"\bfull\b(?!\s+(?:false|off|0))", said) is not None
    while word := words.one_of("full", "freeze", "verbose", "analyze", "analyse"):
        full = full or word == "full"
    if words.done and full:
        raise UnreadError("it does not name its tables")
    return _maintained(words, EXCLUSIVE if full else SHARE_UPDATE, Work.REWRITE if full else Work.SCAN)


def _analyze(words: Words) -> Reading:
    words.value()
    if words.peek() == "(":
        words.group()
    words.take("verbose")
    return _maintained(words, SHARE_UPDATE, Work.SCAN)


def _maintained(words: Words, mode: str, work: Work) -> Reading:
    locks: list[TableLock] = []
    while not words.done:
        words.take("only")
        locks.append(TableLock(relation=words.name(), mode=mode, work=work))
        if words.peek() == "(":
            words.group()
        if not words.done:
            words.demand(",")
    return Reading(text=words.text, locks=tuple(locks))


def _reindex(words: Words) -> Reading:
    words.demand("reindex")
    said = words.group().lower() if words.peek() == "(" else ""
    kind = words.one_of("index", "table", "schema", "database", "system")
    gentle = words.take("concurrently") or "concurrently" in said
    if kind not in {"index", "table"}:
        raise UnreadError("it does not name its tables")
    name = words.name()
    words.end()
    exclusive = EXCLUSIVE if kind == "index" else "ShareLock"
    lock = TableLock(relation=name, mode=SHARE_UPDATE if gentle else exclusive, work=Work.SCAN)
    return Reading(text=words.text, locks=(lock,))


def _copy(words: Words) -> Reading:
    words.demand("copy")
    if words.peek() == "(":
        inside = queries.read(words.group())
        words.demand("to")
        words.until()
        return Reading(text=words.text, effects=inside.effects, locks=inside.locks, unread=inside.unread)
    name = words.name()
    if words.peek() == "(":
        words.group()
    into = words.one_of("from", "to")
    if into is None:
        words.fail()
    where = words.until()
    if where.lower().startswith("program"):
        raise UnreadError("it runs a program")
    effect = Effect(does=Does.INSERTS, kind="table", object=name)
    lock = TableLock(relation=name, mode="RowExclusiveLock")
    return Reading(text=words.text) if into == "to" else Reading(text=words.text, effects=(effect,), locks=(lock,))


def _explain(words: Words) -> Reading:
    words.demand("explain")
    said = words.group().lower() if words.peek() == "(" else ""
    runs = "analy" in said
    while word := words.one_of("analyze", "analyse", "verbose"):
        runs = runs or word != "verbose"
    inner = words.until()
    return _read(inner) if runs else Reading(text=words.text)


def _prepare(words: Words) -> Reading:
    if words.take("prepare transaction"):
        words.value()
        return Reading(text=words.text)
    words.until()
    return Reading(text=words.text)


_READERS: Mapping[str, Callable[[Words], Reading]] = {
    "alter": alter,
    "create": create,
    "drop": drop,
    "truncate": truncate,
    "lock": lock,
    "grant": grant,
    "revoke": grant,
    "comment": _comment,
    "refresh": _refresh,
    "cluster": _cluster,
    "vacuum": _vacuum,
    "analyze": _analyze,
    "analyse": _analyze,
    "reindex": _reindex,
    "copy": _copy,
    "explain": _explain,
    "prepare": _prepare,
    "declare": _prepare,
}

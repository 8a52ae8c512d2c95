"""Read statements and locks out of the records of the server log."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from .derive import Index, derive
from .observe import Relation
from .script import redact, statements
from .values import Lock, Statement

_ENDED = re.compile(
    r"duration: (?P<ms>[\d.]+) ms(?:  (?P<kind>statement|execute|fastpath|parse|bind)(?P<rest>.*))?", re.S
)
_BEGUN = re.compile(r"(?P<kind>statement|execute|fastpath)(?P<rest>[ :].*)", re.S)
_OBSERVED = "pgsafe observed "
#: The inner statement of a DO block or function, as PL/pgSQL tells it.
_INNER = re.compile(r'^SQL statement "(?P<text>.*?)"\nPL/pgSQL', re.S | re.M)
_ERRORS = frozenset({"ERROR", "FATAL", "PANIC"})
_INDEX = frozenset({"i", "I"})
Record = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class _Event:
    """What an event trigger said."""

    content: Mapping[str, Any]
    transaction: str
    time: datetime | None
    inner: str | None


@dataclass(frozen=True, kw_only=True)
class _Message:
    """A statement, or several, that a client sent at once, ended; with the events on the way."""

    statement: Statement
    #: Virtual transaction id after it; None outside of a transaction.
    transaction: str | None
    time: datetime | None
    events: tuple[_Event, ...]


@dataclass
class _Transaction:
    """What one transaction of one session holds, by OID and mode."""

    id: str | None
    locks: dict[tuple[int, str], Lock] = field(default_factory=dict[tuple[int, str], Lock])
    taken: dict[tuple[int, str], datetime | None] = field(default_factory=dict[tuple[int, str], "datetime | None"])
    rewritten: set[int] = field(default_factory=set[int])
    #: Counters of rows scanned, by OID, at the last event.
    counters: dict[int, int] = field(default_factory=dict[int, int])
    #: When it failed, if nothing has come after that.
    failed: datetime | None = None


@dataclass
class _Session:
    """What is known of a session beyond its transactions."""

    #: Every transaction with events begins with counters of 0, but for what ``touched`` has scanned.
    flushed: bool
    #: Relations with a counter that may not be 0.
    counted: set[int] = field(default_factory=set[int])
    #: Texts of statements without events since the last one with events.
    touched: list[str] = field(default_factory=list[str])


def read_trace(
    records: Sequence[Record],
    dbname: str,
    relations: Mapping[int, Relation],
    *,
    secrets: Sequence[str] = (),
    flushed: bool = True,
) -> tuple[tuple[Statement, ...], tuple[Lock, ...]]:
    """Return the statements in the order in which they ended, and strong locks, transaction by transaction.

    :param records: of the server log, with the settings of :class:`~.observe.Observer`.
    :param relations: those that were there before, by OID; locks on others are left out.
    :param secrets: values hidden in the statements.
    :param flushed: the observer made sessions tell their statistics at the end of each transaction (from 15).
    """
    shown: list[Statement] = []
    sessions: dict[object, list[_Message]] = {}
    for session, message in _messages(records, dbname):
        statement = message.statement
        shown.append(replace(statement, text=redact(statement.text, *secrets)))
        sessions.setdefault(session, []).append(message)
    index = Index(relations)
    locks = [lock for messages in sessions.values() for lock in _locks(messages, index, flushed=flushed)]
    return tuple(shown), tuple(replace(lock, statement=redact(lock.statement, *secrets)) for lock in locks)


def _messages(records: Sequence[Record], dbname: str) -> Iterator[tuple[object, _Message]]:
    events: dict[object, list[_Event]] = {}
    #: Statements logged when they began, by session (log_statement): their end names no text.
    begun: dict[object, str] = {}
    for record in records:
        if record.get("dbname") != dbname or record.get("application_name") == "pgsafe":
            continue
        session = record.get("session_id") or record.get("pid")
        message = str(record.get("message") or "")
        if message.startswith(_OBSERVED):
            inner = _INNER.search(str(record.get("context") or ""))
            event = _Event(
                content=json.loads(message[len(_OBSERVED) :]),
                transaction=str(record.get("vxid") or ""),
                time=_time(record),
                inner=inner["text"] if inner else None,
            )
            events.setdefault(session, []).append(event)
            continue
        statement = _statement(record, message, begun, session)
        if statement is not None:
            name = str(record.get("vxid") or "")
            passed = tuple(events.pop(session, ()))
            objects = tuple(dict.fromkeys(one for event in passed for one in event.content.get("objects", ()) if one))
            yield (
                session,
                _Message(
                    statement=replace(statement, objects=objects),
                    # Outside of a transaction the local number is 0: after COMMIT, after a statement on its own.
                    transaction=None if name == "" or name.endswith("/0") else name,
                    time=_time(record),
                    events=passed,
                ),
            )


def _statement(record: Record, message: str, begun: dict[object, str], session: object) -> Statement | None:
    """Read the record of a statement's end; None for any other record."""
    if record.get("error_severity") in _ERRORS:
        failed = record.get("statement") or begun.pop(session, None)
        if failed is None:
            return None
        return Statement(text=str(failed), error=f"{record.get('state_code')}: {message}")
    if found := _ENDED.fullmatch(message):
        if found["kind"] in {"parse", "bind"}:
            return None
        text = _text(found["kind"], found["rest"]) if found["kind"] else begun.pop(session, None)
        return None if text is None else Statement(text=text, duration=float(found["ms"]))
    if found := _BEGUN.fullmatch(message):
        begun[session] = _text(found["kind"], found["rest"])
    return None


def _text(kind: str, rest: str) -> str:
    """Return the text of ``statement: TEXT`` or ``execute NAME: TEXT``."""
    return rest.partition(": ")[2] if kind != "fastpath" else f"fastpath{rest}"


def _time(record: Record) -> datetime | None:
    """Read ``2026-11-22 13:30:00.123 UTC``; only differences are used, so the zone is not."""
    try:
        return datetime.fromisoformat(str(record.get("timestamp"))[:23])
    except ValueError:
        return None


def _locks(messages: Sequence[_Message], index: Index, *, flushed: bool) -> Iterator[Lock]:
    """Follow the transactions of one session."""
    relations = index.relations
    current: _Transaction | None = None
    session = _Session(flushed=flushed)
    for message in messages:
        names = _Names(message.statement.text)
        for transaction, events in groupby(message.events, key=lambda event: event.transaction):
            if current is not None and current.id != transaction:
                yield from _released(current, message.time, relations)
                current = None
            current = current or _Transaction(id=transaction)
            _follow(current, list(events), names, session, relations)
        session.touched = [] if message.events else [*session.touched, message.statement.text]
        if current is not None and message.transaction not in {None, current.id}:
            yield from _released(current, message.time, relations)
            current = None
        if message.statement.error is not None:
            if current is not None:
                current.failed = message.time
            continue
        known = frozenset[tuple[int, str]]() if current is None else current.locks.keys()
        derived = {
            (oid, lock.mode): lock
            for part in names.parts
            for oid, lock in derive(part, index)
            if (oid, lock.mode) not in known
        }
        if message.transaction is None:
            # A statement on its own is over: it held its locks as long as it ran.
            for lock in derived.values():
                yield replace(lock, held=message.statement.duration)
            if current is not None:
                yield from _released(current, message.time, relations)
                current = None
        elif derived or current is not None:
            current = current or _Transaction(id=message.transaction)
            current.failed = None
            current.locks.update(derived)
            current.taken.update(dict.fromkeys(derived, message.time))
    if current is not None:
        yield from _released(current, None, relations)


def _follow(
    transaction: _Transaction,
    events: Sequence[_Event],
    names: _Names,
    session: _Session,
    relations: Mapping[int, Relation],
) -> None:
    """Add what the events of one message tell."""
    starts: list[datetime | None] = []
    transaction.failed = None
    for event in events:
        kind = event.content.get("event")
        if kind == "ddl_command_start":
            starts.append(event.time)
        elif kind == "table_rewrite" and "relation" in event.content:
            transaction.rewritten.add(int(event.content["relation"]))
        elif kind == "ddl_command_end":
            taken = starts.pop() if starts else event.time
            named = names.next(str(event.content.get("tag")))
            statement = named if event.inner is None else event.inner
            shown = sorted(_entries(str(event.content.get("locks", ""))))
            # AccessExclusiveLock is the first by its name too: a weaker one beside it is left out.
            for oid, mode, counter in shown:
                if oid in relations:
                    scanned = _scanned(transaction, session, oid, counter, relations[oid])
                    _take(transaction, (oid, mode), taken, statement, scanned)
            transaction.counters.update({oid: counter for oid, _, counter in shown})
            session.counted |= transaction.counters.keys()


def _scanned(transaction: _Transaction, session: _Session, oid: int, counter: int, relation: Relation) -> int | None:
    """Return how many rows were scanned since the transaction's last event; None where that cannot be told.

    The counter is the session's, from when it last told the statistics system: at the end of a transaction with events
    from 15 on, some time within the next second before.
    """
    if oid in transaction.counters:
        return counter - transaction.counters[oid]
    if counter and not session.flushed and oid in session.counted:
        return None
    bare = relation.name.rpartition(".")[2].strip('"').lower()
    return None if counter and any(bare in text.lower() for text in session.touched) else counter


def _take(
    transaction: _Transaction, key: tuple[int, str], taken: datetime | None, statement: str, scanned: int | None
) -> None:
    """Add a lock that is new; an event shows all that its transaction holds."""
    known = transaction.locks.get(key)
    if known is not None:
        total = None if scanned is None else scanned + (0 if known.scanned is None else known.scanned)
        # Seen now: what the documentation said of an earlier statement was so.
        transaction.locks[key] = replace(known, derived=False, scanned=total)
    elif (key[0], "AccessExclusiveLock") not in transaction.locks:
        # A weaker lock beside the strongest says nothing, and whose it is cannot be told.
        lock = Lock(relation="", mode=key[1], statement=statement, scanned=scanned)
        transaction.locks[key], transaction.taken[key] = lock, taken


def _released(transaction: _Transaction, time: datetime | None, relations: Mapping[int, Relation]) -> Iterator[Lock]:
    end = time if transaction.failed is None else transaction.failed
    for (oid, mode), lock in transaction.locks.items():
        relation = relations[oid]
        # A lock on an index says nothing new when its table is locked as strongly.
        strong = {(relation.table, mode), (relation.table, "AccessExclusiveLock")}
        # One that CONCURRENTLY takes in the end is on an index that nobody uses any more.
        if relation.kind in _INDEX and (strong & transaction.locks.keys() or "CONCURRENTLY" in lock.statement.upper()):
            continue
        taken = transaction.taken.get((oid, mode))
        held = None if taken is None or end is None else (end - taken).total_seconds() * 1000
        rewritten = lock.rewritten or oid in transaction.rewritten
        yield replace(lock, relation=relation.name, held=held, rewritten=rewritten)


class _Names:
    """The statements of a message, given to its events one after the other."""

    def __init__(self, text: str) -> None:
        self.parts = list(statements(text))
        self._text = text.strip()
        self._position = 0

    def next(self, tag: str) -> str:
        """Return the next statement that begins like the command of a tag; the whole message if none does."""
        if len(self.parts) == 1:
            return self.parts[0]
        for number in range(self._position, len(self.parts)):
            words = self.parts[number].upper().split(maxsplit=8)[:8]
            first, *rest = tag.split()
            if words[0] == first and all(word in words for word in rest):
                self._position = number + 1
                return self.parts[number]
        return self._text

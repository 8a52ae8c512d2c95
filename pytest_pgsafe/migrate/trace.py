"""Read statements and locks out of the records of the server log."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby

from ..passwords import redact
from ..reading.script import statements
from . import sampled
from .derive import Index, derive
from .gauge import Gauged
from .messages import Event, Message, Record, messages
from .observe import Relation
from .tables import revisions as revision_tables
from .values import Lock, Statement
from .work import holds_on, reads_whole

#: Statements that reach relations which they do not name.
_REACHES = re.compile(r"(?i)\s*(?:with|insert|update|delete|merge|do|call|execute)\b")
_INDEX = frozenset({"i", "I"})
_TIME = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>us|ms|s|min|h|d|)")
#: Of a time, in milliseconds.
_UNITS = {"us": 0.001, "ms": 1.0, "": 1.0, "s": 1e3, "min": 6e4, "h": 3.6e6, "d": 8.64e7}


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
    #: When the statement that took a lock had ended.
    ended: dict[tuple[int, str], datetime | None] = field(default_factory=dict[tuple[int, str], "datetime | None"])
    #: Statements that ended in it, by their numbers.
    ran: dict[int, Message] = field(default_factory=dict[int, Message])

    def note(self, number: int, message: Message) -> None:
        """Add a statement that ended in it, and how long it waited for what it took."""
        if message.transaction in {None, self.id}:
            self.ran[number] = message
        for key, milliseconds in message.waits.items():
            if key in self.locks:
                self.locks[key] = replace(self.locks[key], waited=milliseconds)


@dataclass
class _Session:
    """What is known of a session beyond its transactions."""

    #: Every transaction with events begins with counters of 0, but for what ``touched`` has scanned.
    flushed: bool
    #: Relations with a counter that may not be 0.
    counted: set[int] = field(default_factory=set[int])
    #: Texts of statements since the last transaction with events.
    touched: list[str] = field(default_factory=list[str])
    #: Those of them without events since the last one with events.
    between: list[str] = field(default_factory=list[str])
    #: The transaction has had events.
    told: bool = False

    def note(self, message: Message) -> None:
        """Add a statement whose events have been followed."""
        text = message.statement.text
        self.between = [] if message.events else [*self.between, text]
        self.told = self.told or bool(message.events)
        if self.told and message.transaction is None:
            self.touched, self.told = [], False
        else:
            self.touched.append(text)


def read_trace(
    records: Sequence[Record],
    dbname: str,
    relations: Mapping[int, Relation],
    *,
    secrets: Sequence[str] = (),
    flushed: bool = True,
    gauge: Gauged | None = None,
) -> tuple[tuple[Statement, ...], tuple[Lock, ...]]:
    """Return the statements in the order in which they ended, and strong locks, transaction by transaction.

    :param records: of the server log, with the settings of :class:`~.observe.Observer`.
    :param relations: those that were there before, by OID; locks on others are left out.
    :param secrets: values hidden in the statements.
    :param gauge: what was seen while it ran.
    :param flushed: the observer made sessions tell their statistics at the end of each transaction (from 15).
    """
    shown: list[Statement] = []
    sessions: dict[object, list[tuple[int, Message]]] = {}
    for number, (session, message) in enumerate(messages(records, dbname)):
        told = replace(message.statement, text=redact(message.statement.text, *secrets))
        shown.append(told)
        sessions.setdefault(session, []).append((number, message))
    index = Index(relations)
    locks = [lock for sent in sessions.values() for lock in _locks(sent, index, flushed=flushed)]
    if gauge is not None:
        locks += sampled.locks(gauge.locks.values(), sessions, locks, relations)
        for at, message in (one for sent in sessions.values() for one in sent):
            if shown[at].wal is None:
                shown[at] = replace(shown[at], wal=sampled.wal(message, gauge.wal))
    return tuple(shown), tuple(_hidden(lock, secrets) for lock in locks)


def _hidden(lock: Lock, secrets: Sequence[str]) -> Lock:
    """Return a lock without secrets in its statements."""
    on = lock.prolonged
    return replace(
        lock,
        statement=redact(lock.statement, *secrets),
        prolonged=None if on is None else replace(on, text=redact(on.text, *secrets)),
    )


def _locks(sent: Sequence[tuple[int, Message]], index: Index, *, flushed: bool) -> Iterator[Lock]:
    """Follow the transactions of one session."""
    relations = index.relations
    current: _Transaction | None = None
    session = _Session(flushed=flushed)
    for number, message in sent:
        names = _Names(message.statement.text, number)
        for transaction, events in groupby(message.events, key=lambda event: event.transaction):
            if current is not None and current.id != transaction:
                yield from _released(current, message.time, relations)
                current = None
            current = current or _Transaction(id=transaction)
            _follow(current, list(events), names, session, relations)
        session.note(message)
        if current is not None:
            current.note(number, message)
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
                held = message.statement.duration
                yield replace(lock, held=held, own=held, number=number)
            if current is not None:
                yield from _released(current, message.time, relations)
                current = None
        elif derived or current is not None:
            current = current or _Transaction(id=message.transaction)
            current.failed = None
            current.locks.update({key: replace(lock, number=number) for key, lock in derived.items()})
            current.taken.update(dict.fromkeys(derived, message.time))
            current.ended.update(dict.fromkeys(derived, message.time))
            current.note(number, message)
    if current is not None:
        yield from _released(current, None, relations)


def _follow(
    transaction: _Transaction,
    events: Sequence[Event],
    names: _Names,
    session: _Session,
    relations: Mapping[int, Relation],
) -> None:
    """Add what the events of one message tell."""
    starts: list[tuple[datetime | None, float | None]] = []
    transaction.failed = None
    for event in events:
        kind = event.content.get("event")
        if kind == "ddl_command_start":
            starts.append((event.time, _milliseconds(str(event.content.get("lock_timeout", "")))))
        elif kind == "table_rewrite" and "relation" in event.content:
            transaction.rewritten.add(int(event.content["relation"]))
        elif kind == "ddl_command_end":
            taken, patience = starts.pop() if starts else (event.time, None)
            named = names.next(str(event.content.get("tag")))
            statement = named if event.inner is None else event.inner
            shown = sorted(_entries(str(event.content.get("locks", ""))))
            # AccessExclusiveLock is the first by its name too: a weaker one beside it is left out.
            for oid, mode, counter in shown:
                if oid in relations:
                    scanned = _scanned(transaction, session, oid, counter, relations[oid])
                    lock = Lock(
                        relation="", mode=mode, statement=statement, scanned=scanned, number=names.number,
                        patience=patience,
                    )  # fmt: skip
                    _take(transaction, oid, taken, lock)
                    transaction.ended.setdefault((oid, mode), event.time)
            transaction.counters.update({oid: counter for oid, _, counter in shown})
            session.counted |= transaction.counters.keys()


def _milliseconds(text: str) -> float | None:
    """Return a time as current_setting prints it; None if it is none."""
    found = _TIME.fullmatch(text)
    return None if found is None else float(found["number"]) * _UNITS[found["unit"]]


def _entries(locks: str) -> Iterator[tuple[int, str, int]]:
    for entry in locks.split():
        oid, mode, counter = entry.split(":")
        yield int(oid), mode, int(counter)


def _scanned(transaction: _Transaction, session: _Session, oid: int, counter: int, relation: Relation) -> int | None:
    """Return how many rows were scanned since the transaction's last event; None where that cannot be told.

    The counter is the session's, from when it last told the statistics system: at the end of a transaction with events
    from 15 on, some time within the next second before. So it counts what statements without events have scanned, too.
    """
    known = transaction.counters.get(oid)
    if known is None and counter and not session.flushed and oid in session.counted:
        return None
    scanned = counter if known is None else counter - known
    bare = relation.name.rpartition(".")[2].strip('"').lower()
    before = session.touched if known is None else session.between
    return None if scanned and any(_may_scan(text.lower(), bare) for text in before) else scanned


def _may_scan(text: str, bare: str) -> bool:
    """Tell whether a statement may have scanned a relation: it names it, or reaches it by a key, a trigger, a function.

    What a tool notes of its revisions reaches nothing.
    """
    return re.search(rf"(?<!\w){re.escape(bare)}(?!\w)", text) is not None or (
        _REACHES.match(text) is not None and not any(name in text for name in revision_tables())
    )


def _take(transaction: _Transaction, oid: int, taken: datetime | None, lock: Lock) -> None:
    """Add a lock that is new; an event shows all that its transaction holds."""
    key = (oid, lock.mode)
    known = transaction.locks.get(key)
    if known is not None:
        total = (
            known.scanned if lock.scanned is None else lock.scanned + (0 if known.scanned is None else known.scanned)
        )
        # Where the rows that were read cannot be told, the statement says whether it reads them.
        reads = bool(lock.scanned) or (lock.scanned is None and reads_whole(lock.statement))
        if reads and lock.scanned is None:
            total = known.scanned or None
        # Seen now: what the documentation said of an earlier statement was so.
        reader = lock.statement if reads and not known.scanned and lock.number != known.number else known.reader
        transaction.locks[key] = replace(known, derived=False, scanned=total, reader=reader)
    elif (oid, "AccessExclusiveLock") not in transaction.locks:
        # A weaker lock beside the strongest says nothing, and whose it is cannot be told.
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
        rewritten = lock.rewritten or oid in transaction.rewritten
        yield replace(
            lock,
            relation=relation.name,
            transaction=transaction.id or "",
            held=_between(taken, end),
            own=_between(taken, transaction.ended.get((oid, mode))),
            rewritten=rewritten,
            prolonged=_longest(transaction, lock.number, transaction.ended.get((oid, mode))),
        )


def _between(earlier: datetime | None, later: datetime | None) -> float | None:
    return None if earlier is None or later is None else (later - earlier) / timedelta(milliseconds=1)


def _longest(transaction: _Transaction, number: int | None, ended: datetime | None) -> Statement | None:
    """Return the statement that took longest of those that came after a lock was taken and work on rows."""
    if number is None:
        return None
    later = [message.statement for at, message in transaction.ran.items() if at > number]
    own = transaction.ran.get(number)
    if own is not None and ended is not None:
        later += [
            Statement(text=plan.text, duration=plan.duration, rows=plan.rows, scanned=plan.scanned, wal=plan.wal)
            for time, plan in own.plans
            # It begins in the millisecond at the earliest in which the other one ended.
            if time is not None and (time - ended) / timedelta(milliseconds=1) >= plan.duration - 1
        ]
    worked = [one for one in later if holds_on(one)]
    return max(worked, key=lambda one: one.duration or 0.0, default=None)


class _Names:
    """The statements of a message, given to its events one after the other."""

    def __init__(self, text: str, number: int) -> None:
        #: Of the message.
        self.number = number
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

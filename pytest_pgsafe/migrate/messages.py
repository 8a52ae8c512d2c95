"""Read from the records of the server log which statements ended, and what event triggers said on the way."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from .plans import Plan, plan_of
from .values import Statement

_ENDED = re.compile(
    r"duration: (?P<ms>[\d.]+) ms(?:  (?P<kind>statement|execute|fastpath|parse|bind)(?P<rest>.*))?", re.S
)
_BEGUN = re.compile(r"(?P<kind>statement|execute|fastpath)(?P<rest>[ :].*)", re.S)
_OBSERVED = "pgsafe observed "
#: The inner statement of a DO block or function, as PL/pgSQL tells it.
_INNER = re.compile(r'^SQL statement "(?P<text>.*?)"\nPL/pgSQL', re.S | re.M)
_TEMPORARY = re.compile(r"temporary file: path .*, size (?P<bytes>\d+)", re.S)
_WAITED = re.compile(
    r"process \d+ acquired (?P<mode>\w+) on relation (?P<relation>\d+) of database \d+ after (?P<ms>[\d.]+) ms"
)
_ERRORS = frozenset({"ERROR", "FATAL", "PANIC"})
#: Something of that name is there: a relation, a column, a schema, another object; of a NOTICE that it was skipped.
_THERE = frozenset({"42P07", "42701", "42P06", "42710"})
Record = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Event:
    """What an event trigger said."""

    content: Mapping[str, Any]
    transaction: str
    time: datetime | None
    inner: str | None


@dataclass(frozen=True, kw_only=True)
class Message:
    """A statement, or several, that a client sent at once, ended; with the events on the way."""

    statement: Statement
    #: Virtual transaction id after it; None outside of a transaction.
    transaction: str | None
    time: datetime | None
    events: tuple[Event, ...]
    #: Milliseconds that it waited, by the OID of the relation and the mode of the lock.
    waits: Mapping[tuple[int, str], float] = field(default_factory=dict[tuple[int, str], float])
    #: What was executed in it, each with the moment of its end.
    plans: tuple[tuple[datetime | None, Plan], ...] = ()


@dataclass
class _Passed:
    """What a session logged since its last statement."""

    events: list[Event] = field(default_factory=list[Event])
    waits: dict[tuple[int, str], float] = field(default_factory=dict[tuple[int, str], float])
    plans: list[tuple[datetime | None, Plan]] = field(default_factory=list["tuple[datetime | None, Plan]"])
    #: Bytes of WAL of DDL; None where it was not told.
    wal: int | None = 0
    temporary: int = 0
    skipped: list[str] = field(default_factory=list[str])
    #: Where the WAL stood when the DDL began that has not ended yet.
    begun: list[int | None] = field(default_factory=list["int | None"])

    def add(self, event: Event) -> None:
        self.events.append(event)
        kind, position = event.content.get("event"), _position(event.content.get("wal"))
        if kind == "ddl_command_start":
            self.begun.append(position)
        elif kind == "ddl_command_end":
            start = self.begun.pop() if self.begun else None
            if self.begun:
                # A part of the command around it.
                return
            told = None if start is None or position is None else position - start
            self.wal = None if self.wal is None or told is None else self.wal + told

    def plan(self, time: datetime | None, plan: Plan) -> None:
        self.plans.append((time, plan))
        if not self.begun and self.wal is not None:
            self.wal += plan.wal


def messages(records: Sequence[Record], dbname: str) -> Iterator[tuple[object, Message]]:
    """Yield the messages of a database's sessions but pgsafe's own, with what tells the session, as they ended."""
    sessions: dict[object, _Passed] = {}
    #: Statements logged when they began, by session (log_statement): their end names no text.
    begun: dict[object, str] = {}
    for record in records:
        if record.get("dbname") != dbname or record.get("application_name") == "pgsafe":
            continue
        session = record.get("session_id") or record.get("pid")
        message = str(record.get("message") or "")
        if message.startswith(_OBSERVED):
            inner = _INNER.search(str(record.get("context") or ""))
            event = Event(
                content=json.loads(message[len(_OBSERVED) :]),
                transaction=str(record.get("vxid") or ""),
                time=_time(record),
                inner=inner["text"] if inner else None,
            )
            sessions.setdefault(session, _Passed()).add(event)
            continue
        if _noted(record, message, sessions.setdefault(session, _Passed())):
            continue
        statement = _statement(record, message, begun, session)
        if statement is not None:
            name = str(record.get("vxid") or "")
            passed = sessions.pop(session, _Passed())
            objects = tuple(
                dict.fromkeys(one for event in passed.events for one in event.content.get("objects", ()) if one)
            )
            told = bool(passed.events or passed.plans)
            yield (
                session,
                Message(
                    statement=replace(
                        statement,
                        objects=objects,
                        session=str(session or ""),
                        skipped=tuple(dict.fromkeys(passed.skipped)),
                        rows=passed.plans[-1][1].rows if passed.plans else None,
                        scanned=sum(plan.scanned for _, plan in passed.plans) if passed.plans else None,
                        wal=passed.wal if told else None,
                        temporary=passed.temporary,
                    ),
                    # Outside of a transaction the local number is 0: after COMMIT, after a statement on its own.
                    transaction=None if name == "" or name.endswith("/0") else name,
                    time=_time(record),
                    events=tuple(passed.events),
                    waits=passed.waits,
                    plans=tuple(passed.plans),
                ),
            )


def _noted(record: Record, message: str, passed: _Passed) -> bool:
    """Add what a record says beside statements and events; tell whether it does."""
    plan = plan_of(message)
    if plan is not None:
        passed.plan(_time(record), plan)
    elif found := _TEMPORARY.match(message):
        passed.temporary += int(found["bytes"])
    elif found := _WAITED.match(message):
        key = int(found["relation"]), found["mode"]
        passed.waits[key] = passed.waits.get(key, 0.0) + float(found["ms"])
    elif record.get("error_severity") == "NOTICE" and record.get("state_code") in _THERE:
        passed.skipped.append(message)
    else:
        return False
    return True


def _position(text: object) -> int | None:
    """Return a position in the WAL (``1/16B3748``) as a number."""
    high, slash, low = str(text or "").partition("/")
    return int(high, 16) << 32 | int(low, 16) if slash else None


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

"""Read from the records of the server log which statements ended, and what event triggers said on the way."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from .values import Statement

_ENDED = re.compile(
    r"duration: (?P<ms>[\d.]+) ms(?:  (?P<kind>statement|execute|fastpath|parse|bind)(?P<rest>.*))?", re.S
)
_BEGUN = re.compile(r"(?P<kind>statement|execute|fastpath)(?P<rest>[ :].*)", re.S)
_OBSERVED = "pgsafe observed "
#: The inner statement of a DO block or function, as PL/pgSQL tells it.
_INNER = re.compile(r'^SQL statement "(?P<text>.*?)"\nPL/pgSQL', re.S | re.M)
_ERRORS = frozenset({"ERROR", "FATAL", "PANIC"})
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


def messages(records: Sequence[Record], dbname: str) -> Iterator[tuple[object, Message]]:
    """Yield the messages of a database's sessions but pgsafe's own, with what tells the session, as they ended."""
    events: dict[object, list[Event]] = {}
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
            events.setdefault(session, []).append(event)
            continue
        statement = _statement(record, message, begun, session)
        if statement is not None:
            name = str(record.get("vxid") or "")
            passed = tuple(events.pop(session, ()))
            objects = tuple(dict.fromkeys(one for event in passed for one in event.content.get("objects", ()) if one))
            yield (
                session,
                Message(
                    statement=replace(statement, objects=objects, session=str(session or "")),
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

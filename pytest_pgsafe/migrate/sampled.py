"""What was seen while a migration ran, beside what the server log says of it: locks inside of functions, and WAL."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from .gauge import Held
from .messages import Message
from .observe import Relation
from .values import Lock

_INDEX = frozenset({"i", "I"})
#: A statement that was shorter is over between two looks: what was written in between is no one's.
_LEAST = timedelta(milliseconds=200)
Sent = Mapping[object, Sequence[tuple[int, Message]]]


def locks(
    held: Iterable[Held], sessions: Sent, known: Sequence[Lock], relations: Mapping[int, Relation]
) -> Iterator[Lock]:
    """Yield the locks that were seen and that no event told of: of TRUNCATE or LOCK inside of a function."""
    by_pid = {pid: sent for session, sent in sessions.items() if (pid := _pid(session)) is not None}
    told = {(lock.transaction, lock.relation, lock.mode) for lock in known}
    alone = {(lock.number, lock.relation) for lock in known}
    for one in held:
        relation = relations.get(one.relation)
        if relation is None or relation.kind in _INDEX:
            continue
        if any((one.transaction, relation.name, mode) in told for mode in (one.mode, "AccessExclusiveLock")):
            continue
        found = _running(by_pid.get(one.pid, ()), one.first)
        if found is not None and (found[0], relation.name) not in alone:
            yield _lock(one, relation.name, *found)


def _lock(held: Held, relation: str, number: int, message: Message) -> Lock:
    ended = held.last if message.time is None else message.time
    # A statement on its own holds what it took until it ends; what a transaction held, it held at least so long.
    until = ended if message.transaction is None else max(held.last, ended)
    return Lock(
        relation=relation,
        mode=held.mode,
        statement=message.statement.text,
        held=(until - held.first).total_seconds() * 1000,
        own=(ended - held.first).total_seconds() * 1000,
        number=number,
        transaction=held.transaction,
    )


def wal(message: Message, points: Sequence[tuple[datetime, int]]) -> int | None:
    """Return how much was written while a statement ran that does not say it itself; None where nobody looked."""
    began = _began(message)
    if began is None or message.time is None or message.time - began < _LEAST or len(points) < 2:
        return None
    one, other = (_at(points, moment) for moment in (began, message.time))
    return None if one is None or other is None else max(other - one, 0)


def _at(points: Sequence[tuple[datetime, int]], moment: datetime) -> int | None:
    """Return the position in the WAL at a moment, as a straight line between two looks has it."""
    at = bisect_left(points, (moment, 0))
    if not 0 < at < len(points):
        return points[0][1] if at == 0 else points[-1][1]
    (before, low), (after, high) = points[at - 1], points[at]
    share = (moment - before) / (after - before) if after > before else 0.0
    return round(low + (high - low) * share)


def _running(sent: Sequence[tuple[int, Message]], moment: datetime) -> tuple[int, Message] | None:
    for number, message in sent:
        began = _began(message)
        if began is not None and message.time is not None and began <= moment <= message.time:
            return number, message
    return None


def _began(message: Message) -> datetime | None:
    duration = message.statement.duration
    if message.time is None or duration is None:
        return None
    # The log cuts its moments to milliseconds.
    return message.time - timedelta(milliseconds=duration + 1)


def _pid(session: object) -> int | None:
    """Return the process of a session of the log: ``START.PID``, both in hexadecimal."""
    _, dot, pid = str(session).partition(".")
    try:
        return int(pid, 16) if dot else int(str(session))
    except ValueError:
        return None

"""Recovery to a moment, into a server of our own, and whether the moment was reached."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from ..errors import RestoreError, ServerError
from ..server.programs import LocalPrograms
from ..server.recovered import RecoveredServer
from . import archive as wal_archive
from . import chain, locate, offered, way
from .base import Base
from .offered import Offer
from .target import Target
from .wal import Lsn
from .way import CURRENT, LATEST, choose

__all__ = ["Recovered", "choose", "recover"]

#: Seconds for a recovery.
WAIT = 3600.0
#: Seconds for the log of a server that answers to be complete.
LOGGED = 10.0
_LAST = re.compile(r"last completed transaction was at log time (?P<time>.+)")
_DONE = re.compile(r"redo done at (?P<lsn>[0-9A-F]+/[0-9A-F]+)")
_STOPPING = re.compile(r"recovery stopping (?P<where>.+)")
#: A record that cannot be read: "incorrect resource manager data checksum in record at 0/3000028".
_UNREADABLE = re.compile(
    r"(?:invalid|incorrect|unexpected|out-of-sequence|contrecord)[^/]* (?:at|address|LSN) (?P<lsn>[0-9A-F]+/[0-9A-F]+)"
)


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """What a recovery reached."""

    target: Target
    base: Path
    #: What PostgreSQL said of where it stopped; None at the end of the archive.
    stopped: str | None
    #: The last transaction that was recovered, by the source's clock; None if there was none after the base backup.
    last_transaction: datetime | None
    #: The last position that was replayed.
    position: Lsn
    #: From the beginning to a server that answers, in seconds.
    seconds: float
    #: The timeline that was followed.
    timeline: int = 1
    #: What else is to be said, each in one line.
    notes: tuple[str, ...] = ()


@contextmanager
def recover(
    bases: Sequence[tuple[Path, Base]],
    folder: Path,
    target: Target,
    programs: LocalPrograms,
    *,
    timeline: str = LATEST,
    wait: float = WAIT,
) -> Generator[tuple[RecoveredServer, Recovered], None, None]:
    """Yield a server of our own that was recovered to a target; afterwards it is gone.

    The newest base backup that ended before the target is taken. Of the archive only copies are read.

    :param bases: of one cluster, oldest first.
    :param folder: the WAL archive.
    :param timeline: to follow: ``latest`` of the archive, ``current`` when the base backup was taken, or a number.
    :param wait: seconds for the recovery.
    :raises ConfigError: no base backup is old enough, or the archive cannot be read.
    :raises RestoreError: the target was not reached: which segment is missing or damaged, and what can be reached.
    """
    archive = wal_archive.read(folder, bases[-1][1].segment_size)
    line = way.follow(archive, bases, target, timeline)
    bases = way.along(bases, line)
    searched = target.kind in {"xid", "name"} and len(bases) > 1
    path, base = bases[0] if searched else way.choose(bases, target)
    begun = time.monotonic()
    with offered.shown(offered.of(archive, base, line)) as shown:
        if searched:
            path, base = locate.choose(bases, shown, line, target, programs)
        offer = offered.walled(offered.of(archive, base, line), shown, programs)
        others = [pair for pair in bases if pair[0] != path and target.after(pair[1])]
        settings = {
            **target.settings(),
            # A timeline that was followed from the beginning may have no history; by its number it would need one.
            "recovery_target_timeline": CURRENT if line.timeline == base.timeline else str(line.timeline),
            "restore_command": offered.restore_command(shown, archive.size),
        }
        with chain.whole(path, base, programs, bases, others=others) as found:
            try:
                server = RecoveredServer.recover(
                    programs,
                    found.data,
                    settings=settings,
                    superuser=base.superuser,
                    wait=wait,
                    take=found.combined,
                )
            except ServerError as error:
                raise _failed(error, target, offer) from error
        try:
            seconds = time.monotonic() - begun
            messages = _log(server)
            recovered = _reached(messages, target, path, base, seconds)
            recovered = replace(recovered, timeline=line.timeline, notes=offer.notes)
            _to_its_end(recovered, offer, messages)
            if target.kind == "lsn" and target.inclusive:
                # PostgreSQL leaves the transaction that ends exactly there out of what it says.
                ended = locate.ended_at(shown, line.at(recovered.position), recovered.position, programs)
                recovered = recovered if ended is None else replace(recovered, last_transaction=ended)
        except BaseException:
            server.close()
            raise
    try:
        yield server, recovered
    finally:
        server.close()


def look(
    server: RecoveredServer, target: Target, path: Path, base: Base, seconds: float
) -> tuple[Recovered, Sequence[str]]:
    """Return what a recovery reached, and what the server said of it.

    :raises RestoreError: there was no recovery, or it ended elsewhere than at its target.
    """
    messages = _log(server)
    return _reached(messages, target, path, base, seconds), messages


def told(error: ServerError) -> list[str]:
    """Return what a server that did not start has said, its structured log as sentences."""
    return [_message(line) for line in (error.message, *error.looked_at)]


def _log(server: RecoveredServer) -> list[str]:
    """Return what the server said of its recovery; its collector writes it a moment after the server answers."""
    until = time.monotonic() + LOGGED
    while True:
        messages = [str(record.get("message", "")) for record in server.log()[0]]
        if any("ready to accept connections" in message for message in messages) or time.monotonic() > until:
            return messages
        time.sleep(0.02)


def _reached(messages: Sequence[str], target: Target, path: Path, base: Base, seconds: float) -> Recovered:
    done = _find(_DONE, messages)
    last = _find(_LAST, messages)
    stopped = _find(_STOPPING, messages)
    if not any("archive recovery complete" in message for message in messages):
        # Without recovery.signal a server starts as after a crash, and asks nobody for a target.
        raise RestoreError("the server started without a recovery", looked_at=messages[-10:])
    if target.kind != "end" and stopped is None:
        raise RestoreError(f"the recovery ended elsewhere than at {target}", looked_at=messages[-10:])
    return Recovered(
        target=target,
        base=path,
        stopped=None if stopped is None else stopped["where"],
        last_transaction=None if last is None else _moment(last["time"]),
        position=base.end_lsn if done is None else Lsn.parse(done["lsn"]),
        seconds=seconds,
    )


def _to_its_end(recovered: Recovered, offer: Offer, messages: Sequence[str]) -> None:
    """Refuse an end that is none: past a gap PostgreSQL opens without a word, with older data."""
    if recovered.target.kind != "end":
        return
    if offer.wall is None and not offer.lost and recovered.position.bytes >= offer.end.bytes:
        return
    why = [str(fault) for fault in offer.faults] if offer.wall is None else [str(offer.wall)]
    raise RestoreError(
        f"the archive goes on to {offer.newest}, and the recovery ended at {recovered.position}",
        looked_at=why or [_next(offer, recovered.position, messages)],
        remedies=[
            *_newest(recovered.last_transaction, recovered.position),
            "find the segment, or take a new base backup now" if offer.wall is None else "take a new base backup now",
        ],
    )


def _failed(error: ServerError, target: Target, offer: Offer) -> RestoreError:
    """Explain a recovery that ended without a server: by the log, and by what is not in the archive."""
    lines = told(error)
    done, last = _find(_DONE, lines), _find(_LAST, lines)
    position = None if done is None else Lsn.parse(done["lsn"])
    named = offer.blocked(position)
    if named is None and position is not None:
        named = _next(offer, position, lines)
    moment = None if last is None else _moment(last["time"])
    return RestoreError(
        f"{target} was not reached" + (f": {named}" if named else ""),
        looked_at=[*[str(fault) for fault in offer.faults], *lines[-12:]],
        remedies=_newest(moment, position) or ["the end of the server's log says why"],
    )


def _next(offer: Offer, position: Lsn, messages: Sequence[str]) -> str:
    """Say what is wrong behind a position at which the replay ended although no segment looked wrong."""
    unreadable = _find(_UNREADABLE, messages)
    # The end of a segment may be left empty: the position alone does not tell in which one the next record is.
    behind = position if unreadable is None else max(position, Lsn.parse(unreadable["lsn"]))
    size = offer.archive.size
    here = offer.line.segment(behind.bytes // size, size)
    if here.number < offer.last.number:
        return f"{here.name(size)}: the record at {behind} is damaged"
    return f"the archive ends with {here.name(size)}; what was written later is not in it"


def _message(line: str) -> str:
    """Return the message of a line of the structured log, and any other line as it is."""
    try:
        record = json.loads(line)
        return f"{record['error_severity']}: {record['message']}"
    except (ValueError, KeyError, TypeError):
        return line


def _newest(moment: datetime | None, position: Lsn | None) -> list[str]:
    """Say what can be had, by its position: that a time was reached, only a later commit shows."""
    if moment is None or position is None:
        return []
    return [f"the newest moment that can be recovered is {moment.isoformat()}: --lsn={position}"]


def _find(pattern: re.Pattern[str], messages: Sequence[str]) -> Mapping[str, str] | None:
    found = [match for message in messages if (match := pattern.search(message))]
    return found[-1].groupdict() if found else None


def _moment(text: str) -> datetime | None:
    """Read a time of the server's log: its time zone is UTC."""
    cleaned = re.match(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d+)?\+00", text.strip())
    if cleaned is None:
        return None
    fraction = (cleaned[2] or ".0")[1:].ljust(6, "0")
    return datetime.fromisoformat(f"{cleaned[1]}.{fraction}").replace(tzinfo=timezone.utc)

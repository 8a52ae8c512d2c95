"""What a recovery reached: told by the server's log and by the archive, and refused where it is not what was asked."""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from ..errors import RestoreError, ServerError
from ..server.connection import connect
from ..server.recovering import Recovering
from . import ending, wal
from .base import Base
from .offered import Offer
from .target import Target
from .wal import Lsn, Segment

#: Seconds for the log of a server that answers to be complete.
LOGGED = 10.0
_LAST = re.compile(r"last completed transaction was at log time (?P<time>.+)")
_DONE = re.compile(r"redo done at (?P<lsn>[0-9A-F]+/[0-9A-F]+)")
_STOPPING = re.compile(r"recovery stopping (?P<where>.+)")
#: Faults that a message names, at most.
SHOWN = 10


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


def look(server: Recovering, target: Target, path: Path, base: Base, seconds: float) -> tuple[Recovered, Sequence[str]]:
    """Return what a recovery reached, and what the server said of it.

    :raises RestoreError: there was no recovery, or it ended elsewhere than at its target.
    """
    messages = _log(server)
    return _reached(messages, target, path, base, seconds), messages


def sentences(error: ServerError) -> list[str]:
    """Return what a server that did not start has said, its structured log as sentences."""
    return [_message(line) for line in (error.message, *error.looked_at)]


def _log(server: Recovering) -> list[str]:
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


def behind(offer: Offer, base: Base) -> None:
    """Refuse an archive that has nothing to do with a base backup: PostgreSQL would open the base backup alone.

    :raises RestoreError: it ended long before, or is another cluster's.
    """
    if offer.segments:
        return
    archive, size = offer.archive, offer.archive.size
    last = max((*archive.segments, *archive.partial))
    header = wal.header(archive.path(last)) if archive.path(last).suffix == "" else None
    if header is not None and header.system != base.system:
        why = f"it is of the cluster {header.system}, not of {base.system}"
    elif last.number < offer.first - 1:
        # The one before is what is there until the server archives the first of the base backup.
        why = f"it ended before the base backup began, in {offer.last.name(size)}"
    else:
        return
    raise RestoreError(
        f"the archive does not lead on from the base backup: {last.name(size)}: {why}",
        looked_at=[str(archive.folder)],
        remedies=["pgsafe pitr check says whether the server archives, and where"],
    )


def to_its_end(server: Recovering, recovered: Recovered, offer: Offer, base: Base, *, messages: Sequence[str]) -> None:
    """Refuse an end that is none: past a gap, or at damage, PostgreSQL opens without a word, with older data.

    :raises RestoreError: which segment is missing or damaged, and what can be had.
    """
    if recovered.target.kind != "end":
        return
    with connect(server.address("template1")) as session:
        # Behind the last record; what the log says is where that begins.
        found = session.execute("select pg_catalog.pg_last_wal_replay_lsn()::text").fetchone()
    end = recovered.position if found is None or found[0] is None else Lsn.parse(found[0])
    why = [str(fault) for fault in offer.faults] if offer.wall is None else [str(offer.wall)]
    if offer.wall is not None or offer.lost or end < offer.end:
        message = f"the archive goes on to {offer.newest}, and the recovery ended at {end}"
        why = why or [_next(offer, end, messages)]
        # The first of them is what has to be found; it may not be the one that the log ends at.
        message += f": {offer.blocked(end) or why[0]}"
    elif wrong := _rest(offer, end, recovered.position):
        message = f"the end of the archive was not reached: {wrong}"
        why = [message for message in messages if ending.unreadable([message])]
    else:
        return
    raise RestoreError(
        message,
        looked_at=why[:SHOWN],
        remedies=[
            *_newest(recovered.last_transaction, recovered.position, base, messages),
            "find the segment, or take a new base backup now" if offer.wall is None else "take a new base backup now",
        ],
    )


def _rest(offer: Offer, end: Lsn, before: Lsn) -> str | None:
    """Say what is wrong behind the last record that was replayed, if it does not end the archive's last segment."""
    archive, last = offer.archive, offer.last
    here = offer.line.segment(end.bytes // archive.size, archive.size)
    # One that was still being received has an end anywhere; of one that is packed the server's page is looked at alone.
    if here != last or offer.begun or last not in archive.segments or archive.path(last).suffix:
        return None
    known = next((fault.why for fault in offer.faults if fault.number == here.number), None)
    wrong = known or ending.rest(archive, here, end, before)
    return None if wrong is None else f"{here.name(archive.size)}: {wrong}"


def failed(error: ServerError, target: Target, offer: Offer, base: Base) -> RestoreError:
    """Explain a recovery that ended without a server: by the log, and by what is not in the archive."""
    lines = sentences(error)
    if not any("FATAL" in line or "PANIC" in line for line in lines):
        # The recovery did not begin, or takes longer: nothing is said of the archive.
        return RestoreError(error.message, looked_at=error.looked_at, remedies=error.remedies)
    if full := [line for line in lines if "No space left on device" in line]:
        return RestoreError(
            f"{target} was not reached: the disk is full",
            looked_at=[*full[:1], tempfile.gettempdir()],
            remedies=["set TMPDIR to a folder with more room"],
        )
    done, last = _find(_DONE, lines), _find(_LAST, lines)
    position = None if done is None else Lsn.parse(done["lsn"])
    named = offer.blocked(position)
    if named is None and position is not None:
        named = _next(offer, position, lines)
    moment = None if last is None else _moment(last["time"])
    return RestoreError(
        f"{target} was not reached" + (f": {named}" if named else ""),
        looked_at=[*[str(fault) for fault in offer.faults][:SHOWN], *lines[-12:]],
        remedies=_newest(moment, position, base, lines) or ["the end of the server's log says why"],
    )


def _next(offer: Offer, position: Lsn, messages: Sequence[str]) -> str:
    """Say what is wrong behind a position at which the replay ended although no segment looked wrong."""
    said = ending.unreadable(messages)
    # The end of a segment may be left empty: the position alone does not tell in which one the next record is.
    behind = position if said is None or said.position is None else max(position, said.position)
    size = offer.archive.size
    here = offer.line.segment(behind.bytes // size, size)
    if said is not None and said.segment is not None:
        here = Segment.parse(said.segment, size) or here
    if here.number < offer.last.number or (said is not None and here == offer.last and not offer.begun):
        return f"{here.name(size)}: the record at {behind} is damaged"
    return f"the archive ends with {here.name(size)}; what was written later is not in it"


def _message(line: str) -> str:
    """Return the message of a line of the structured log, and any other line as it is."""
    try:
        record = json.loads(line)
        return f"{record['error_severity']}: {record['message']}"
    except (ValueError, KeyError, TypeError):
        return line


def _newest(moment: datetime | None, position: Lsn | None, base: Base, messages: Sequence[str]) -> list[str]:
    """Say what can be had, by its position: that a time was reached, only a later commit shows."""
    if position is None:
        return []
    if position >= base.end_lsn:
        when = "what was committed when the base backup ended" if moment is None else moment.isoformat()
        return [f"the newest moment that can be recovered is {when}: --lsn={position}"]
    if any("consistent recovery state reached" in message for message in messages):
        return [f"the newest moment that can be recovered is the base backup's end: --lsn={base.end} --exclusive"]
    return ["nothing can be recovered from this base backup: name an older one"]


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

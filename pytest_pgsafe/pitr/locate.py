"""Where in the WAL a transaction ends or a restore point lies: a time or a position says it by itself, these do not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path

from ..errors import ConfigError, ServerError
from ..server.base import Programs
from ..server.private import private_folder
from .base import Base
from .target import Target
from .timelines import Line
from .wal import Lsn

_AT = re.compile(r"tx:\s+(?P<xid>\d+), lsn: (?P<lsn>[0-9A-F]+/[0-9A-F]+),.*? desc: (?P<what>.*)")
_ENDED = re.compile(r"(?:COMMIT|ABORT)(?:_PREPARED (?P<xid>\d+):| )")
_MOMENT = re.compile(r"(?P<moment>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}) UTC")
_POINT = "RESTORE_POINT "


def choose(
    bases: Sequence[tuple[Path, Base]], folder: Path, line: Line, target: Target, programs: Programs
) -> tuple[Path, Base]:
    """Return the newest base backup that ended before a transaction did, or before a restore point.

    :param bases: of one cluster, oldest first.
    :param folder: with the segments on the way of the timelines that are followed, under their own names.
    :raises ConfigError: the archive does not have it behind any of them.
    """
    end: Lsn | None = None
    for path, base in reversed(bases):
        first = min(_positions(base, end, folder, line, target, programs), default=None)
        # One that lies within a base backup can be had from an older one only.
        if first is not None and first >= base.end_lsn:
            return path, base
        end = None if first is not None else base.end_lsn
    raise ConfigError(
        f"{target} is not in the archive, or ended before the oldest base backup",
        looked_at=[f"WAL from {bases[0][1].start} on"],
        remedies=["a transaction is known by the number of its top level: pg_current_xact_id()"],
    )


def _positions(  # noqa: PLR0917 what it reads, and what it looks for
    base: Base, end: Lsn | None, folder: Path, line: Line, target: Target, programs: Programs
) -> Iterator[Lsn]:
    pieces = line.pieces
    behind = [begin for _, begin in pieces[1:]]
    for (timeline, begin), following in zip(pieces, [*behind, None], strict=True):
        start = max(begin, base.start_lsn)
        until = min((one for one in (following, end) if one is not None), default=None)
        if until is not None and until <= start:
            continue
        arguments = [f"--path={folder}", f"--timeline={timeline}", f"--start={start}"]
        arguments += [] if until is None else [f"--end={until}"]
        arguments += ["--rmgr=XLOG" if target.kind == "name" else "--rmgr=Transaction"]
        with private_folder("wal") as place:
            # At the archive's end, or at a gap, it ends with an error: what lies before is written.
            programs.run("pg_waldump", arguments, stdout=place / "records")
            with (place / "records").open(encoding="utf-8", errors="replace") as file:
                for record in file:
                    if (match := _AT.search(record)) is not None and _is(target, match["xid"], match["what"]):
                        yield Lsn.parse(match["lsn"])


def ended_at(folder: Path, timeline: int, position: Lsn, programs: Programs) -> datetime | None:
    """Return when the transaction ended that ends with the record at a position; None if none does, as far as is known.

    :param timeline: of the position.
    """
    arguments = [f"--path={folder}", f"--timeline={timeline}", f"--start={position}", "--limit=1"]
    try:
        # It prints times in its own time zone.
        line = programs.run("pg_waldump", arguments, environment={"TZ": "UTC"}).stdout
    except ServerError:
        return None
    found = _AT.search(line)
    if found is None or Lsn.parse(found["lsn"]) != position or _ENDED.match(found["what"]) is None:
        return None
    moment = _MOMENT.search(found["what"])
    return None if moment is None else datetime.fromisoformat(moment["moment"]).replace(tzinfo=timezone.utc)


def _is(target: Target, xid: str, what: str) -> bool:
    if target.kind == "name":
        return what == f"{_POINT}{target.value}"
    ended = _ENDED.match(what)
    return ended is not None and (ended["xid"] or xid) == target.value

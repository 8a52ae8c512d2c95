"""Timelines of an archive: which of them a recovery follows, and where each begins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .wal import Lsn, Segment

#: A line of a history: a timeline, and the position up to which it is followed.
_LINE = re.compile(r"\s*(?P<timeline>\d+)\s+(?P<end>[0-9A-Fa-f]+/[0-9A-Fa-f]+)")


@dataclass(frozen=True)
class Line:
    """The timelines that a recovery follows, each with the position at which it begins, the oldest first."""

    pieces: tuple[tuple[int, Lsn], ...] = ((1, Lsn(0)),)
    #: Whether the newest is meant, and not one that was named.
    latest: bool = field(default=True, compare=False)

    @property
    def timeline(self) -> int:
        """The timeline that they lead to."""
        return self.pieces[-1][0]

    def at(self, position: Lsn) -> int:
        """Return the timeline that a position belongs to."""
        return [timeline for timeline, begin in self.pieces if begin <= position or begin == self.pieces[0][1]][-1]

    def segment(self, number: int, size: int) -> Segment:
        """Return the segment of a number: where a timeline begins within it, PostgreSQL reads the younger one's."""
        return Segment(number=number, timeline=self.at(Lsn((number + 1) * size - 1)))

    def holds(self, timeline: int, position: Lsn) -> bool:
        """Tell whether a position of a timeline lies on the way, and not on a branch that was left."""
        ends = [begin for _, begin in self.pieces[1:]]
        return any(
            here == timeline and (end is None or position <= end)
            for (here, _), end in zip(self.pieces, [*ends, None], strict=True)
        )

    def __str__(self) -> str:
        """Return them for people: ``1, 2 from 0/5000148``."""
        return ", ".join(f"{here} from {begin}" if begin.bytes else str(here) for here, begin in self.pieces)

    def begins_in(self, segment: Segment, size: int) -> bool:
        """Tell whether a segment begins with the WAL of an older timeline than its name says."""
        return self.at(segment.start(size)) != segment.timeline


def followed(folder: Path, histories: Sequence[int], timeline: int, *, latest: bool = True) -> Line:
    """Return what PostgreSQL follows from a timeline on with ``recovery_target_timeline = latest``.

    :param folder: of the archive.
    :param histories: timelines whose history is there.
    :param timeline: of the base backup.
    :param latest: False follows the timeline itself to its end, as with its number.
    """
    newest = timeline
    # As PostgreSQL looks for it: one after the other, until there is none.
    while latest and newest + 1 in histories:
        newest += 1
    if newest not in histories:
        return Line(((newest, Lsn(0)),), latest)
    text = (folder / f"{newest:08X}.history").read_text("ascii", "replace")
    pieces: list[tuple[int, Lsn]] = []
    begin = Lsn(0)
    for line in text.splitlines():
        if (match := _LINE.match(line)) is not None:
            pieces.append((int(match["timeline"]), begin))
            begin = Lsn.parse(match["end"])
    return Line((*pieces, (newest, begin)), latest)

"""Names and positions of the write-ahead log (source: PostgreSQL's ``access/xlog_internal.h``)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SEGMENT = re.compile(r"(?P<timeline>[0-9A-F]{8})(?P<log>[0-9A-F]{8})(?P<segment>[0-9A-F]{8})")
_HISTORY = re.compile(r"(?P<timeline>[0-9A-F]{8})\.history")
_LSN = re.compile(r"(?P<high>[0-9A-Fa-f]{1,8})/(?P<low>[0-9A-Fa-f]{1,8})")
#: How the names of files end that tell a timeline's history.
HISTORY = ".history"
#: XLogLongPageHeaderData, in the byte order of the machine that wrote it.
_HEADER = struct.Struct("=HHIQI4xQII")
_LONG_HEADER = 0x0002
#: Bytes before the first record of a segment.
HEADER = _HEADER.size
#: Bytes of the header of each page but a segment's first.
_SHORT_HEADER = 24


@dataclass(frozen=True, order=True)
class Lsn:
    """A position in the WAL, in bytes since the cluster was made."""

    bytes: int

    @classmethod
    def parse(cls, text: str) -> Lsn:
        """Read ``16/B374D848``.

        :raises ValueError: it is none.
        """
        match = _LSN.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no position in the WAL, such as 16/B374D848")
        return cls((int(match["high"], 16) << 32) + int(match["low"], 16))

    def __str__(self) -> str:
        return f"{self.bytes >> 32:X}/{self.bytes & 0xFFFFFFFF:X}"


@dataclass(frozen=True, order=True)
class Segment:
    """A WAL segment: its number counts from the cluster's first byte, whatever the timeline."""

    number: int
    timeline: int

    @classmethod
    def parse(cls, name: str, size: int) -> Segment | None:
        """Read a file's name; None for anything but a segment.

        :param size: of a segment, in bytes.
        """
        match = _SEGMENT.fullmatch(name)
        if match is None:
            return None
        per_log = (1 << 32) // size
        number = int(match["log"], 16) * per_log + int(match["segment"], 16)
        return cls(number=number, timeline=int(match["timeline"], 16))

    @classmethod
    def of(cls, position: Lsn, timeline: int, size: int) -> Segment:
        """Return the segment that holds a position."""
        return cls(number=position.bytes // size, timeline=timeline)

    def name(self, size: int) -> str:
        """Return the file's name."""
        per_log = (1 << 32) // size
        return f"{self.timeline:08X}{self.number // per_log:08X}{self.number % per_log:08X}"

    def start(self, size: int) -> Lsn:
        """Return its first position."""
        return Lsn(self.number * size)


def history_timeline(name: str) -> int | None:
    """Return the timeline whose history a file tells; None for any other file."""
    match = _HISTORY.fullmatch(name)
    return None if match is None else int(match["timeline"], 16)


def history_name(timeline: int) -> str:
    """Return the name of the file that tells a timeline's history."""
    return f"{timeline:08X}{HISTORY}"


@dataclass(frozen=True, kw_only=True)
class Header:
    """What the first page of a segment says of it."""

    timeline: int
    start: Lsn
    system: int
    segment_size: int
    #: Bytes of a page.
    block: int
    #: Bytes of a record that began in the segment before.
    continued: int = 0

    def payload(self, length: int) -> int:
        """Return how many of the segment's first bytes belong to records, and not to the headers of pages."""
        return length - _HEADER.size - length // self.block * _SHORT_HEADER


def header(path: Path) -> Header | None:
    """Read the first page's header; None if it is none of a segment of this machine's byte order."""
    with path.open("rb") as file:
        return parse_header(file.read(_HEADER.size))


def parse_header(data: bytes) -> Header | None:
    """Read a segment's header from its first bytes, as :func:`header`."""
    if len(data) < _HEADER.size:
        return None
    magic, info, timeline, start, continued, system, segment_size, block = _HEADER.unpack(data[: _HEADER.size])
    # The magic begins with D1 or D0 in every release from 8.3 on; blocks are powers of two.
    if magic >> 8 not in {0xD0, 0xD1} or not info & _LONG_HEADER or block not in {1 << n for n in range(10, 17)}:
        return None
    return Header(
        timeline=timeline,
        start=Lsn(start),
        system=system,
        segment_size=segment_size,
        block=block,
        continued=continued,
    )


def pages(path: Path, first: Header) -> Iterator[tuple[Lsn, int]]:
    """Yield the position and the timeline of every page of a segment that was written.

    :param first: of its first page.
    """
    with path.open("rb") as file:
        for number, page in enumerate(iter(lambda: file.read(first.block), b"")):
            magic, _, timeline, start = _HEADER.unpack(page[: _HEADER.size])[:4]
            position = Lsn(first.start.bytes + number * first.block)
            if magic >> 8 in {0xD0, 0xD1} and start == position.bytes:
                yield position, timeline

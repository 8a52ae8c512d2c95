"""Where the WAL of an archive ends, and whether that is its end: PostgreSQL opens at damage as it does at the end."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from . import wal
from .archive import Archive
from .wal import Lsn, Segment

_LSN = re.compile(r"[0-9A-F]+/[0-9A-F]+")
_SEGMENT = re.compile(r"(?:log|WAL) segment (?P<name>[0-9A-F]{24}),")
#: What PostgreSQL says of a record or a page that it cannot read (source: ``xlogreader.c`` of 14 to 18).
_SAID = re.compile(
    r"^(?:\w+: +)?(?:invalid (?:record|contrecord|resource manager|magic|info bits|block_id)|incorrect resource manager"
    r"|record (?:length|with)|there is no contrecord|missing contrecord|contrecord is|unexpected pageaddr"
    r"|out-of-(?:sequence|order)|BKP(?:BLOCK|IMAGE)_|neither BKPIMAGE|could not (?:restore|decompress) image"
    r"|image at|WAL file is from different)"
)
#: XLogRecord: its length, transaction, the record before it, two bytes of kind, a checksum.
_RECORD = struct.Struct("=IIQ")
#: XLogPageHeaderData: magic, flags, timeline, position, bytes of the record that goes on there.
_PAGE = struct.Struct("=HHIQI4x")
_LONG = 40
_CONTINUED = 0x0001


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """What PostgreSQL could not read."""

    segment: str | None
    position: Lsn | None


def unreadable(messages: Sequence[str]) -> Unreadable | None:
    """Return what the last complaint about the WAL is about; None if there is none."""
    said = [message for message in messages if _SAID.match(message)]
    if not said:
        return None
    segment, positions = _SEGMENT.search(said[-1]), _LSN.findall(said[-1])
    # "record with incorrect prev-link A at B", "unexpected pageaddr A in WAL segment S, LSN B": the last is the place.
    known = positions and not (segment is not None and "LSN" not in said[-1])
    return Unreadable(
        segment=None if segment is None else segment["name"], position=Lsn.parse(positions[-1]) if known else None
    )


def rest(archive: Archive, segment: Segment, end: Lsn, before: Lsn) -> str | None:
    """Say what is wrong behind the last record of the last segment that was replayed; None: it was its last record.

    An archived segment ends with a switch to the next one, with a record's last byte, or with the first part of a
    record that the next segment has the rest of.

    :param end: the position behind the record.
    :param before: the record's own position.
    """
    within = end.bytes - segment.start(archive.size).bytes
    if not 0 <= within < archive.size:
        return None
    path = archive.path(segment)
    first = wal.header(path)
    if first is None:
        return "its first page is none of a WAL segment"
    content = path.read_bytes().ljust(archive.size, b"\0")
    place = within
    if place % first.block == 0:
        place += _LONG if place == 0 else _PAGE.size
    length, _, previous = _RECORD.unpack_from(content.ljust(archive.size + _RECORD.size, b"\0"), place)
    if length == 0:
        return f"it is empty from {end} on, and an archived segment never is: it was not finished, or lost its content"
    if place % first.block <= first.block - _RECORD.size and previous != before.bytes:
        return f"the record at {end} is damaged"
    left = length - (first.block - place % first.block)
    for page in range((place // first.block + 1) * first.block, archive.size, first.block):
        _, flags, _, _, remaining = _PAGE.unpack_from(content, page)
        # Either the record ends here, and was not replayed though it is whole, or it does not go on as it says.
        if left <= first.block - _PAGE.size or not flags & _CONTINUED or remaining != left:
            return f"the record at {end} is damaged"
        left -= first.block - _PAGE.size
    return None if left > 0 else f"the record at {end} is damaged"

"""Whether an archive goes on without a gap, from the base backups to its end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from . import archive as wal_archive
from .archive import Archive, Fault
from .base import DATA, Base
from .outcome import Continuity
from .wal import Segment

#: Seconds that the newest segment may take to be copied into the archive.
COPIED = 30.0


def settled(folder: Path, base: Base) -> Archive:
    """List an archive once its newest segment is whole: `cp` of an archive_command may be at work.

    :raises ConfigError: it cannot be read, or holds no segment.
    """
    until = time.monotonic() + COPIED
    while True:
        archive = wal_archive.read(folder, base.segment_size)
        newest = archive.path(archive.segments[-1])
        if newest.stat().st_size == archive.size or time.monotonic() > until:
            return archive
        time.sleep(0.1)


def continuity(archive: Archive, bases: Sequence[tuple[Path, Base]]) -> Continuity:
    """Compare the segments with what recoveries read.

    :param bases: of one cluster, oldest first.
    """
    path, newest = bases[-1]
    first = _first(newest)
    oldest = max(_first(bases[0][1]), archive.segments[0].number)
    found = wal_archive.faults(archive, first=first, system=newest.system)
    older = wal_archive.faults(archive, first=oldest, system=newest.system) if oldest < first else ()
    return Continuity(
        segments=len(archive.segments),
        first=archive.segments[0].name(archive.size),
        last=archive.segments[-1].name(archive.size),
        faults=tuple(fault for fault in found if not _brought(archive, path, fault)),
        older=tuple(fault for fault in older if (_number(fault, archive) or first) < first),
    )


def _first(base: Base) -> int:
    return Segment.of(base.start_lsn, base.timeline, base.segment_size).number


def _number(fault: Fault, archive: Archive) -> int | None:
    segment = Segment.parse(fault.segment, archive.size)
    return None if segment is None else segment.number


def _brought(archive: Archive, path: Path, fault: Fault) -> bool:
    """Tell whether a segment is not archived yet, and comes with the base backup: nothing is missing for that."""
    number = _number(fault, archive)
    later = number is not None and number > archive.segments[-1].number
    return later and (path / DATA / "pg_wal" / fault.segment).is_file()

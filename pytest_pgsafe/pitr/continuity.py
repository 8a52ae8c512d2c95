"""Whether an archive goes on without a gap, from the base backups to its end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from . import archive as wal_archive
from .archive import GZIP, Archive, Fault
from .base import Base, data_of
from .outcome import Continuity
from .wal import Segment

#: Seconds that the newest segment may take to be copied into the archive.
COPIED = 30.0


def settled(folder: Path, base: Base) -> Archive:
    """List what a recovery would read, once the newest segment is whole: an archive_command may be at work.

    :raises ConfigError: it cannot be read, or holds no segment.
    """
    until = time.monotonic() + COPIED
    while True:
        archive = wal_archive.read(folder, base.segment_size).along(base.timeline)
        newest = archive.path(archive.segments[-1])
        if newest.suffix == GZIP or newest.stat().st_size == archive.size or time.monotonic() > until:
            return archive
        time.sleep(0.1)


def continuity(archive: Archive, bases: Sequence[tuple[Path, Base]]) -> Continuity:
    """Compare the segments with what recoveries read.

    :param bases: of one cluster, oldest first.
    """
    path, newest = bases[-1]
    first, oldest = _first(newest), bases[0][1]
    found = wal_archive.faults(archive, first=first, system=newest.system, timeline=newest.timeline)
    begin = max(_first(oldest), archive.segments[0].number)
    older: tuple[Fault, ...] = ()
    if begin < first:
        older = wal_archive.faults(archive, first=begin, system=newest.system, timeline=oldest.timeline)
    return Continuity(
        segments=len(archive.segments),
        first=archive.segments[0].name(archive.size),
        last=archive.segments[-1].name(archive.size),
        faults=tuple(fault for fault in found if not _brought(archive, path, fault)),
        older=tuple(fault for fault in older if fault.number < first),
    )


def _first(base: Base) -> int:
    return Segment.of(base.start_lsn, base.timeline, base.segment_size).number


def _brought(archive: Archive, path: Path, fault: Fault) -> bool:
    """Tell whether a segment is not archived yet, and comes with the base backup: nothing is missing for that."""
    later = fault.number > archive.segments[-1].number
    return later and (data_of(path) / "pg_wal" / fault.segment).is_file()

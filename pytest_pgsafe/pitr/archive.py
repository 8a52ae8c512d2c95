"""A WAL archive in a folder: what is there, what is missing between, and what is not what its name says."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import ConfigError, StorageError
from . import timelines, wal
from .timelines import Line
from .wal import Segment

_PARTIAL = ".pgsafe-partial-"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A segment that recovery cannot read, or cannot find."""

    segment: str
    why: str
    #: Number of the segment, and of the last one of which the same is true.
    number: int
    last: int

    def __str__(self) -> str:
        return f"{self.segment}: {self.why}"


@dataclass(frozen=True, kw_only=True)
class Archive:
    """The segments of an archive, oldest first."""

    folder: Path
    #: Bytes of a segment.
    size: int
    segments: tuple[Segment, ...]
    #: Timelines whose history is there.
    histories: tuple[int, ...]

    def path(self, segment: Segment) -> Path:
        """Return where a segment lies."""
        return self.folder / segment.name(self.size)

    def line(self, timeline: int) -> Line:
        """Return the timelines that a recovery from a base backup of a timeline follows."""
        return timelines.followed(self.folder, self.histories, timeline)

    def along(self, timeline: int) -> Archive:
        """Return the archive as such a recovery sees it: without the segments of other branches.

        :raises ConfigError: none is left.
        """
        line = self.line(timeline)
        kept = tuple(one for one in self.segments if one == line.segment(one.number, self.size))
        if not kept:
            raise ConfigError(
                f"the archive holds no segment of timeline {line.pieces[-1][0]}, which the base backup leads to",
                looked_at=[f"{self.folder}: {self.segments[0].name(self.size)} to {self.segments[-1].name(self.size)}"],
            )
        return replace(self, segments=kept)


def read(folder: Path, size: int = 16 << 20) -> Archive:
    """List an archive.

    :raises ConfigError: there is no such folder, or no segment in it.
    """
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    except OSError as error:
        raise ConfigError(f"the WAL archive cannot be read: {error.strerror}", looked_at=[str(folder)]) from error
    segments = sorted(segment for name in names if (segment := Segment.parse(name, size)) is not None)
    if not segments:
        packed = [name for name in names if Segment.parse(name[:24], size) is not None and name[24:25] == "."]
        raise ConfigError(
            "the folder holds no WAL segment",
            looked_at=[f"{folder}: {len(names)} files", *packed[:3]],
            remedies=[
                "name the folder that archive_command writes to",
                "pgsafe pitr check says whether it does",
                *(["unpack compressed segments before"] if packed else []),
            ],
        )
    histories = tuple(timeline for name in names if (timeline := wal.history_timeline(name)) is not None)
    return Archive(folder=folder, size=size, segments=tuple(segments), histories=histories)


def faults(
    archive: Archive, *, first: int, system: int | None = None, timeline: int | None = None
) -> tuple[Fault, ...]:
    """Return what recovery would stop at, in the order in which it would.

    Sizes and the headers of first pages are looked at: a segment that was cut, renamed, emptied or of another cluster.
    A damaged record further in is found by the recovery itself, whose checksums cover each.

    :param first: number of the segment at which recovery begins.
    :param system: identifier of the cluster; None does not compare it.
    :param timeline: of the base backup; None is that of the first segment.
    """
    size = archive.size
    begun = [segment for segment in archive.segments if segment.number >= first]
    line = archive.line((begun or archive.segments[-1:])[0].timeline if timeline is None else timeline)
    there = [segment for segment in begun if segment == line.segment(segment.number, size)]
    if not there:
        return (Fault(segment=line.segment(first, size).name(size), why="missing", number=first, last=first),)
    found: list[Fault] = []
    awaited = first
    for segment in there:
        if segment.number > awaited:
            name, last = (line.segment(number, size).name(size) for number in (awaited, segment.number - 1))
            why = "missing" if name == last else f"missing, and all up to {last}"
            found.append(Fault(segment=name, why=why, number=awaited, last=segment.number - 1))
        if fault := _fault(archive, segment, line, system):
            number = segment.number
            found.append(Fault(segment=segment.name(size), why=fault, number=number, last=number))
        awaited = segment.number + 1
    return tuple(found)


def _fault(archive: Archive, segment: Segment, line: Line, system: int | None) -> str | None:
    path = archive.path(segment)
    size = path.stat().st_size
    if size != archive.size:
        return f"{size} bytes, and a segment has {archive.size}"
    header = wal.header(path)
    if header is None:
        return "its first page is none of a WAL segment"
    if header.start != segment.start(archive.size):
        return f"it holds the WAL from {header.start} on, not from {segment.start(archive.size)}"
    if system is not None and header.system != system:
        return f"it is of the cluster {header.system}, not of {system}"
    # Where a timeline begins within it, PostgreSQL would replay what the older one went on with, and not notice.
    pages = wal.pages(path, header) if line.begins_in(segment, archive.size) else [(header.start, header.timeline)]
    for position, timeline in pages:
        if timeline != (wanted := line.at(position)):
            return f"from {position} on it holds the WAL of timeline {timeline}, not of {wanted}"
    return None


def store(path: Path, folder: Path, name: str | None = None) -> bool:
    """Put a file of ``pg_wal`` into an archive, for ``archive_command``: whole, on disk, never over another.

    :param name: the file's; None is the path's.
    :return: False if it is there already with the same content.
    :raises StorageError: another file of this name is there; the archive cannot be written.
    """
    target = folder / (name or path.name)
    partial = folder / f".{target.name}{_PARTIAL}{os.getpid()}"
    try:
        if target.exists():
            if _same(path, target):
                # It was archived, and the server ended before it knew; the file has to be on disk all the same.
                _sync([target, folder])
                return False
            raise StorageError(
                f"another {target.name} is in the archive already",
                looked_at=[str(target)],
                remedies=["two clusters may archive to one folder: give each its own"],
            )
        with path.open("rb") as source, partial.open("xb") as copy:
            os.fchmod(copy.fileno(), 0o600)
            shutil.copyfileobj(source, copy, 1 << 20)
            copy.flush()
            os.fsync(copy.fileno())
        if partial.stat().st_size != path.stat().st_size:
            raise StorageError("the copy is shorter than the segment", looked_at=[str(partial)])
        # A link, not a rename: it fails where another archiver came first.
        os.link(partial, target)
        partial.unlink()
        _sync([folder])
    except OSError as error:
        raise StorageError(
            f"the WAL archive cannot be written: {error.strerror or error}", looked_at=[str(target)]
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return True


def _same(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as left, other.open("rb") as right:
        while chunk := left.read(1 << 20):
            if right.read(1 << 20) != chunk:
                return False
    return True


def _sync(paths: Iterable[Path]) -> None:
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

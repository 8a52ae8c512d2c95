"""A WAL archive in a folder: what is there, what is missing between, and what is not what its name says."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import ConfigError
from . import timelines, wal
from .timelines import Line
from .wal import Segment

#: What pg_receivewal, and archive commands, append to the name of a segment that they compress.
COMPRESSED = {".gz": "gzip", ".lz4": "lz4", ".zst": "zstd"}
#: The one that is read all the same.
GZIP = ".gz"
#: Of a segment that is still being received, or was when its timeline was left.
PARTIAL = ".partial"
#: Seconds after which a segment that is too short is none that is being copied.
COPIED = 20.0


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
    #: Complete ones of every timeline; of what a recovery sees, at the end also one that was begun.
    segments: tuple[Segment, ...]
    #: Timelines whose history is there.
    histories: tuple[int, ...]
    #: Begun ones, as pg_receivewal leaves them: only of use where nothing comes after them.
    partial: tuple[Segment, ...] = ()
    #: Names of segments whose files have another one.
    names: Mapping[Segment, str] = field(default_factory=dict[Segment, str])
    #: Files that are compressed in a way that is not read here, by segment.
    unread: Mapping[Segment, str] = field(default_factory=dict[Segment, str])

    def path(self, segment: Segment) -> Path:
        """Return where a segment lies."""
        return self.folder / self.names.get(segment, segment.name(self.size))

    def line(self, timeline: int, *, latest: bool = True) -> Line:
        """Return the timelines that a recovery from a base backup of a timeline follows.

        :param latest: False follows the timeline itself to its end.
        """
        return timelines.followed(self.folder, self.histories, timeline, latest=latest)

    def along(self, timeline: int | Line) -> Archive:
        """Return the archive as such a recovery sees it: without the segments of other branches.

        :raises ConfigError: none is left.
        """
        line = timeline if isinstance(timeline, Line) else self.line(timeline)
        kept = self.on(line)
        if not kept:
            shown = (*self.segments, *self.partial)
            raise ConfigError(
                f"the archive holds no segment of timeline {line.timeline}, which the base backup leads to",
                looked_at=[f"{self.folder}: {shown[0].name(self.size)} to {shown[-1].name(self.size)}"],
            )
        return replace(self, segments=kept)

    def on(self, line: Line) -> tuple[Segment, ...]:
        """Return the segments on the way of a timeline; one that was begun only where it is the last of all."""
        kept = [one for one in self.segments if one == line.segment(one.number, self.size)]
        begun = [one for one in self.partial if one.timeline == line.timeline]
        last = kept[-1].number if kept else -1
        return (*kept, *(one for one in begun[-1:] if one.number > last))


def read(folder: Path, size: int = 16 << 20) -> Archive:
    """List an archive.

    :raises ConfigError: there is no such folder, or no segment in it.
    """
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    except OSError as error:
        raise ConfigError(f"the WAL archive cannot be read: {error.strerror}", looked_at=[str(folder)]) from error
    segments: set[Segment] = set()
    partial: set[Segment] = set()
    named: dict[Segment, str] = {}
    unread: dict[Segment, str] = {}
    # In this order a segment comes before what else has its name.
    for name in names:
        segment, ending = Segment.parse(name[:24], size), name[24:]
        if segment is None or segment in segments:
            continue
        if ending in {"", GZIP}:
            segments.add(segment)
            named |= {segment: name} if ending else {}
        elif ending == PARTIAL and wal.header(folder / name) is not None:
            # One into which nothing was received yet is filled with zeros.
            partial.add(segment)
            named[segment] = name
        elif ending.removesuffix(PARTIAL) in COMPRESSED:
            unread[segment] = name
    if not segments and not partial:
        packed = next(iter(unread.values()), None)
        raise ConfigError(
            "the folder holds no WAL segment" + ("" if packed is None else " but compressed ones"),
            looked_at=[f"{folder}: {len(names)} files"],
            remedies=[
                "name the folder that archive_command writes to",
                "pgsafe pitr check says whether it does",
                *([] if packed is None else [f"unpack copies of them: {_unpacked(packed)}"]),
            ],
        )
    histories = tuple(timeline for name in names if (timeline := wal.history_timeline(name)) is not None)
    return Archive(
        folder=folder,
        size=size,
        segments=tuple(sorted(segments)),
        histories=histories,
        partial=tuple(sorted(partial)),
        names=named,
        unread={segment: name for segment, name in unread.items() if segment not in segments},
    )


def settled(folder: Path, size: int = 16 << 20) -> Archive:
    """List an archive once its newest segment is whole: the server's archive_command may be copying it.

    :raises ConfigError: there is no such folder, or no segment in it.
    """
    while True:
        archive = read(folder, size)
        newest = archive.path(max((*archive.segments, *archive.partial)))
        state = newest.stat()
        if newest.suffix or state.st_size >= size or time.time() - state.st_mtime > COPIED:
            return archive
        time.sleep(0.1)


def faults(
    archive: Archive, *, first: int, system: int | None = None, timeline: int | Line | None = None
) -> tuple[Fault, ...]:
    """Return what recovery would stop at, in the order in which it would.

    Sizes and the headers of first pages are looked at: a segment that was cut, renamed, emptied or of another cluster.
    A damaged record further in is found by the recovery itself, whose checksums cover each.

    :param first: number of the segment at which recovery begins.
    :param system: identifier of the cluster; None does not compare it.
    :param timeline: of the base backup, or those that are followed; None is that of the first segment.
    """
    size = archive.size
    line = timeline if isinstance(timeline, Line) else _line(archive, first, timeline)
    there = [segment for segment in archive.on(line) if segment.number >= first]
    if not there:
        name, why = line.segment(first, size).name(size), _missing(archive, line, first)
        return (Fault(segment=name, why=why, number=first, last=first), *_lost(archive, line, first))
    found: list[Fault] = []
    awaited = first
    for segment in there:
        if segment.number > awaited:
            name, last = (line.segment(number, size).name(size) for number in (awaited, segment.number - 1))
            why = _missing(archive, line, awaited) if name == last else f"missing, and all up to {last}"
            found.append(Fault(segment=name, why=why, number=awaited, last=segment.number - 1))
        if fault := _fault(archive, segment, line, system):
            number = segment.number
            found.append(Fault(segment=segment.name(size), why=fault, number=number, last=number))
        awaited = segment.number + 1
    return (*found, *_lost(archive, line, first))


def _line(archive: Archive, first: int, timeline: int | None) -> Line:
    begun = [segment for segment in (*archive.segments, *archive.partial) if segment.number >= first]
    return archive.line(
        (begun or archive.segments[-1:] or archive.partial)[0].timeline if timeline is None else timeline
    )


def _lost(archive: Archive, line: Line, first: int) -> tuple[Fault, ...]:
    """Return the fault of a newer timeline that is there, and whose history is missing: it cannot be followed."""
    later = [one for one in archive.segments if one.timeline > line.timeline and one.number >= first]
    if not line.latest or not later or later[0].timeline in archive.histories:
        return ()
    name = wal.history_name(later[0].timeline)
    why = f"missing, and with it {later[0].name(archive.size)} and what follows"
    return (Fault(segment=name, why=why, number=later[0].number, last=later[-1].number),)


def _missing(archive: Archive, line: Line, number: int) -> str:
    name = archive.unread.get(line.segment(number, archive.size))
    return "missing" if name is None else f"compressed as {name}: {_unpacked(name)}"


def _unpacked(name: str) -> str:
    return f"{COMPRESSED[Path(name.removesuffix(PARTIAL)).suffix]} -d {name}"


def _fault(archive: Archive, segment: Segment, line: Line, system: int | None) -> str | None:
    path = archive.path(segment)
    size, header = _of_gzip(path) if path.suffix == GZIP else (path.stat().st_size, wal.header(path))
    if size != archive.size:
        return f"{size} bytes, and a segment has {archive.size}"
    if header is None:
        return "its first page is none of a WAL segment"
    if header.start != segment.start(archive.size):
        return f"it holds the WAL from {header.start} on, not from {segment.start(archive.size)}"
    if system is not None and header.system != system:
        return f"it is of the cluster {header.system}, not of {system}"
    # Where a timeline begins within it, PostgreSQL would replay what the older one went on with, and not notice.
    all_pages = line.begins_in(segment, archive.size) and path.suffix != GZIP
    pages = wal.pages(path, header) if all_pages else [(header.start, header.timeline)]
    for position, timeline in pages:
        if timeline != (wanted := line.at(position)):
            return f"from {position} on it holds the WAL of timeline {timeline}, not of {wanted}"
    return None


def _of_gzip(path: Path) -> tuple[int, wal.Header | None]:
    """Return the size of what is compressed, as the file's last bytes have it, and the first page's header."""
    import gzip

    try:
        with path.open("rb") as file:
            file.seek(-4, os.SEEK_END)
            size = int.from_bytes(file.read(4), "little")
        with gzip.open(path, "rb") as content:
            return size, wal.parse_header(content.read(64))
    except (OSError, EOFError):
        return 0, None

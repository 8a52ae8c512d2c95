"""What of an archive a recovery is given: the whole segments on its way, and none that would lead it out of its folder.

PostgreSQL asks for segments by name, and takes the older timeline's where the newer one's is missing. So it sees a
folder with links to exactly those that it may read, not the archive.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import ConfigError
from ..server.base import Programs
from ..server.private import private_folder
from ..server.user import ServerUser, may, server_user
from . import archive as wal_archive
from . import wal
from .archive import GZIP, Archive, Fault
from .base import Base
from .timelines import Line
from .wal import Lsn, Segment

#: A tablespace that is created: its folder is the source's.
_CREATED = re.compile(r'lsn: (?P<lsn>[0-9A-F]+/[0-9A-F]+),.*desc: CREATE \d+ "(?P<place>/.*)"')


@dataclass(frozen=True, kw_only=True)
class Wall:
    """A position that no recovery passes: behind it a tablespace is created where the source has it."""

    position: Lsn
    place: str

    def __str__(self) -> str:
        return f"at {self.position} a tablespace is created in {self.place}"


@dataclass(frozen=True, kw_only=True)
class Offer:
    """The part of an archive that a recovery reads."""

    archive: Archive
    line: Line
    #: Number of the segment in which the recovery begins.
    first: int
    #: On its way, oldest first; it may be none.
    segments: tuple[Segment, ...]
    faults: tuple[Fault, ...]
    wall: Wall | None = None

    @property
    def last(self) -> Segment:
        """The newest segment on its way; where there is none, the one in which it begins."""
        return self.segments[-1] if self.segments else self.line.segment(self.first, self.archive.size)

    @property
    def begun(self) -> bool:
        """Whether the newest segment is one that was still being received."""
        return self.last in self.archive.partial

    @property
    def lost(self) -> bool:
        """Whether the archive goes on with a timeline that cannot be followed."""
        return any(fault.segment.endswith(wal.HISTORY) for fault in self.faults)

    @property
    def newest(self) -> str:
        """The name of the newest segment, also of one that cannot be followed to."""
        size = self.archive.size
        return max(self.archive.segments, default=self.last).name(size) if self.lost else self.last.name(size)

    @property
    def end(self) -> Lsn:
        """The position that a replay to the end has to come to: a record in the last segment."""
        start, size = self.last.start(self.archive.size), self.archive.size
        if self.begun:
            # All that was received of it may be the rest of a record that began before, and of that not all.
            content = self.archive.path(self.last).read_bytes().rstrip(b"\0")
            header = wal.parse_header(content)
            if header is not None and header.continued >= header.payload(len(content)):
                return Lsn(start.bytes - size)
        return start

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of it beside what was reached."""
        said: list[str] = []
        if self.begun:
            said.append(f"{self.archive.names[self.last]} is the last segment: it was still being received")
        newer = [name for segment, name in sorted(self.archive.unread.items()) if segment.number > self.last.number]
        if newer:
            said.append(f"{newer[0]} is compressed and was not read")
        return tuple(said)

    def blocked(self, position: Lsn | None) -> str | None:
        """Say what a replay cannot pass that came to a position; None if nothing is known of.

        :param position: None where nothing was replayed.
        """
        number = self.first if position is None else position.bytes // self.archive.size
        fault = next((one for one in self.faults if one.last >= number), None)
        if self.wall is not None and (fault is None or fault.number > self.wall.position.bytes // self.archive.size):
            return str(self.wall)
        return None if fault is None else str(fault)


def of(archive: Archive, base: Base, line: Line) -> Offer:
    """Return what a recovery from a base backup reads."""
    number = base.start_lsn.bytes // archive.size
    return Offer(
        archive=archive,
        line=line,
        first=number,
        segments=tuple(segment for segment in archive.on(line) if segment.number >= number),
        faults=wal_archive.faults(archive, first=number, system=base.system, timeline=line),
    )


@contextmanager
def shown(offer: Offer) -> Generator[Path, None, None]:
    """Yield a folder in which the server's user finds what is offered, each segment under its own name.

    :raises ConfigError: there is no room for what has to be copied.
    """
    user = server_user()
    with private_folder("wal") as place:
        size = offer.archive.size
        bad = {fault.segment for fault in offer.faults}
        whole = [segment for segment in offer.segments if segment.name(size) not in bad]
        _room(offer.archive, whole, place)
        closed = user is not None and not may(user, [("-x", offer.archive.folder)])
        for segment in whole:
            _show(offer.archive.path(segment), place / segment.name(size), user, closed=closed)
        for timeline in offer.archive.histories:
            name = wal.history_name(timeline)
            _show(offer.archive.folder / name, place / name, user, closed=closed)
        if user is not None:
            os.chown(place, user.uid, user.gid)
        yield place


def walled(offer: Offer, place: Path, programs: Programs) -> Offer:
    """Return an offer with its wall, behind which nothing is shown any more.

    :param place: where it is shown.
    """
    size = offer.archive.size
    wall = _wall(
        place, [segment for segment in offer.segments if (place / segment.name(size)).exists()], size, programs
    )
    if wall is not None:
        _cut(place, offer, wall)
    return replace(offer, wall=wall)


def restore_command(folder: Path, size: int) -> str:
    """Return a command that gives no segment of a wrong size: at one PostgreSQL ends at once, and tells nothing more.

    It puts the names in, and never asks for one that a shell would read otherwise. A file that is there and cannot be
    copied is no end of the archive: above 125 PostgreSQL ends.
    """
    file = f"{shlex.quote(str(folder)).replace('%', '%%')}/%f"
    whole = f'test "$(wc -c < {file})" -eq {size}'
    return f"test -e {file} || exit 1; case %f in *.history) ;; *) {whole} || exit 1;; esac; cp {file} %p || exit 255"


def _show(path: Path, shown_as: Path, user: ServerUser | None, *, closed: bool) -> None:
    if path.suffix == GZIP:
        import gzip

        try:
            with gzip.open(path, "rb") as source, shown_as.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
        except (OSError, EOFError):
            # Damaged: PostgreSQL is not given it, and the recovery ends before it.
            shown_as.unlink(missing_ok=True)
            return
    elif closed or (user is not None and not _readable(path, user)):
        shutil.copyfile(path, shown_as)
    else:
        shown_as.symlink_to(path)
        return
    if user is not None:
        os.chown(shown_as, user.uid, user.gid)


def _readable(path: Path, user: ServerUser) -> bool:
    state = path.stat()
    if state.st_uid == user.uid:
        return bool(state.st_mode & stat.S_IRUSR)
    return bool(state.st_mode & (stat.S_IRGRP if state.st_gid == user.gid else stat.S_IROTH))


def _room(archive: Archive, segments: Sequence[Segment], place: Path) -> None:
    wanted = archive.size * sum(archive.path(segment).suffix == GZIP for segment in segments)
    free = shutil.disk_usage(place).free
    if wanted > free:
        raise ConfigError(
            f"there is no room to decompress the archive: {wanted >> 20} MB, and {free >> 20} MB are free",
            looked_at=[str(place.parent)],
            remedies=["set TMPDIR to a folder with more room", "name an archive that begins with a newer base backup"],
        )


def _wall(place: Path, segments: Sequence[Segment], size: int, programs: Programs) -> Wall | None:
    """Return the first position from which on a replay would write to the source's folders."""
    for run in _runs(segments):
        arguments = [f"--path={place}", f"--timeline={run[0].timeline}", "--rmgr=Tablespace"]
        arguments += [f"--start={run[0].start(size)}", f"--end={Lsn((run[-1].number + 1) * size)}"]
        # It ends with an error where the WAL ends, as it does in a segment that was begun; so does the replay.
        done = programs.run("pg_waldump", arguments, files=[place])
        for line in done.stdout.splitlines():
            if found := _CREATED.search(line):
                return Wall(position=Lsn.parse(found["lsn"]), place=found["place"])
    return None


def _runs(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Group segments that follow each other on one timeline."""
    runs: list[list[Segment]] = []
    for segment in segments:
        before = runs[-1][-1] if runs else None
        if before is not None and before.timeline == segment.timeline and before.number + 1 == segment.number:
            runs[-1].append(segment)
        else:
            runs.append([segment])
    return runs


def _cut(place: Path, offer: Offer, wall: Wall) -> None:
    """Take away what lies behind a wall: of its segment the rest, and all that follow."""
    size = offer.archive.size
    number = wall.position.bytes // size
    for segment in offer.segments:
        path = place / segment.name(size)
        if segment.number > number:
            path.unlink(missing_ok=True)
        elif segment.number == number:
            content = path.read_bytes()
            path.unlink()
            path.write_bytes(content[: wall.position.bytes % size].ljust(size, b"\0"))
            if (user := server_user()) is not None:
                os.chown(path, user.uid, user.gid)

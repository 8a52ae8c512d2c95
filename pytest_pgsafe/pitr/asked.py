"""What the source's own server says of the archive: a quiet night is no failure, and silence is no proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from psycopg.rows import class_row

from ..server.address import Address
from ..server.connection import Connection, connect
from .archive import Archive
from .base import Base
from .wal import HEADER, Lsn, Segment


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Where a server's WAL stands."""

    at: datetime
    system: int
    standby: bool
    #: None on a standby; so is the segment.
    position: str | None
    segment: str | None
    archive_mode: str
    #: Seconds; 0 is none.
    archive_timeout: int
    last_archived_wal: str | None
    #: What could not be archived, and was not since.
    failing_wal: str | None

    def disbelieved(self, base: Base, archive: Archive) -> str | None:
        """Return why it cannot speak for the archive; None if it can.

        A copy of the cluster has its identifier too, and a standby does not know what its primary committed.
        """
        if self.system != base.system:
            return f"[source] dsn is another cluster ({self.system}, not {base.system})"
        if self.standby or self.segment is None or self.position is None:
            return "[source] dsn is a standby, which does not know what its primary committed"
        last = archive.segments[-1]
        here = Segment.parse(self.segment, archive.size)
        if here is None or here.timeline != last.timeline:
            return f"[source] dsn writes {self.segment}, and the archive ends with {last.name(archive.size)}"
        if Lsn.parse(self.position) < last.start(archive.size):
            return f"[source] dsn stands at {self.position}, before the archive's end: it is a copy of the cluster"
        if self.archive_mode == "off":
            return "[source] dsn archives nothing: archive_mode is off"
        return None

    def covered(self, archive: Archive) -> bool:
        """Tell whether the archive holds all that was written when the server was asked."""
        if self.position is None:
            return False
        # The position is where the next record will begin; behind a switch, that is after the next segment's header.
        last = Segment.of(Lsn(Lsn.parse(self.position).bytes - HEADER - 1), 0, archive.size)
        return any(one.number >= last.number for one in archive.segments if one not in archive.partial)

    def notes(self, archive: Archive) -> tuple[str, ...]:
        """Say what stands in the archive's way."""
        said: list[str] = []
        if self.failing_wal is not None:
            said.append(f"archiving fails: {self.failing_wal} could not be archived")
        elif (
            self.last_archived_wal is not None
            and (there := Segment.parse(self.last_archived_wal[:24], archive.size)) is not None
            and there.number > archive.segments[-1].number
        ):
            said.append(
                f"the server archived {self.last_archived_wal}, and the archive ends with "
                f"{archive.segments[-1].name(archive.size)}"
            )
        if self.archive_timeout == 0:
            said.append("archive_timeout is 0: a quiet server keeps its last changes to itself")
        return tuple(said)


def ask(address: Address) -> Asked:
    """Ask a server where its WAL stands.

    :raises psycopg.Error: it does not answer.
    """
    with connect(address, statement_timeout="60s") as session, session.cursor(row_factory=class_row(Asked)) as cursor:
        found = cursor.execute(_query("asked")).fetchone()
    assert found is not None
    return found


def unfinished(recovered: Connection) -> tuple[int, Sequence[int]]:
    """Return a recovered cluster's next transaction, and the last ones before it that did not commit in it.

    To be read before anything is written there.
    """
    found = recovered.execute(_query("unfinished")).fetchone()
    assert found is not None
    return found[0], found[1]


def unarchived(address: Address, state: tuple[int, Sequence[int]]) -> bool:
    """Tell whether the source committed anything that a recovered cluster does not have.

    :param state: of :func:`unfinished`.
    :raises psycopg.Error: the server does not answer.
    """
    with connect(address, statement_timeout="60s") as session:
        found = session.execute(_query("since"), (state[0], list(state[1]))).fetchone()
    assert found is not None
    return bool(found[0])


def unanswered(error: Exception) -> str:
    """Return why a server was not asked, in one line."""
    lines = str(error).strip().splitlines()
    return f"[source] dsn does not answer: {lines[0] if lines else type(error).__name__}"


@cache
def _query(name: str) -> bytes:
    return (Path(__file__).parent / "sql" / f"{name}.sql").read_bytes()

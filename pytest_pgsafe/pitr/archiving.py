"""Does a server archive its WAL, so that it could be recovered to any moment? Read, judged, and what it needs."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import psycopg
from psycopg.rows import class_row

from ..errors import SnapshotError
from ..server.capabilities import ARCHIVE_LIBRARY
from ..server.connection import Connection, version

#: Without a limit a quiet server keeps its last changes to itself for ever; 16 MB are archived for each.
ARCHIVE_TIMEOUT = 60
#: Contrib's archive_library, from 15 on.
MODULE = "basic_archive"


@dataclass(frozen=True, kw_only=True)
class Archiving:
    """What a server says of its archiving."""

    version: int
    system: int
    timeline: int
    wal_level: str
    archive_mode: str
    #: As it stands; it may hold names of hosts, and has no place in a report.
    archive_command: str
    archive_library: str
    #: Seconds; 0 is none.
    archive_timeout: int
    #: Bytes.
    segment_size: int
    max_wal_senders: int
    full_page_writes: bool
    fsync: bool
    archived_count: int
    last_archived_wal: str | None
    last_archived_time: datetime | None
    failed_count: int
    last_failed_wal: str | None
    last_failed_time: datetime | None
    now: datetime

    @property
    def failing(self) -> bool:
        """Whether the last attempt failed."""
        failed = self.last_failed_time
        return failed is not None and (self.last_archived_time is None or failed > self.last_archived_time)

    @property
    def unarchived(self) -> timedelta | None:
        """How much a loss of the server would lose now; None where nothing was ever archived."""
        return None if self.last_archived_time is None else self.now - self.last_archived_time


def read(connection: Connection) -> Archiving:
    """Read what a server says of its archiving.

    :raises SnapshotError: it does not say it to this role.
    """
    try:
        with connection.cursor(row_factory=class_row(Archiving)) as cursor:
            found = cursor.execute(_query()).fetchone()
    except psycopg.Error as error:
        raise SnapshotError(
            "the server does not say how it archives its WAL",
            looked_at=[str(error).strip()],
            remedies=["ask with a superuser, or a role of pg_monitor"],
        ) from error
    assert found is not None
    return found


def problems(found: Archiving, *, received: bool = False) -> tuple[str, ...]:
    """Say why the server could not be recovered to any moment, the worst first.

    :param received: pg_receivewal receives the WAL, so that the server itself need not archive it.
    """
    said: list[str] = []
    if found.wal_level == "minimal":
        said.append("wal_level is minimal: the WAL lacks what a recovery needs")
    if found.archive_mode == "off" and received:
        pass
    elif found.archive_mode == "off":
        said.append("archive_mode is off: no WAL is archived")
    elif not found.archive_command and not found.archive_library:
        said.append(
            "archive_mode is on, and neither archive_command nor archive_library is set: WAL piles up in pg_wal"
        )
    elif found.failing:
        said.append(
            f"archiving fails: {found.last_failed_wal} at {found.last_failed_time:%Y-%m-%d %H:%M:%S %Z}, "
            f"{found.failed_count} failures in all; the server keeps its WAL until it succeeds, or its disk is full"
        )
    elif found.last_archived_wal is None:
        said.append("nothing was archived yet: select pg_switch_wal() shows whether it works")
    if found.archive_mode != "off" and found.archive_timeout == 0:
        said.append("archive_timeout is 0: a quiet server may keep its last changes to itself for hours")
    if not found.full_page_writes:
        said.append("full_page_writes is off: a base backup may hold torn pages that nothing mends")
    if not found.fsync:
        said.append("fsync is off: after a crash WAL and data may contradict each other")
    if found.max_wal_senders == 0:
        said.append("max_wal_senders is 0: pg_basebackup and pg_receivewal cannot connect")
    return tuple(said)


def has_module(connection: Connection) -> bool | None:
    """Tell whether a server has contrib's ``basic_archive``; None if it does not say so to this role."""
    if not ARCHIVE_LIBRARY.known_to(version(connection)):
        return False
    try:
        found = connection.execute(
            "select coalesce(bool_or((pg_catalog.pg_stat_file(setting || '/' || file, true)).size is not null), false)"
            " from pg_catalog.pg_config, unnest(%s::text[]) as f(file)"
            " where name = 'PKGLIBDIR'",
            ([f"{MODULE}.so", f"{MODULE}.dylib", f"{MODULE}.dll"],),
        ).fetchone()
    except psycopg.Error:
        return None
    return found is not None and bool(found[0])


def snippet(found: Archiving, folder: str, *, received: bool = False, module: bool | None = False) -> str:
    """Return the settings that the server needs, to be reviewed and put into its configuration.

    :param folder: the archive, as the server sees it.
    :param received: as for :func:`problems`.
    :param module: whether the server has ``basic_archive``; None is unknown.
    """
    lines = ["# Archiving of the WAL, for recovery to any moment. Proposed by pgsafe pitr check."]
    restart: list[str] = []
    if found.wal_level == "minimal":
        lines.append("wal_level = replica")
        restart.append("wal_level")
    if found.archive_mode == "off" and not received:
        lines.append("archive_mode = on")
        restart.append("archive_mode")
    if (
        not received
        and not found.archive_library
        and (not found.archive_command or found.failing or found.archive_mode == "off")
    ):
        # For a shell, then for the names that the server puts in, then for its configuration.
        plain = re.fullmatch(r"[\w/.,+@:-]+", folder) is not None
        argument = f'"{folder}"' if plain else shlex.quote(folder).replace("%", "%%")
        lines.append("# Whole, on disk, never over another file; `cp` is none of these.")
        command = _quoted(f'pgsafe pitr archive "%p" {argument}')
        lines.append(f"archive_command = '{command}'")
        if module is not False:
            where = "" if module else " (where contrib's modules are installed)"
            lines.append(f"# Or without a process for each segment{where}, and then with an empty archive_command:")
            lines.append(f"#archive_library = '{MODULE}'")
            lines.append(f"#{MODULE}.archive_directory = '{_quoted(folder)}'")
    if found.archive_timeout == 0 and not (received and found.archive_mode == "off"):
        lines.append(f"archive_timeout = {ARCHIVE_TIMEOUT}")
    if not found.full_page_writes:
        lines.append("full_page_writes = on")
    if not found.fsync:
        lines.append("fsync = on")
    if found.max_wal_senders == 0:
        lines.append("max_wal_senders = 10")
        restart.append("max_wal_senders")
    if len(lines) == 1:
        return ""
    lines.append(f"# {'needs a restart: ' + ', '.join(restart) if restart else 'a reload is enough'}")
    return "\n".join(lines) + "\n"


def _quoted(value: str) -> str:
    """Return a value as it stands between the quotes of the server's configuration."""
    return value.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n")


@cache
def _query() -> bytes:
    return (Path(__file__).parent / "sql" / "archiving.sql").read_bytes()

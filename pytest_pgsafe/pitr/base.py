"""Base backups: taken by pg_basebackup, proven by pg_verifybackup, kept with what a recovery has to know.

Nothing in one leads out of its folder: what lies in tablespaces is in ``data/pg_tblspc/OID`` itself, where the source
has links.
"""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..backup import manifest
from ..backup.lock import alone, in_use
from ..catalog import codec
from ..errors import BackupError, ConfigError
from ..server import pooler
from ..server.address import Address
from ..server.base import Programs
from ..server.capabilities import INCREMENTAL_BACKUP
from ..server.connection import Connection, connect, resolve, version
from ..server.private import private_folder
from ..server.version import Version
from . import tablespaces
from .wal import Lsn

FORMAT = "pgsafe-base/1"
RECORD = "pgsafe-base.json"
#: The cluster, as pg_basebackup wrote it.
DATA = "data"
#: PostgreSQL's own record of each file, with its checksum.
MANIFEST = "backup_manifest"
#: Seconds that an unfinished base backup without a lock is left alone.
YOUNG = 60.0
#: What a shell reads between double quotes.
_UNREAD = re.compile(r"[\"$`\\\n]")


@dataclass(frozen=True, kw_only=True)
class Link:
    """The base backup that an incremental one is made on."""

    #: Its folder's name when the backup was taken; it is known by its manifest, whatever the name.
    name: str = field(compare=False)
    #: SHA-256.
    manifest: str


@dataclass(frozen=True, kw_only=True)
class Base:
    """What is known of a base backup."""

    format: str
    source: str
    server_version: str
    system: int
    timeline: int
    #: Bytes of a WAL segment.
    segment_size: int
    #: Positions in the WAL: recovery reads from the first, and is consistent at the second.
    start: str
    end: str
    #: By the server's clock, in UTC. No moment before the end can be recovered from this backup.
    started_at: datetime
    ended_at: datetime
    #: A role by which the recovered server can be asked.
    superuser: str
    #: SHA-256 of PostgreSQL's manifest, by which an incremental base backup knows the one that it is made on; empty in
    #: records of older releases.
    manifest: str = ""
    #: The base backup that an incremental one holds the changes since; None is a full one.
    on: Link | None = None

    @property
    def start_lsn(self) -> Lsn:
        return Lsn.parse(self.start)

    @property
    def end_lsn(self) -> Lsn:
        return Lsn.parse(self.end)


def take(source: Address, folder: Path, programs: Programs, *, rate: str | None = None, on: Path | None = None) -> Base:
    """Take a base backup of a whole cluster into a new folder, which appears when it is verified.

    :param programs: of the server's major.
    :param rate: of pg_basebackup's ``--max-rate``, such as ``20M``.
    :param on: another base backup: only what changed since is taken. A recovery needs both.
    :raises ConfigError: the server cannot give it; which setting it lacks.
    :raises BackupError: with what pg_basebackup or pg_verifybackup said.
    """
    with connect(source) as session:
        pooler.demand_own(session.address, "replication, which base backups are taken by")
        about = _about(session)
        spaces = tablespaces.read(session)
        if on is not None:
            _incremental(session, on, about.system)
        # What the passfile, the environment or a service file added; the program sees none of them.
        found = resolve(session, source)
    major = Version(about.version).major
    if programs.version.major != major:
        raise ConfigError(
            f"a base backup of PostgreSQL {major} needs programs of the same major",
            looked_at=[f"{programs.origin}: {programs.version}"],
        )
    _clear(folder.parent)
    previous = os.umask(0o077)
    try:
        with (
            manifest.incomplete(folder, durable=True) as partial,
            # Retention does not remove what this one is made on.
            nullcontext() if on is None else in_use(on),
        ):
            data = partial / DATA
            arguments = [f"--pgdata={data}", "--format=plain", "--wal-method=stream", "--checkpoint=fast"]
            # Forced to disk with all the rest, when it is complete.
            arguments += ["--manifest-checksums=SHA256", "--no-password", "--no-sync"]
            arguments += [] if rate is None else [f"--max-rate={rate}"]
            arguments += [] if on is None else [f"--incremental={on / DATA / MANIFEST}"]
            arguments += tablespaces.mapping(spaces, partial)
            _run(programs, "pg_basebackup", arguments, found, [partial] if on is None else [partial, on / DATA])
            tablespaces.enclose(data, partial)
            verify(data, programs)
            with connect(source) as session:
                ended = _about(session).now
                tablespaces.same(spaces, tablespaces.read(session))
            record = _record(data, source=str(source), about=about, ended=ended, on=None if on is None else link(on))
            (partial / RECORD).write_bytes(codec.dumps(record))
    finally:
        os.umask(previous)
    return read(folder)


def _clear(root: Path) -> None:
    """Remove what is left of base backups whose taking was killed: as large as they are, and never seen."""
    for path in root.glob(".*.partial-*"):
        # One that is just beginning has its folder before its lock.
        if path.is_dir() and time.time() - path.stat().st_mtime > YOUNG:
            with alone(path) as free:
                if free:
                    manifest.remove(path)


def verify(data: Path, programs: Programs) -> None:
    """Compare each file of a base backup with PostgreSQL's manifest, and read the WAL that it needs.

    :raises BackupError: with what pg_verifybackup said.
    """
    if not _UNREAD.search(str(data)):
        _run(programs, "pg_verifybackup", ["--quiet", str(data)], None, [data])
        return
    # It starts pg_waldump by a shell, to which it gives the folder's name as it is.
    with private_folder("verify") as place:
        (place / DATA).symlink_to(data)
        _run(programs, "pg_verifybackup", ["--quiet", str(place / DATA)], None, [place / DATA])


def link(folder: Path) -> Link:
    """Return how a base backup that is made on this one knows it.

    :raises BackupError: it is none.
    """
    return Link(name=folder.name, manifest=identity(folder, read(folder)))


def identity(folder: Path, base: Base) -> str:
    """Return the SHA-256 of PostgreSQL's manifest of a base backup, empty where it cannot be read."""
    if base.manifest:
        return base.manifest
    path = folder / DATA / MANIFEST
    return manifest.sha256(path) if path.is_file() else ""


def read(folder: Path) -> Base:
    """Read the record of a base backup.

    :raises BackupError: there is none, or it is of another format.
    """
    path = folder / RECORD
    try:
        base = codec.loads(Base, path.read_bytes())
    except (OSError, ValueError) as error:
        raise BackupError("the folder is no base backup of pgsafe's", looked_at=[f"{path}: {error}"]) from error
    if base.format != FORMAT:
        raise BackupError(f"the base backup has the format {base.format}, not {FORMAT}", looked_at=[str(path)])
    return base


def data_of(folder: Path) -> Path:
    """Return the data directory of a base backup: of one that pg_basebackup alone took, the folder itself."""
    within = folder / DATA
    return folder if not within.is_dir() and (folder / "PG_VERSION").is_file() else within


@dataclass(frozen=True, kw_only=True)
class _About:
    """What a server says of itself when a base backup begins or ends."""

    now: datetime
    version: int
    system: int
    segment_size: int
    superuser: str


def _about(session: Connection) -> _About:
    found = session.execute(
        "select pg_catalog.clock_timestamp(), (select system_identifier from pg_catalog.pg_control_system()),"
        " (select setting::int from pg_catalog.pg_settings where name = 'wal_segment_size'),"
        " (select rolname from pg_catalog.pg_roles where oid = 10)"
    ).fetchone()
    assert found is not None
    return _About(
        now=found[0].astimezone(timezone.utc),
        version=session.info.server_version,
        system=found[1],
        segment_size=found[2],
        superuser=found[3],
    )


def _record(data: Path, *, source: str, about: _About, ended: datetime, on: Link | None) -> Base:
    ranges: list[dict[str, Any]] = json.loads((data / MANIFEST).read_text("utf-8"))["WAL-Ranges"]
    return Base(
        format=FORMAT,
        source=source,
        server_version=str(Version(about.version)),
        system=about.system,
        timeline=int(ranges[-1]["Timeline"]),
        segment_size=about.segment_size,
        start=str(ranges[0]["Start-LSN"]),
        end=str(ranges[-1]["End-LSN"]),
        started_at=about.now,
        ended_at=ended,
        superuser=about.superuser,
        manifest=manifest.sha256(data / MANIFEST),
        on=on,
    )


def _incremental(session: Connection, on: Path, system: int) -> None:
    """Refuse what the server would refuse later, with the setting that is missing."""
    before = read(on)
    major = version(session).major
    if not INCREMENTAL_BACKUP.known_to(major):
        raise ConfigError(
            f"PostgreSQL {major} has no incremental base backups: they came with {INCREMENTAL_BACKUP.since}",
            remedies=["take a full one: leave --incremental out"],
        )
    if before.system != system:
        raise ConfigError(
            "the base backup to build on is of another cluster",
            looked_at=[f"{on}: {before.source}, system identifier {before.system}", f"the server: {system}"],
        )
    if session.execute("select pg_catalog.current_setting('summarize_wal')").fetchone() != ("on",):
        raise ConfigError(
            "the server does not summarize its WAL, and so cannot tell what changed since a base backup",
            looked_at=["summarize_wal = off"],
            remedies=[
                "put summarize_wal = on into its configuration (a reload is enough),"
                " take a full base backup, and incremental ones on it"
            ],
        )


def _run(programs: Programs, program: str, arguments: list[str], address: Address | None, files: list[Path]) -> None:
    done = programs.run(program, arguments, address=address, files=files)
    if done.returncode == 0:
        return
    said = done.stderr.strip().splitlines()[-10:]
    remedies = [
        "the summaries do not reach back to the base backup (summarize_wal was off, or wal_summary_keep_time is over):"
        " take a full base backup"
    ]
    unsummarized = any("WAL summaries are required" in line for line in said)
    raise BackupError(
        f"{program} ended with status {done.returncode}", looked_at=said, remedies=remedies if unsummarized else ()
    )

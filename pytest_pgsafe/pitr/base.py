"""Base backups: taken by pg_basebackup, proven by pg_verifybackup, kept with what a recovery has to know."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..backup import manifest
from ..catalog import codec
from ..errors import BackupError, ConfigError
from ..server.address import Address
from ..server.base import Programs
from ..server.connection import Connection, connect, resolve
from .wal import Lsn

FORMAT = "pgsafe-base/1"
RECORD = "pgsafe-base.json"
#: The cluster, as pg_basebackup wrote it.
DATA = "data"


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

    @property
    def start_lsn(self) -> Lsn:
        return Lsn.parse(self.start)

    @property
    def end_lsn(self) -> Lsn:
        return Lsn.parse(self.end)


def take(source: Address, folder: Path, programs: Programs, *, rate: str | None = None) -> Base:
    """Take a base backup of a whole cluster into a new folder, which appears when it is verified.

    :param programs: of the server's major.
    :param rate: of pg_basebackup's ``--max-rate``, such as ``20M``.
    :raises BackupError: with what pg_basebackup or pg_verifybackup said.
    """
    with connect(source) as session:
        started, system, size, superuser = _about(session)
        _no_tablespaces(session)
        version = session.info.server_version
        # What the passfile, the environment or a service file added; the program sees none of them.
        found = resolve(session, source)
    if programs.version.major != version // 10000:
        raise ConfigError(
            f"a base backup of PostgreSQL {version // 10000} needs programs of the same major",
            looked_at=[f"{programs.origin}: {programs.version}"],
        )
    previous = os.umask(0o077)
    try:
        with manifest.incomplete(folder, durable=True) as partial:
            data = partial / DATA
            arguments = [f"--pgdata={data}", "--format=plain", "--wal-method=stream", "--checkpoint=fast"]
            arguments += ["--manifest-checksums=SHA256", "--no-password"]
            arguments += [] if rate is None else [f"--max-rate={rate}"]
            _run(programs, "pg_basebackup", arguments, found, [data])
            _run(programs, "pg_verifybackup", ["--quiet", str(data)], None, [data])
            with connect(source) as session:
                ended = _about(session)[0]
            (partial / RECORD).write_bytes(
                codec.dumps(
                    _record(
                        data,
                        source=str(source),
                        started=started,
                        ended=ended,
                        system=system,
                        size=size,
                        superuser=superuser,
                        version=version,
                    )
                )
            )
    finally:
        os.umask(previous)
    return read(folder)


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


def find(root: Path) -> tuple[tuple[Path, Base], ...]:
    """Return the complete base backups under a folder, oldest first.

    :raises ConfigError: there is none.
    """
    folders = [root] if (root / RECORD).exists() else sorted(root.glob(f"*/{RECORD}"))
    found = [(path if path.is_dir() else path.parent, read(path if path.is_dir() else path.parent)) for path in folders]
    if not found:
        raise ConfigError(
            "there is no base backup",
            looked_at=[str(root)],
            remedies=["pgsafe pitr basebackup takes one"],
        )
    return tuple(sorted(found, key=lambda pair: pair[1].end_lsn))


def _record(
    data: Path,
    *,
    source: str,
    started: datetime,
    ended: datetime,
    system: int,
    size: int,
    superuser: str,
    version: int,
) -> Base:
    ranges: list[dict[str, Any]] = json.loads((data / "backup_manifest").read_text("utf-8"))["WAL-Ranges"]
    return Base(
        format=FORMAT,
        source=source,
        server_version=f"{version // 10000}.{version % 10000}",
        system=system,
        timeline=int(ranges[-1]["Timeline"]),
        segment_size=size,
        start=str(ranges[0]["Start-LSN"]),
        end=str(ranges[-1]["End-LSN"]),
        started_at=started,
        ended_at=ended,
        superuser=superuser,
    )


def _about(session: Connection) -> tuple[datetime, int, int, str]:
    found = session.execute(
        "select pg_catalog.clock_timestamp(), (select system_identifier from pg_catalog.pg_control_system()),"
        " (select setting::int from pg_catalog.pg_settings where name = 'wal_segment_size'),"
        " (select rolname from pg_catalog.pg_roles where oid = 10)"
    ).fetchone()
    assert found is not None
    return found[0].astimezone(timezone.utc), found[1], found[2], found[3]


def _no_tablespaces(session: Connection) -> None:
    """Refuse tablespaces: a recovery that follows their links would write where the source's data are."""
    found = session.execute(
        "select spcname from pg_catalog.pg_tablespace where spcname not in ('pg_default', 'pg_global') order by 1"
    ).fetchall()
    if found:
        raise ConfigError(
            "the cluster has tablespaces, and a rehearsal of them could write over the source's",
            looked_at=[str(row[0]) for row in found],
            remedies=["use pgBackRest or Barman for this cluster, which map them"],
        )


def _run(programs: Programs, program: str, arguments: list[str], address: Address | None, files: list[Path]) -> None:
    done = programs.run(program, arguments, address=address, files=files)
    if done.returncode:
        raise BackupError(
            f"{program} ended with status {done.returncode}", looked_at=done.stderr.strip().splitlines()[-10:]
        )

"""What a base backup says of itself: one of pg_basebackup's own making is as good as one with pgsafe's record.

The record of one of ours is compared with it: who edits the record, or moves one to another base backup, would get a
recovery from one that is too new, and PostgreSQL opens that without a word.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ..errors import BackupError, ConfigError
from . import wal
from .base import FORMAT, MANIFEST, Base, data_of
from .wal import Lsn

#: ControlFileData begins so in every release: system identifier, versions, state, time of the last update, position of
#: the latest checkpoint.
_CONTROL = struct.Struct("=QIIi4xqQ")
#: Of pg_control in 9.4 to some releases from now; anything else is another machine's byte order.
_VERSIONS = range(900, 3000)
_LABEL = "backup_label"
SUPERUSER = "postgres"


def is_one(folder: Path) -> bool:
    """Tell whether a folder is a data directory as pg_basebackup writes it."""
    data = data_of(folder)
    return (data / "PG_VERSION").is_file() and (data / _LABEL).is_file()


def refuse(root: Path) -> None:
    """Explain a folder that looks like a base backup and cannot be used.

    :raises ConfigError: it does.
    """
    if packed := sorted(path.name for path in root.glob("base.tar*")):
        unpack = f"mkdir data && tar -xf {packed[0]} -C data && tar -xf pg_wal.tar -C data/pg_wal"
        raise ConfigError(
            "the base backup is in tar format, which pg_verifybackup and a recovery cannot read",
            looked_at=[str(root / packed[0])],
            remedies=[f"unpack it, and name the folder: {unpack} && mv backup_manifest data"],
        )
    if (data_of(root) / "PG_VERSION").is_file():
        raise ConfigError(
            "the folder is a cluster's data directory, and no base backup: it has no backup_label",
            looked_at=[str(root)],
            remedies=["pgsafe pitr basebackup takes one"],
        )


def read(folder: Path) -> Base:
    """Return what a base backup without pgsafe's record says of itself.

    Its moments begin when its control file was written: nothing that was committed before that is later, and of what
    was committed until its end PostgreSQL itself refuses to stop before.

    :raises BackupError: it has no manifest, so that nothing proves it, or it cannot be read.
    """
    data = data_of(folder)
    try:
        about = control(data)
        system, written = about.system, about.written
        first, last = _ranges(data)
        major = (data / "PG_VERSION").read_text("ascii").strip()
    except (OSError, ValueError, KeyError, IndexError, struct.error) as error:
        raise BackupError(
            "the base backup cannot be read, or has no manifest that proves it",
            looked_at=[f"{data}: {error}"],
            remedies=["take one without --no-manifest"],
        ) from error
    headers = [wal.header(path) for path in sorted((data / "pg_wal").glob("0*")) if len(path.name) == 24]
    moment = written + timedelta(seconds=1)
    return Base(
        format=FORMAT,
        source=str(folder),
        server_version=major,
        system=system,
        timeline=int(last["Timeline"]),
        segment_size=next((header.segment_size for header in headers if header is not None), 16 << 20),
        start=str(first["Start-LSN"]),
        end=str(last["End-LSN"]),
        started_at=moment,
        ended_at=moment,
        superuser=SUPERUSER,
    )


def compare(folder: Path, base: Base) -> None:
    """Refuse a record that is not its base backup's.

    :raises BackupError: what they differ in.
    """
    data = data_of(folder)
    try:
        about = control(data)
        system, written = about.system, about.written
        first, last = _ranges(data)
    except (OSError, ValueError, KeyError, IndexError, struct.error) as error:
        raise BackupError("the base backup cannot be read", looked_at=[f"{data}: {error}"]) from error
    there: list[tuple[str, object, object]] = [
        ("system identifier", base.system, system),
        ("start", base.start_lsn, Lsn.parse(first["Start-LSN"])),
        ("end", base.end_lsn, Lsn.parse(last["End-LSN"])),
        ("timeline", base.timeline, int(last["Timeline"])),
    ]
    differing = [
        f"{what}: {said} in the record, {found} in the base backup" for what, said, found in there if said != found
    ]
    if base.ended_at < written:
        differing.append(f"ended_at: {base.ended_at} in the record, and its control file was written at {written}")
    if differing:
        raise BackupError(
            "the record of the base backup is not its own",
            looked_at=[str(folder), *differing],
            remedies=["remove the record: what the base backup says of itself is used then"],
        )


@dataclass(frozen=True, kw_only=True)
class Control:
    """What the control file of a data directory says."""

    system: int
    #: DBState of PostgreSQL's sources.
    state: int
    #: In UTC.
    written: datetime
    #: Position of the latest checkpoint, in bytes.
    checkpoint: int


def control(data: Path) -> Control:
    """Read the control file of a data directory.

    :raises OSError: it cannot be read.
    :raises ValueError: it is of another machine, or cut.
    """
    content = (data / "global" / "pg_control").read_bytes()
    try:
        system, version, _, state, written, checkpoint = _CONTROL.unpack_from(content)
    except struct.error as error:
        raise ValueError("global/pg_control is cut") from error
    if version not in _VERSIONS:
        raise ValueError("global/pg_control is of another machine")
    return Control(
        system=system, state=state, written=datetime.fromtimestamp(written, timezone.utc), checkpoint=checkpoint
    )


def _ranges(data: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    ranges: list[dict[str, Any]] = json.loads((data / MANIFEST).read_text("utf-8"))["WAL-Ranges"]
    return ranges[0], ranges[-1]

"""WAL received as it is written, by pg_receivewal: an archive that waits for no segment to be full."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from ..errors import BackupError, ConfigError
from ..server import pooler
from ..server.address import Address
from ..server.base import Programs
from ..server.connection import connect, resolve
from . import archive as wal_archive
from .archive import Archive
from .wal import Lsn


@dataclass(frozen=True, kw_only=True)
class Received:
    """What an archive holds after WAL was received into it."""

    #: None where nothing came.
    archive: Archive | None
    #: Complete segments that came.
    segments: int
    seconds: float


def receive(
    source: Address,
    folder: Path,
    programs: Programs,
    *,
    slot: str | None = None,
    create: bool = False,
    until: Lsn | None = None,
    seconds: float | None = None,
) -> Received:
    """Receive a server's WAL into a folder, each piece forced to disk before it is confirmed.

    Without a slot it begins with the server's current segment, or behind the newest that is in the folder; with one,
    nothing that the server writes is missing.

    :param slot: a physical replication slot.
    :param create: make the slot if there is none.
    :param until: receive everything before this position; None goes on.
    :param seconds: no longer than this; None goes on until it is interrupted.
    :raises BackupError: with what pg_receivewal said; or the position was not reached in time.
    """
    if create and slot is None:
        raise ConfigError("a slot that is to be made needs a name", remedies=["--slot=NAME"])
    with connect(source) as session:
        pooler.demand_own(session.address, "replication, which WAL is received by")
        found = session.execute("select setting::int from pg_catalog.pg_settings where name = 'wal_segment_size'")
        size = int((found.fetchone() or (16 << 20,))[0])
        address = resolve(session, source)
    begun = time.monotonic()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    before = _listed(folder, size)
    slotted = [] if slot is None else [f"--slot={slot}"]
    if create:
        _run(programs, [*slotted, "--create-slot", "--if-not-exists", "--no-password"], address, folder, None)
    arguments = [f"--directory={folder}", "--synchronous", "--compress=0", "--no-password", *slotted]
    # It is to be told of a server that is gone, where it will not be waited for anyway.
    arguments += ["--no-loop"] if seconds is not None or until is not None else []
    # It stops behind the position that it is given.
    arguments += [] if until is None else [f"--endpos={Lsn(until.bytes - 1)}"]
    previous = os.umask(0o077)
    try:
        ended = _run(programs, arguments, address, folder, seconds)
    finally:
        os.umask(previous)
    if until is not None and not ended:
        raise BackupError(
            f"the WAL before {until} was not received within {seconds:g} s",
            remedies=["look whether the server has written that far: select pg_current_wal_flush_lsn()"],
        )
    after = _listed(folder, size)
    known = () if before is None else before.segments
    fresh = 0 if after is None else len(set(after.segments).difference(known))
    return Received(archive=after, segments=fresh, seconds=time.monotonic() - begun)


def _listed(folder: Path, size: int) -> Archive | None:
    try:
        return wal_archive.read(folder, size)
    except ConfigError:
        return None


def _run(programs: Programs, arguments: list[str], address: Address, folder: Path, deadline: float | None) -> bool:
    """Run pg_receivewal; return False if it was ended because its time was over."""
    try:
        done = programs.run("pg_receivewal", arguments, address=address, files=[folder], deadline=deadline)
    except TimeoutError:
        return False
    if done.returncode:
        raise BackupError(
            f"pg_receivewal ended with status {done.returncode}", looked_at=done.stderr.strip().splitlines()[-10:]
        )
    return True

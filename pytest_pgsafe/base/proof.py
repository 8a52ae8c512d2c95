"""That a base is as it was kept: by reading it, or by what the file system says of each file since it was read.

Whoever writes to a file changes its ctime, and nobody can set that: not with touch, nor with a copy put in its place,
which has another inode besides. So a file whose size, inode, mtime and ctime are as they were when its checksum was
last computed needs no reading. What the file system does not see is found by reading everything: once after each start
of the machine, since what was not on the disk yet when it stopped may be lost, and once in :data:`EVERY`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ..catalog import codec
from ..errors import CopyError
from ..server.keeper import boot
from . import manifest
from .manifest import Manifest

NAME = "proof.json"
EVERY = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class State:
    """What the file system says of a file."""

    bytes: int
    device: int
    inode: int
    #: In nanoseconds.
    mtime: int
    ctime: int


@dataclass(frozen=True, kw_only=True)
class Proof:
    #: The run of the machine in which every file was read, and when that began.
    boot: str
    read: datetime
    #: As they were before they were read.
    files: Mapping[str, State]


def states(files: Mapping[str, os.stat_result]) -> Mapping[str, State]:
    """Return what the file system said of files of a base, by path within it."""
    return {
        name: State(
            bytes=found.st_size, device=found.st_dev, inode=found.st_ino, mtime=found.st_mtime_ns,
            ctime=found.st_ctime_ns,
        )
        for name, found in files.items()
    }  # fmt: skip


def write(folder: Path, files: Mapping[str, State], read: datetime) -> None:
    """Note that files were read and found to be what the manifest says."""
    partial = folder / f".{NAME}"
    partial.unlink(missing_ok=True)
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(codec.dumps(Proof(boot=boot(), read=read, files=files)))
    partial.replace(folder / NAME)


def faults(folder: Path, said: Manifest, *, now: datetime | None = None) -> tuple[str, ...]:
    """Return what of a base is missing, damaged or unknown, for people; what may have changed is read."""
    now = datetime.now(timezone.utc) if now is None else now
    try:
        files, folders = manifest.entries(folder)
        found = states(files)
        known = _known(folder, now)
        doubtful = [folder / name for name, state in found.items() if known.get(name) != state]
        read = manifest.read(folder, doubtful)
    except (OSError, CopyError) as error:
        return (str(error),)
    wrong = (*manifest.misfits(said, found, folders), *_damaged(said, read))
    if doubtful and not wrong:
        # What was read at another time keeps that time.
        write(folder, found, now if len(doubtful) == len(found) else _load(folder).read)
    return wrong


def _damaged(said: Manifest, read: Mapping[str, manifest.File]) -> Iterator[str]:
    for name, file in read.items():
        if said.files.get(name, file) != file:
            yield f"{name}: damaged"


def _known(folder: Path, now: datetime) -> Mapping[str, State]:
    """Return the states of the files that need not be read, as long as they are so."""
    try:
        proof = _load(folder)
    except (OSError, ValueError):
        return {}
    # A kernel that does not tell its runs apart, and a clock that went back, prove nothing.
    valid = proof.boot and proof.boot == boot() and timedelta(0) <= now - proof.read <= EVERY
    return proof.files if valid else {}


def _load(folder: Path) -> Proof:
    return codec.loads(Proof, (folder / NAME).read_bytes())

"""Download of a backup: it appears when each file was proven, first against the index, then against its manifest."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ..backup import manifest
from ..errors import StorageError, UsageError
from ..progress import SILENT, Progress
from .cipher import Cipher
from .index import INDEX, Entry, Stored, loads
from .store import Store

#: Days for which an archived object is asked to be readable.
THAW_DAYS = 7


def stored(store: Store) -> tuple[tuple[Stored, Store], ...]:
    """Return all complete backups at the store's address or below it and where each of them lies, oldest first."""
    found: list[tuple[Stored, Store]] = []
    for name in store.names():
        path = PurePosixPath(name)
        if path.name == INDEX:
            place = store if path.parent == PurePosixPath() else store.at(path.parent.as_posix())
            found.append((loads(b"".join(store.read(name)), f"{store}/{name}"), place))
    return tuple(sorted(found, key=lambda pair: (pair[0].taken_at, pair[0].name)))


def pull(
    store: Store, into: Path, *, name: str | None = None, identity: Path | None = None,
    progress: Progress = SILENT, durable: bool = True,
) -> Path:  # fmt: skip
    """Download a backup into a new folder below ``into``, its root, and return it.

    :param name: of the backup, with its environment or without; None is the latest, by the time of its snapshot.
    :param identity: the file of private keys for one that was encrypted before the upload.
    :param durable: force it to disk; what is thrown away afterwards need not be.
    :raises UsageError: no backup, no identity, too little disk, the folder is there already.
    :raises StorageError: an object is missing, damaged, or archived; archived ones are asked for, and can be had later.
    """
    index, place = _find(store, name)
    target = _inside(into, index.name)
    if target.exists():
        raise UsageError(
            "the backup's folder is there already",
            looked_at=[str(target)],
            remedies=["pgsafe verify says whether it is whole; --root=DIR has it pulled elsewhere"],
        )
    if index.encryption is None:
        cipher = None
    elif identity is None:
        raise UsageError(
            f"the stored backup is encrypted by {index.encryption}",
            looked_at=[str(place)],
            remedies=["name the file that age-keygen wrote with --identity"],
        )
    else:
        cipher = Cipher.of(identity)
    _room(index, into)
    _thaw(index.entries, place)
    # It holds rows: nobody else reads it, as when it was taken.
    previous = os.umask(0o077)
    try:
        with manifest.incomplete(target, durable=durable) as partial:
            for entry in index.entries:
                _download(entry, place, partial, cipher, progress)
            manifest.read(partial, progress)
    finally:
        os.umask(previous)
    return target


def _find(store: Store, name: str | None) -> tuple[Stored, Store]:
    there = stored(store)
    chosen = [pair for pair in there if name in (None, pair[0].name, PurePosixPath(pair[0].name).name)]
    if not chosen:
        raise UsageError(
            "there is no complete backup" if name is None else f"there is no complete backup {name}",
            looked_at=[str(store), *(f"{index.name}, of {index.taken_at:%Y-%m-%d %H:%M} UTC" for index, _ in there)],
            remedies=["pgsafe push writes one; an upload that was interrupted is none"],
        )
    return chosen[-1]


def _room(index: Stored, into: Path) -> None:
    """Say that a disk is too small before hours of downloading have filled it."""
    there = next(folder for folder in (into, *into.parents) if folder.exists())
    needed = sum(entry.bytes for entry in index.entries)
    if index.encryption is not None:
        # Of one file after the other both are there for a moment.
        needed += max((entry.stored_bytes for entry in index.entries), default=0)
    free = shutil.disk_usage(there).free
    if free < needed:
        raise UsageError(
            f"too little disk: the stored backup needs {needed >> 20:,} MiB",
            looked_at=[f"{there}: {free >> 20:,} MiB free"],
            remedies=["free space, or name a larger disk: --root of pull, TMPDIR of restore and verify"],
        )


def _thaw(entries: Sequence[Entry], place: Store) -> None:
    frozen = [entry.key for entry in entries if not place.thaw(entry.key, days=THAW_DAYS)]
    if frozen:
        raise StorageError(
            f"{len(frozen)} of {len(entries)} objects are archived; they were asked for, for {THAW_DAYS} days",
            looked_at=[str(place), *frozen],
            remedies=["the same command again, in some hours: GLACIER takes up to 5, DEEP_ARCHIVE up to 12"],
        )


def _download(entry: Entry, place: Store, folder: Path, cipher: Cipher | None, progress: Progress) -> None:
    path = _inside(folder, entry.path)
    raw = path if cipher is None else path.with_name(f"{path.name}.age")
    digest = hashlib.sha256()
    left = entry.stored_bytes
    moved = progress.counted(f"download {entry.key}", entry.stored_bytes)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with raw.open("wb") as file:
        for chunk in place.read(entry.key):
            left -= len(chunk)
            if left < 0:
                # Before it has filled the disk.
                break
            digest.update(chunk)
            file.write(chunk)
            moved(len(chunk))
    if left or digest.hexdigest() != entry.stored_sha256:
        raise StorageError(
            f"{entry.key} is damaged in the store: its SHA-256 is not that of the upload",
            looked_at=[str(place)],
            remedies=["fetch another copy of the backup, or use an older one"],
        )
    if cipher is not None:
        progress(f"decrypt {entry.path}")
        cipher.decrypt(raw, path)
        raw.unlink()


def _inside(folder: Path, name: str) -> Path:
    """Return a path below the folder: an index is data from outside."""
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts:
        raise StorageError("the index names a path outside of the backup", looked_at=[name])
    return folder / parts

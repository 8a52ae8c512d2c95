"""Upload of a backup: its files, each read back, and last the index that makes a backup of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from ..backup import manifest
from ..backup.lock import in_use
from ..errors import StorageError
from ..progress import SILENT, Moved, Progress
from ..server.private import private_folder
from .cipher import Cipher
from .index import FORMAT, INDEX, Entry, Stored, dumps, loads
from .store import Store


def push(folder: Path, store: Store, *, cipher: Cipher | None = None, progress: Progress = SILENT) -> Stored:
    """Upload a backup below the store's address, under its environment and the name of its folder.

    Everything is read back and hashed, and only then moved to an archive class, from which it could not be read. An
    upload that was interrupted has no index, and the next one replaces its objects. A backup that is there already
    is only read back.

    :param cipher: encrypts before the upload; the index alone stays readable.
    :raises BackupError: the backup is not what its manifest says.
    :raises StorageError: the store refused, or does not hold what was sent; another backup has the name.
    """
    with in_use(folder):
        return _push(folder, store, cipher, progress)


def _push(folder: Path, store: Store, cipher: Cipher | None, progress: Progress) -> Stored:
    taken = manifest.read(folder, progress)
    files = manifest.describe(folder, everything=True)
    name = f"{taken.environment}/{folder.name}" if taken.environment else folder.name
    place = store.at(name)
    there = _there(place)
    if there is not None:
        return _again(there, files, place, progress)
    with private_folder("push") as scratch:
        entries = [_upload(file, folder, place, cipher=cipher, scratch=scratch, progress=progress) for file in files]
        stored = Stored(
            format=FORMAT,
            name=name,
            taken_at=taken.taken_at,
            encryption=None if cipher is None else "age",
            entries=tuple(entries),
        )
        for entry in entries:
            place.settle(entry.key)
        index = scratch / INDEX
        index.write_bytes(dumps(stored))
        _put(index, place, INDEX, progress)
    return stored


def _upload(
    file: manifest.File, folder: Path, place: Store, *, cipher: Cipher | None, scratch: Path, progress: Progress
) -> Entry:
    path, key = folder / file.path, file.path
    if cipher is not None:
        path, key = scratch / "encrypted", f"{file.path}.age"
        progress(f"encrypt {file.path}")
        cipher.encrypt(folder / file.path, path)
    size, sha256 = _put(path, place, key, progress)
    return Entry(path=file.path, bytes=file.bytes, sha256=file.sha256, key=key, stored_bytes=size, stored_sha256=sha256)


def _put(path: Path, place: Store, key: str, progress: Progress) -> tuple[int, str]:
    size, sha256 = path.stat().st_size, manifest.sha256(path)
    place.put(path, key, sha256=sha256, moved=progress.counted(f"upload {key}", size))
    _held(place, key, sha256, progress.counted(f"read back {key}", size))
    return size, sha256


def _held(place: Store, key: str, sha256: str, moved: Moved) -> None:
    """Read an object back: a store's own checksums are of parts, or of what it says that it has."""
    digest = hashlib.sha256()
    for chunk in place.read(key):
        digest.update(chunk)
        moved(len(chunk))
    if digest.hexdigest() != sha256:
        raise StorageError(f"{key} is not what was sent: the store gives back another content", looked_at=[str(place)])


def _there(place: Store) -> Stored | None:
    if INDEX not in place.names():
        return None
    return loads(b"".join(place.read(INDEX)), f"{place}/{INDEX}")


def _again(there: Stored, files: Sequence[manifest.File], place: Store, progress: Progress) -> Stored:
    # A backup may have been verified once more since.
    theirs = {entry.path: entry.sha256 for entry in there.entries if entry.path != manifest.PROOF}
    if theirs != {file.path: file.sha256 for file in files if file.path != manifest.PROOF}:
        raise StorageError(
            "another backup of that name is there already",
            looked_at=[str(place)],
            remedies=["push to another address; what is stored is never replaced"],
        )
    for entry in there.entries:
        if place.thaw(entry.key, days=0):
            moved = progress.counted(f"read back {entry.key}", entry.stored_bytes)
            _held(place, entry.key, entry.stored_sha256, moved)
    return there

"""A backup as pgsafe keeps it: a folder whose manifest says what belongs to it, written last."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from ..catalog import codec
from ..catalog.parted import parted
from ..errors import BackupError
from ..progress import SILENT, Moved, Progress
from ..server.durable import sync
from ..snapshot.values import Snapshot
from .lock import in_use

FORMAT = "pgsafe-backup/1"
MANIFEST = "manifest.json"
#: The manifest as text for people, and the record of the last verification; only the first is a part of the backup.
READABLE = "MANIFEST.txt"
PROOF = "proof.json"
FACTS = "facts.json"
ARCHIVE = "database.dump"
_CHUNK = 1 << 20
_NO_SEAL = "0" * 64


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of a backup, its path relative to the manifest, with forward slashes."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    format: str
    #: The moment of the snapshot, in UTC; the age of a backup counts from here.
    taken_at: datetime
    #: ``user@host:port/dbname``, without secrets.
    source: str
    database: str
    server_version: str
    pg_dump_version: str
    files: tuple[File, ...]
    #: The folder above: ``staging``, ``production``; empty for a rehearsal's own backup.
    environment: str = ""
    #: Not before this moment, in UTC, may retention remove the backup.
    keep_until: datetime | None = None
    #: Entries of the archive's table of contents; None where nobody counted.
    entries: int | None = None
    #: Bytes of the source's database at the moment.
    database_size: int | None = None
    #: What of the source is not in the backup, or not as it was, each in one line.
    left_out: tuple[str, ...] = ()
    #: What the source's server stored for itself, and the archive is without, each in one line.
    stored: tuple[str, ...] = ()
    #: Commands that restore it, when they are pasted into a shell in the backup's folder.
    restore: tuple[str, ...] = ()
    #: SHA-256 of the manifest's own bytes with zeros in this place; empty in manifests of older releases.
    seal: str = field(default="", compare=False)


def describe(folder: Path, *, everything: bool = False, moved: Moved | None = None) -> tuple[File, ...]:
    """Hash every file of a backup folder; its manifest and its proof only with ``everything``."""
    beside: set[Path] = set() if everything else {folder / MANIFEST, folder / PROOF}
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path not in beside)
    return tuple(file_of(path, folder, moved) for path in paths)


def file_of(path: Path, folder: Path, moved: Moved | None = None) -> File:
    """Hash one file of a backup folder."""
    return File(path=path.relative_to(folder).as_posix(), bytes=path.stat().st_size, sha256=sha256(path, moved))


def write(folder: Path, manifest: Manifest) -> None:
    """Write the manifest: from here on the folder is a backup."""
    data = codec.dumps(replace(manifest, seal=_NO_SEAL))
    (folder / MANIFEST).write_bytes(data.replace(_sealed(_NO_SEAL), _sealed(hashlib.sha256(data).hexdigest())))


def _sealed(seal: str) -> bytes:
    return f'"seal":"{seal}"'.encode()


def read(folder: Path, progress: Progress = SILENT) -> Manifest:
    """Read a manifest and prove every file that it names, and that there is no other.

    :raises BackupError: with each file that is missing, altered or unknown.
    """
    manifest = load(folder)
    if faults := check(folder, manifest, progress):
        raise BackupError(
            "the backup is not what its manifest says",
            looked_at=[str(folder), *faults],
            remedies=["take a new backup, or fetch another copy of this one"],
        )
    return manifest


def load(folder: Path) -> Manifest:
    """Read a manifest alone; no file that it names is looked at.

    :raises BackupError: there is none, or it cannot be read.
    """
    path = folder / MANIFEST
    try:
        data = path.read_bytes()
        manifest = codec.loads(Manifest, data)
    except (OSError, ValueError) as error:
        raise BackupError("the manifest of the backup cannot be read", looked_at=[f"{path}: {error}"]) from error
    if manifest.format != FORMAT:
        raise BackupError(
            f"the backup has the format {manifest.format}, not {FORMAT}",
            looked_at=[str(path)],
            remedies=["use the release of pytest-pgsafe that wrote it, or a newer one"],
        )
    blank = data.replace(_sealed(manifest.seal), _sealed(_NO_SEAL))
    if manifest.seal and hashlib.sha256(blank).hexdigest() != manifest.seal:
        raise BackupError("the manifest of the backup is not what was written", looked_at=[str(path)])
    return manifest


def check(folder: Path, manifest: Manifest, progress: Progress = SILENT) -> tuple[str, ...]:
    """Read and hash every file of a backup; return each that is missing, altered or unknown."""
    moved = progress.counted("checksums", sum(file.bytes for file in manifest.files))
    wanted = {file.path: file for file in manifest.files}
    found = {file.path: file for file in describe(folder, moved=moved)}
    faults = [f"{name}: missing" for name in wanted if name not in found]
    faults += [f"{name}: not in the manifest" for name in found if name not in wanted]
    faults += [
        f"{name}: {found[name].bytes} bytes, {file.bytes} in the manifest"
        if found[name].bytes != file.bytes
        else f"{name}: the SHA-256 is not the manifest's"
        for name, file in wanted.items()
        if name in found and found[name] != file
    ]
    if FACTS not in wanted:
        faults.append(f"{FACTS}: not in the manifest")
    return tuple(sorted(faults))


def sizes(folder: Path, manifest: Manifest) -> tuple[str, ...]:
    """Return each file of a backup that is missing or not as long as it was; nothing is read."""
    faults: list[str] = []
    for file in manifest.files:
        path = folder / file.path
        size = path.stat().st_size if path.is_file() else None
        if size is None:
            faults.append(f"{file.path}: missing")
        elif size != file.bytes:
            faults.append(f"{file.path}: {size} bytes, {file.bytes} in the manifest")
    return tuple(faults)


def facts(folder: Path) -> Snapshot:
    """Read the facts of a backup that :func:`read` has proven.

    :raises BackupError: the file is not one of facts.
    """
    try:
        found = codec.loads(Snapshot, (folder / FACTS).read_bytes())
    except (OSError, ValueError) as error:
        raise BackupError(
            "the facts of the backup cannot be read; they may be of another release of pytest-pgsafe",
            looked_at=[str(folder / FACTS)],
            remedies=["take a new backup with this release"],
        ) from error
    return replace(found, catalog=parted(found.catalog))


@contextmanager
def incomplete(folder: Path, *, durable: bool) -> Generator[Path, None, None]:
    """Yield a folder under a temporary name; it gets its own name when everything went well, and else is gone.

    :param durable: force files and folders to disk before the rename.
    """
    partial = folder.with_name(f".{folder.name}.partial-{os.getpid()}")
    partial.mkdir(parents=True, mode=0o700)
    try:
        with in_use(partial):
            yield partial
            if durable:
                sync([*partial.rglob("*"), partial])
            partial.rename(folder)
        if durable:
            sync([folder.parent])
    finally:
        remove(partial)


def remove(path: Path) -> None:
    """Remove a file or a whole folder, if it is there."""
    import shutil

    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sha256(path: Path, moved: Moved | None = None) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal digits.

    :param moved: called with the number of bytes that were read since the last call.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            if moved is not None:
                moved(len(chunk))
    return digest.hexdigest()

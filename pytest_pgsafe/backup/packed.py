"""A backup as one file: its folder in a compressed tar, the manifest first; ``tar -xzf`` gives the folder back."""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
import shutil
import tarfile
import zlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from ..errors import BackupError, UsageError
from ..progress import SILENT, Moved, Progress
from ..server.durable import sync
from ..server.private import private_folder
from . import manifest

SUFFIX = ".tar.gz"
#: Of a file beside it, as ``sha256sum --check`` reads it.
SUM = ".sha256"
_CHUNK = 1 << 20
#: Bytes of a manifest, or of a proof, at most: one of 100,000 files is smaller.
_MOST = 64 << 20
_DAMAGED = (OSError, EOFError, zlib.error, tarfile.TarError)


@dataclass(frozen=True, kw_only=True)
class Packed:
    file: Path
    bytes: int
    sha256: str
    #: False if the backup was packed into this file before.
    new: bool = True


def pack(folder: Path, file: Path, progress: Progress = SILENT) -> Packed:
    """Write a backup into a file, read it back, and give the file its name.

    What has the name already is never replaced: the same backup is read back, another one is an error.

    :param folder: in use by the caller, so that nobody removes it.
    :raises BackupError: the backup is not what its manifest says, another one has the name, the file is not what was
        written, or it cannot be written.
    """
    known = manifest.sha256(folder / manifest.MANIFEST)
    taken = manifest.read(folder, progress)
    wanted = {manifest.MANIFEST: known, **{one.path: one.sha256 for one in taken.files}}
    if file.exists():
        return _again(folder, file, wanted, progress)
    partial = file.with_name(f".{file.name}.partial")
    total = sum(one.bytes for one in taken.files)
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _alone(partial) as stream:
            _write(folder, stream, progress.counted(f"pack {folder.name}", total))
            _prove(partial, wanted, progress.counted(f"read back {folder.name}", total))
            digest = manifest.sha256(partial)
            # Before the file has its name: none is ever without its checksum.
            _note(file, digest)
            partial.rename(file)
        sync([file.parent])
    except OSError as error:
        raise BackupError(f"the archive cannot be written: {error.strerror or error}", looked_at=[str(file)]) from error
    return Packed(file=file, bytes=file.stat().st_size, sha256=digest)


def _again(folder: Path, file: Path, wanted: Mapping[str, str], progress: Progress) -> Packed:
    if _first(file) != (folder / manifest.MANIFEST).read_bytes():
        raise BackupError(
            "the archive of another backup has this name, and none is ever replaced",
            looked_at=[str(file)],
            remedies=["move it away, or name another folder with --to"],
        )
    _prove(file, wanted, progress.counted(f"read back {file.name}"))
    digest = manifest.sha256(file)
    _note(file, digest)
    return Packed(file=file, bytes=file.stat().st_size, sha256=digest, new=False)


@contextmanager
def _alone(path: Path) -> Generator[IO[bytes], None, None]:
    """Open a file that nobody else writes, gone if it was not to be; what one that was killed left is overwritten."""
    with open(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600)) as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError("the archive is being written by another process", looked_at=[str(path)]) from error
        stream.truncate(0)
        try:
            yield stream
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _write(folder: Path, stream: IO[bytes], moved: Moved) -> None:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    # First, so that the file is known by its head.
    paths.sort(key=lambda path: path != folder / manifest.MANIFEST)
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in paths:
            entry = tarfile.TarInfo(f"{folder.name}/{path.relative_to(folder).as_posix()}")
            entry.size, entry.mtime, entry.mode = path.stat().st_size, int(path.stat().st_mtime), 0o600
            with path.open("rb") as content:
                tar.addfile(entry, content)
            moved(entry.size)
    stream.flush()
    os.fsync(stream.fileno())


def _prove(file: Path, wanted: Mapping[str, str], moved: Moved) -> None:
    """Read a file back: what is in it is what the manifest said, and nothing is missing.

    :param wanted: SHA-256 of each file of the backup, and of its manifest.
    """
    found: dict[str, str] = {}
    for name, chunks in _members(file):
        digest = hashlib.sha256()
        for chunk in chunks:
            digest.update(chunk)
            moved(len(chunk))
        found[name.partition("/")[2]] = digest.hexdigest()
    # A proof is no part of the backup, and may have become another since.
    found.pop(manifest.PROOF, None)
    if found != dict(wanted):
        raise BackupError("the archive does not hold what the backup does", looked_at=[str(file)])


def _note(file: Path, digest: str) -> None:
    beside = file.with_name(f"{file.name}{SUM}")
    partial = beside.with_name(f".{beside.name}.partial")
    with open(partial, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as note:
        note.write(f"{digest}  {file.name}\n")
        note.flush()
        os.fsync(note.fileno())
    partial.replace(beside)


def is_packed(path: Path) -> bool:
    """Tell whether a file is a backup that was packed, without believing its name."""
    try:
        return path.is_file() and _first(path) is not None
    except BackupError:
        return False


def _first(file: Path) -> bytes | None:
    """Return the manifest in a file; None if that is not its first member."""
    for name, chunks in _members(file):
        if PurePosixPath(name).parts[1:] != (manifest.MANIFEST,):
            return None
        return b"".join(_bounded(file, name, chunks, _MOST))
    return None


def _members(file: Path) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield the files of a tar in order, each with its content.

    :raises BackupError: it is damaged or cut, or holds what no backup does.
    """
    with _damage(file), gzip.open(file) as stream:
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isfile() else None
                parts = PurePosixPath(member.name).parts
                if content is None or ".." in parts or member.name.startswith("/") or len(parts) < 2:
                    raise BackupError("the archive holds what no backup does", looked_at=[f"{file}: {member.name}"])
                yield member.name, _chunks(file, content)
        # The end of what was compressed has a checksum of its own.
        while stream.read(_CHUNK):
            pass


def _chunks(file: Path, content: IO[bytes]) -> Iterator[bytes]:
    while True:
        # What its reader does with it fails for reasons of its own.
        with _damage(file):
            chunk = content.read(_CHUNK)
        if not chunk:
            return
        yield chunk


def _bounded(file: Path, name: str, chunks: Iterator[bytes], most: int) -> Iterator[bytes]:
    """Yield what belongs to a backup.

    :param most: bytes.
    :raises BackupError: there is more.
    """
    for chunk in chunks:
        most -= len(chunk)
        if most < 0:
            raise BackupError("the archive holds more than its manifest says", looked_at=[f"{file}: {name}"])
        yield chunk


@contextmanager
def _damage(file: Path) -> Generator[None, None, None]:
    try:
        yield
    except _DAMAGED as error:
        raise BackupError("the archive is damaged or cut", looked_at=[f"{file}: {error}"]) from error


@contextmanager
def unpacked(path: Path, progress: Progress = SILENT) -> Generator[Path, None, None]:
    """Yield the folder of a backup: that of one that was packed is private, and gone afterwards; any other as it is.

    :raises BackupError: the file is damaged.
    :raises UsageError: too little disk.
    """
    if not is_packed(path):
        yield path
        return
    with private_folder("unpacked", swept=True) as root:
        yield unpack(path, root, progress)


def unpack(path: Path, root: Path, progress: Progress = SILENT) -> Path:
    """Unpack a backup below a folder; return its own.

    :raises BackupError: the file is damaged.
    :raises UsageError: too little disk.
    """
    folder: Path | None = None
    known = {manifest.MANIFEST: _MOST}
    moved = progress.counted(f"unpack {path.name}")
    for name, chunks in _members(path):
        file = root / name
        if folder is None:
            folder = root / PurePosixPath(name).parts[0]
            folder.mkdir(mode=0o700)
        within = name.partition("/")[2]
        if within not in known or not file.is_relative_to(folder):
            raise BackupError("the archive holds more than its manifest says", looked_at=[f"{path}: {name}"])
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with file.open("xb") as target:
            for chunk in _bounded(path, name, chunks, known[within]):
                target.write(chunk)
                moved(len(chunk))
        if within == manifest.MANIFEST:
            _room(folder, root)
            known = {one.path: one.bytes for one in manifest.load(folder).files} | {manifest.PROOF: _MOST}
    if folder is None:
        raise BackupError("the archive holds no backup", looked_at=[str(path)])
    return folder


def _room(folder: Path, root: Path) -> None:
    needed, free = sum(one.bytes for one in manifest.load(folder).files), shutil.disk_usage(root).free
    if free < needed:
        raise UsageError(
            f"too little disk: the backup needs {needed >> 20:,} MiB",
            looked_at=[f"{root}: {free >> 20:,} MiB free"],
            remedies=["free space, or name a larger disk with TMPDIR"],
        )

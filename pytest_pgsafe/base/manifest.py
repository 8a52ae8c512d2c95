"""What a base is made of: every folder and file of it, with size and checksum. Written last.

The checksums are CRC-32, as those of PostgreSQL's own backup manifests are: they are for what a disk or a hand damages.
Who could write into the private folder could write a manifest, too.
"""

from __future__ import annotations

import hashlib
import os
import stat
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from ..catalog import codec
from ..errors import CopyError
from .values import About

FORMAT = "pgsafe-base/1"
NAME = "base.json"
#: Beside the manifest: the cluster, and what whoever built it knows of it.
DATA, STATE = "data", "state.json"
_CHUNK = 1 << 20
_NO_SEAL = "0" * 64


@dataclass(frozen=True, kw_only=True)
class File:
    bytes: int
    crc32: int


@dataclass(frozen=True, kw_only=True)
class Manifest:
    format: str
    key: str
    about: About
    #: The superuser's, in the cluster as it lies there.
    password: str
    #: By path within the base, with forward slashes.
    files: Mapping[str, File]
    folders: tuple[str, ...]
    #: SHA-256 of the manifest's own bytes with zeros in this place.
    seal: str = _NO_SEAL

    def __repr__(self) -> str:
        return f"Manifest({self.key})"

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files.values())


def entries(folder: Path) -> tuple[Mapping[str, os.stat_result], tuple[str, ...]]:
    """Return the files that a base is made of, each with what the file system says of it, and the folders.

    :raises CopyError: something in it is neither.
    """
    files: dict[str, os.stat_result] = {}
    folders: list[str] = []
    for name, state in sorted(_entries(folder), key=lambda one: one[0]):
        if stat.S_ISREG(state.st_mode):
            files[name] = state
        elif stat.S_ISDIR(state.st_mode):
            folders.append(name)
        else:
            raise CopyError("a base is made of files and folders alone", looked_at=[str(folder / name)])
    return files, tuple(folders)


def read(folder: Path, paths: Sequence[Path]) -> Mapping[str, File]:
    """Read files of a base."""
    # zlib lets other threads run while it computes.
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        found = list(pool.map(_file, paths))
    return {path.relative_to(folder).as_posix(): file for path, file in zip(paths, found, strict=True)}


def _entries(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield what a base is made of, by path within it; thousands of files: plain texts, and one look at each."""
    yield STATE, (folder / STATE).lstat()
    yield DATA, (folder / DATA).lstat()
    yield from _below(folder, DATA)


def _below(folder: Path, name: str) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(folder / name) as found:
        for entry in found:
            path = f"{name}/{entry.name}"
            yield path, entry.stat(follow_symlinks=False)
            if entry.is_dir(follow_symlinks=False):
                yield from _below(folder, path)


def _file(path: Path) -> File:
    size, found = 0, 0
    with path.open("rb", buffering=0) as file:
        buffer = bytearray(_CHUNK)
        view = memoryview(buffer)
        while count := file.readinto(buffer):
            found = zlib.crc32(view[:count], found)
            size += count
    return File(bytes=size, crc32=found)


def write(folder: Path, manifest: Manifest) -> None:
    """Write the manifest: from here on the folder is a base."""
    data = codec.dumps(replace(manifest, seal=_NO_SEAL))
    data = data.replace(_sealed(_NO_SEAL), _sealed(hashlib.sha256(data).hexdigest()))
    handle = os.open(folder / NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)


def _sealed(seal: str) -> bytes:
    return f'"seal":"{seal}"'.encode()


def load(folder: Path) -> Manifest:
    """Read a manifest alone.

    :raises CopyError: there is none, or it is not what was written.
    """
    path = folder / NAME
    try:
        data = path.read_bytes()
        manifest = codec.loads(Manifest, data)
    except (OSError, ValueError) as error:
        raise CopyError("the base has no manifest that can be read", looked_at=[str(path)]) from error
    blank = data.replace(_sealed(manifest.seal), _sealed(_NO_SEAL))
    if manifest.format != FORMAT or hashlib.sha256(blank).hexdigest() != manifest.seal:
        raise CopyError("the manifest of the base is not what was written", looked_at=[str(path)])
    return manifest


def misfits(manifest: Manifest, files: Collection[str], folders: Collection[str]) -> Iterator[str]:
    """Yield each file and folder that is missing, or is there and should not be, for people."""
    yield from (f"{name}: missing" for name in manifest.files if name not in files)
    yield from (f"{name}: not in the manifest" for name in files if name not in manifest.files)
    yield from (f"{name}: this folder is missing" for name in manifest.folders if name not in folders)
    yield from (f"{name}: this folder is not in the manifest" for name in folders if name not in manifest.folders)

"""Where bases lie: a private folder in the cache, a folder with a mark of ours for each of them."""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path

from filelock import FileLock

from ..errors import CopyError, ServerError
from ..server import cache, ours
from ..server.keeper import sign
from . import manifest
from .values import Base

MARK = ".pgsafe"
_FOLDER = "bases"
#: How the folder of a base is called that is not complete.
_PARTIAL = ".partial-"


def folder() -> Path:
    """Return the folder of all bases, made if need be: nobody but its owner can read it.

    :raises ServerError: there is no place for it, or others can read it.
    """
    path = cache.folder() / _FOLDER
    path.mkdir(mode=0o700, exist_ok=True)
    state = path.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid() or state.st_mode & 0o077:
        raise ServerError(
            "bases hold what their sources hold, and others could read them here",
            looked_at=[f"{path}: mode {stat.S_IMODE(state.st_mode):o}"],
            remedies=[f"chmod 700 {path}, if it is yours"],
        )
    return path


@contextmanager
def building(key: str) -> Generator[None]:
    """Hold the lock under which a base is looked for and built: of several runs one builds it."""
    with FileLock(folder() / f"{key}.lock"):
        yield


def fresh(key: str) -> tuple[Path, int]:
    """Make the folder of a base that is to be filled; return it and the handle that holds its lock."""
    path = folder() / f"{_PARTIAL}{key}-{secrets.token_hex(4)}"
    path.mkdir(mode=0o700)
    return path, sign(path, MARK)


def finish(path: Path, handle: int) -> Path:
    """Give a folder that is complete its name, and let others use it; it is still held."""
    fcntl.flock(handle, fcntl.LOCK_SH)
    return path.rename(path.with_name(path.name.removeprefix(_PARTIAL)))


def hold(path: Path, *, alone: bool = False) -> int | None:
    """Lock a folder of ours against its removal, or ``alone`` to remove it; return the handle.

    None: it is gone, is none of ours, or somebody holds it.
    """
    try:
        handle = os.open(path / MARK, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(handle, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    # Removed between the two.
    if ours.mark_of(path, MARK) is None:
        os.close(handle)
        return None
    return handle


def remove(path: Path) -> bool:
    """Remove a base, whole or not; tell whether it is gone: one that is none of ours, or in use, stays."""
    handle = hold(path, alone=True)
    if handle is None:
        return not path.exists()
    try:
        # Without its manifest it is no base any more, however far the removal comes.
        with suppress(OSError):
            (path / manifest.NAME).unlink()
        ours.remove(path)
    finally:
        os.close(handle)
    return not path.exists()


def bases() -> tuple[Base, ...]:
    """Return the bases that are there, the one that was used last first; none is looked into."""
    return tuple(sorted(_listed(), key=lambda base: base.used, reverse=True))


def _listed() -> Iterator[Base]:
    for path in sorted(folder().iterdir()):
        if path.name.startswith(_PARTIAL) or ours.mark_of(path, MARK) is None:
            continue
        try:
            said = manifest.load(path)
            used = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
        except (CopyError, OSError):
            continue
        yield Base(folder=path, key=said.key, about=said.about, bytes=said.bytes, used=used)


def adopt() -> tuple[Path, ...]:
    """Take bases that were copied here, out of a CI's cache, say, for ours, and return their folders.

    Whether they are whole is found out before they are used, as of all others: they are other files than those that
    were proven, so everything is read.
    """
    found = tuple(path for path in sorted(folder().iterdir()) if _is_copy(path))
    for path in found:
        (path / MARK).unlink()
        os.close(sign(path, MARK))
    return found


def _is_copy(path: Path) -> bool:
    """Tell whether a folder is a base whose mark is true of the folder that it was copied from."""
    state = path.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid() or not (path / MARK).is_file():
        return False
    try:
        return ours.mark_of(path, MARK) is None and path.name.startswith(f"{manifest.load(path).key}-")
    except CopyError:
        return False


def left() -> Iterator[Path]:
    """Yield folders of ours that are no bases: what a killed run was building, or whose manifest is damaged."""
    known = {base.folder for base in bases()}
    for path in sorted(folder().iterdir()):
        if path not in known and ours.mark_of(path, MARK) is not None:
            yield path


def touch(path: Path) -> None:
    """Note that a base is used."""
    with suppress(OSError):
        os.utime(path)

"""What is ours, told by its mark: nothing is removed for its name, its age or its place alone.

A mark is written by :func:`.keeper.sign`. It names the very folder and file that it lies in (device, inode), the
process that made it, with its start and the machine's, and a random token. So one that was copied, moved along or
linked to is true of nothing, and one whose process lives is never taken for that of a run that is gone.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import socket
import stat
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from . import segments
from .keeper import FORMAT, LOCK, PREFIX, boot, place_of, started

#: Seconds that a folder without a mark may be one that is just being made.
YOUNG = 60.0
#: Bytes: no mark is longer.
_LONGEST = 4096


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Who made a folder."""

    format: str
    device: int
    inode: int
    #: The inode of the mark's own file.
    file: int
    pid: int
    #: When that process began, and in which run of the machine; empty where that is not to be told.
    started: str
    boot: str
    host: str
    token: str


def mark_of(path: Path, name: str = LOCK) -> Mark | None:
    """Return the mark that this user wrote into a folder; None if it has none that is true of it."""
    try:
        handle = os.open(path / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        return _true(path, handle) if os.fstat(handle).st_uid == os.geteuid() else None
    finally:
        os.close(handle)


def _true(path: Path, handle: int) -> Mark | None:
    folder, file = path.lstat(), os.fstat(handle)
    try:
        mark = Mark(**json.loads(os.pread(handle, _LONGEST, 0)))
    except (ValueError, TypeError):
        return None
    if not (stat.S_ISDIR(folder.st_mode) and stat.S_ISREG(file.st_mode) and file.st_nlink == 1):
        return None
    if mark.format != FORMAT or (mark.inode, mark.file) != (folder.st_ino, file.st_ino):
        return None
    # A file system may have another number after the machine was started again.
    return None if mark.boot == boot() and mark.device != folder.st_dev else mark


def sweep(place: Path, *, users: Collection[int]) -> tuple[str, ...]:
    """Remove the folders that processes left that were killed.

    :param users: whose folders they may be.
    :returns: what is called like ours and was left alone, each with the reason.
    """
    left: list[str] = []
    for path in sorted(place.glob(f"{PREFIX}*")):
        try:
            why = _swept(path, users)
        except OSError:
            # It is gone meanwhile, or closed to us.
            continue
        if why is not None:
            left.append(f"{path}: {why}")
    return tuple(left)


def _swept(path: Path, users: Collection[int]) -> str | None:
    """Remove a folder if it is ours and nobody's any more; return why not, if that is worth a word."""
    state = path.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid not in users:
        return None
    handle = os.open(path / LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if os.fstat(handle).st_uid != state.st_uid:
            return "its lock belongs to somebody else"
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Its process is alive.
            return None
        mark = _true(path, handle)
        if mark is None:
            young = time.time() - state.st_mtime < YOUNG
            return None if young else "it carries no mark of this release that is true of it"
        if why := _in_use(path, mark):
            return why
        if mark.boot == boot():
            segments.release(path / "data", state.st_uid)
        remove(path)
    finally:
        os.close(handle)
    return None if place_of(path) is None else "a part of it cannot be removed"


def _in_use(path: Path, mark: Mark) -> str | None:
    if mark.boot != boot() and mark.host != socket.gethostname():
        return f"it was made on another machine ({mark.host})"
    if mark.boot == boot() and mark.started and started(mark.pid) == mark.started:
        return f"its process {mark.pid} is alive"
    if pid := _postmaster(path / "data" / "postmaster.pid"):
        return f"the server in it runs as process {pid}"
    user = next(_users(path), None)
    return None if user is None else f"process {user} uses it"


def _postmaster(pid_file: Path) -> int | None:
    try:
        pid = int(pid_file.read_text("utf-8").split()[0])
    except (OSError, ValueError, IndexError):
        return None
    try:
        os.kill(pid, 0)
    except PermissionError:
        # It is there, and another user's.
        return pid
    except OSError:
        return None
    # The kernel lists one that has ended until somebody has waited for it.
    return pid if started(pid) or not started(os.getpid()) else None


def _users(path: Path) -> Iterator[int]:
    """Yield the processes that stand in a folder, or have a file of it open, as far as that can be seen."""
    inside = f"{path.resolve()}{os.sep}"
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        for link in (process / "cwd", process / "root", *_listed(process / "fd")):
            with suppress(OSError):
                if f"{link.readlink()}{os.sep}".startswith(inside):
                    yield int(process.name)
                    break


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def remove(path: Path) -> None:
    """Remove a folder and what is in it; nothing at all if something is mounted in it, which is somebody else's."""
    if not any(_mounted(path)):
        shutil.rmtree(path, ignore_errors=True)


def _mounted(path: Path) -> Iterator[Path]:
    """Yield what is mounted inside of a folder."""
    inside = f"{path.resolve()}{os.sep}"
    with suppress(OSError):
        for line in Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines():
            point = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), line.split(" ")[4])
            if point.startswith(inside):
                yield Path(point)
        return
    device = path.lstat().st_dev
    for folder, names, _ in os.walk(path):
        yield from (Path(folder) / name for name in names if (Path(folder) / name).lstat().st_dev != device)

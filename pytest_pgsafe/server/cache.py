"""The folder in which pgsafe keeps what takes long to make: initialised clusters, unpacked or copied programs."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from ..errors import ServerError
from . import ours
from .keeper import sign

NAME = "pytest-pgsafe"
#: The file in each entry that says that it is ours: whatever else lies here is left alone.
MARK = ".pgsafe"
#: Seconds after which an entry that nobody used is removed.
UNUSED = 30 * 86400


def folder() -> Path:
    """Return the cache folder, made if need be: nobody but its owner may write there.

    Root's lies in /var/cache, for the unprivileged user that runs the server has to reach it.

    :raises ServerError: no place could be written to, or it belongs to somebody else.
    """
    places: list[Path] = []
    if os.geteuid() == 0:
        places.append(Path("/var/cache"))
    elif os.environ.get("XDG_CACHE_HOME"):
        places.append(Path(os.environ["XDG_CACHE_HOME"]))
    else:
        with suppress(RuntimeError):
            places.append(Path.home() / ".cache")
    wanted = [place / NAME for place in places] + [Path(tempfile.gettempdir()) / f"{NAME}-{os.geteuid()}"]
    refused: list[str] = []
    for path in wanted:
        try:
            path.mkdir(mode=0o755, parents=True, exist_ok=True)
            state = path.lstat()
        except OSError as error:
            refused.append(f"{path}: {error.strerror}")
            continue
        # The last place has a name that others can guess, in a folder in which they can write.
        if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid() or state.st_mode & 0o022:
            refused.append(f"{path}: belongs to somebody else, or others can write to it")
        elif not os.access(path, os.W_OK | os.X_OK):
            refused.append(f"{path}: cannot be written to")
        else:
            return path
    raise ServerError(
        "no folder for the cache of server programs and initialised clusters",
        looked_at=refused,
        remedies=["set XDG_CACHE_HOME to a folder of your own"],
    )


def entry(path: Path, make: Callable[[Path], None], *, owner: tuple[int, int] | None = None) -> Path:
    """Return ``path``, which ``make`` fills the first time.

    Processes wait for each other under a file lock. ``make`` is given a 0700 folder beside ``path``, with nothing but a
    mark in it, that is renamed afterwards, so whatever has the name is complete.

    :param owner: uid and gid of the folder given to ``make``; None is the caller.
    """
    if not path.is_dir():
        with lock(path):
            if not path.is_dir():
                _make(path, make, owner)
    with suppress(OSError):
        os.utime(path)
    return path


@contextmanager
def lock(path: Path) -> Generator[None]:
    """Hold the lock of a cache entry. The lock file stays: removing it would let two in."""
    with FileLock(path.with_name(f"{path.name}.lock")):
        yield


def _make(path: Path, make: Callable[[Path], None], owner: tuple[int, int] | None) -> None:
    for old in path.parent.iterdir():
        # What a killed process left of this very entry, and what nobody used for long.
        left = old.name.startswith(f".{path.name}.") or time.time() - old.lstat().st_mtime > UNUSED
        if left and ours.mark_of(old, MARK) is not None:
            ours.remove(old)
    fresh = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        os.close(sign(fresh, MARK))
        if owner is not None:
            os.chown(fresh, *owner)
        make(fresh)
        fresh.rename(path)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise

"""The private folder of a run. It holds a copy of the source's data: a killed run must not leave it for ever."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "pgsafe-rehearsal-"
LOCK = "lock"
#: Seconds: a run that is just beginning has its folder before its lock.
YOUNG = 60


@contextmanager
def private_folder() -> Generator[Path, None, None]:
    """Yield a folder that nobody else can read and that is gone afterwards; remove those of runs that were killed."""
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        # Held while this process lives, and by no child.
        handle = os.open(Path(name, LOCK), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            _sweep(Path(name).parent)
            yield Path(name)
        finally:
            os.close(handle)


def _sweep(place: Path) -> None:
    for path in place.glob(f"{PREFIX}*"):
        try:
            state = path.lstat()
            if state.st_uid != os.geteuid() or time.time() - state.st_mtime < YOUNG:
                continue
            handle = os.open(path / LOCK, os.O_RDWR | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        except OSError:
            # Its run is alive.
            continue
        finally:
            os.close(handle)

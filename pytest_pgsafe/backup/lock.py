"""Who uses a backup: a lock on its folder that ends with the process, however that ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def in_use(folder: Path) -> Generator[None, None, None]:
    """Keep others from removing a folder while it is written, read or restored; any number may use it at once.

    :raises OSError: there is no such folder.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


@contextmanager
def alone(folder: Path) -> Generator[bool, None, None]:
    """Yield whether nobody uses a folder; as long as the block runs nobody begins to.

    A file system that knows no such locks cannot tell: then somebody may.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)

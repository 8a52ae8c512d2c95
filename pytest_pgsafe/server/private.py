"""Folders of ours below the system's temporary one: nobody else reads them, and none outlives its process for ever.

They hold passwords and copies of the source's data. Each has a lock that its process holds while it lives, so that the
next run can remove what one left that was killed; the folders of servers (:mod:`.keeper`) follow the same rule.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from .keeper import LOCK, PREFIX, hold, sweep

__all__ = ["LOCK", "PREFIX", "private_folder"]


@contextmanager
def private_folder(kind: str, *, swept: bool = False) -> Generator[Path]:
    """Yield a folder that nobody else can read and that is gone afterwards.

    :param kind: a word in its name, for people.
    :param swept: remove before that what runs left that were killed.
    """
    path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{kind}-"))
    handle = hold(path)
    try:
        if swept:
            sweep(path.parent)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(handle)

"""A disk that is full, told from every other error: it says nothing of a backup or of a migration."""

from __future__ import annotations

import errno
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg

from ..errors import DiskFullError, PgsafeError

_WORDS = re.compile(r"No space left on device|Disk quota exceeded")
#: A server that cannot write its WAL ends, and what its clients see is that; its log ends in the middle of a line.
_CRASHED = re.compile(
    r"server closed the connection|because of crash|in recovery mode|PANIC:|connection refused|is starting up"
    r"|not yet accepting connections|log is torn",
    re.I,
)
#: Bytes: less than a segment of WAL.
_NOTHING = 16 << 20
_ERRNO = frozenset({errno.ENOSPC, errno.EDQUOT})


def disk_full(error: BaseException) -> DiskFullError | None:
    """Return what to say if an error, or what caused it, is that a disk is full; None if it is another.

    Of a server of ours that has ended, the room that is left below the temporary folder tells.
    """
    if isinstance(error, DiskFullError):
        return error
    for one in _chain(error):
        if isinstance(one, OSError) and one.errno in _ERRNO:
            return _told(str(one.filename or one.strerror), error)
        if isinstance(one, psycopg.errors.DiskFull) or _WORDS.search(str(one)):
            line = next((text for text in str(one).splitlines() if _WORDS.search(text)), str(one).partition("\n")[0])
            return _told(line.replace("looked at:", "").strip(), error)
    if any(_CRASHED.search(str(one)) for one in _chain(error)):
        folder = Path(tempfile.gettempdir())
        if (free := shutil.disk_usage(folder).free) < _NOTHING:
            return _told(f"{folder}, {free >> 20} MiB free: the scratch server could not write", error)
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__


def _told(where: str, error: BaseException) -> DiskFullError:
    message = error.message if isinstance(error, PgsafeError) else str(error).partition("\n")[0]
    return DiskFullError(
        "a disk is full: what was begun is gone again, and what was there is as it was",
        looked_at=list(dict.fromkeys([where, message])),
        remedies=[
            "free space, and give the same command again",
            "TMPDIR names another folder for scratch servers and copies, --root another one for backups",
        ],
    )

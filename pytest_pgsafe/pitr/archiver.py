"""What ``archive_command`` calls: a file of ``pg_wal`` into an archive, whole, on disk, never over another.

A process for each segment: nothing heavy is imported here.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..errors import StorageError
from ..server.durable import sync

_PARTIAL = ".pgsafe-partial-"


def store(path: Path, folder: Path, name: str | None = None) -> bool:
    """Put a file of ``pg_wal`` into an archive, for ``archive_command``: whole, on disk, never over another.

    :param name: the file's; None is the path's.
    :return: False if it is there already with the same content.
    :raises StorageError: another file of this name is there; the archive cannot be written.
    """
    target = folder / (name or path.name)
    partial = folder / f".{target.name}{_PARTIAL}{os.getpid()}"
    try:
        for left in folder.glob(f".{target.name}{_PARTIAL}*"):
            # Of a process that was killed. Should one on another machine be at work, it fails, and is asked again.
            left.unlink(missing_ok=True)
        if target.exists():
            if _same(path, target):
                # It was archived, and the server ended before it knew; the file has to be on disk all the same.
                sync([target, folder])
                return False
            raise StorageError(
                f"another {target.name} is in the archive already",
                looked_at=[str(target)],
                remedies=["two clusters may archive to one folder: give each its own"],
            )
        with path.open("rb") as source, partial.open("xb") as copy:
            os.fchmod(copy.fileno(), 0o600)
            shutil.copyfileobj(source, copy, 1 << 20)
            copy.flush()
            os.fsync(copy.fileno())
        if not _same(path, partial):
            raise StorageError("the copy is not what was copied", looked_at=[str(partial)])
        # A link, not a rename: it fails where another archiver came first.
        os.link(partial, target)
        partial.unlink()
        sync([folder])
    except OSError as error:
        raise StorageError(
            f"the WAL archive cannot be written: {error.strerror or error}", looked_at=[str(target)]
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return True


def _same(first: Path, second: Path) -> bool:
    if first.stat().st_size != second.stat().st_size:
        return False
    with first.open("rb") as left, second.open("rb") as right:
        while chunk := left.read(1 << 20):
            if right.read(1 << 20) != chunk:
                return False
    return True

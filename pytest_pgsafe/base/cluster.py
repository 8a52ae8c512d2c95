"""The data directory of a base: what of a stopped server is kept, and what is not."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..errors import CopyError, ServerError
from ..server.programs import LocalPrograms
from ..server.surrendered import without_wal


def take(data: Path, into: Path, programs: LocalPrograms) -> None:
    """Move the data directory of a server that was stopped in order, without its log and the WAL that it needs no more.

    :raises CopyError: it was not stopped in order.
    """
    try:
        without_wal(data, programs)
    except ServerError as error:
        raise CopyError(error.message, looked_at=error.looked_at) from error
    shutil.move(data, into)
    # It quotes statements, and with them rows.
    shutil.rmtree(into / "log", ignore_errors=True)
    for name in ("postmaster.pid", "postmaster.opts"):
        (into / name).unlink(missing_ok=True)
    _own(into)


def _own(data: Path) -> None:
    """Make everything the caller's, and nobody else's."""
    if os.geteuid() != 0:
        return
    for top, _, names in os.walk(data):
        os.chown(top, 0, 0)
        for name in names:
            os.chown(Path(top) / name, 0, 0, follow_symlinks=False)

"""The data directory of a base: what of a stopped server is kept, and what is not."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from ..errors import CopyError
from ..server.programs import LocalPrograms

_SEGMENT = re.compile(r"[0-9A-F]{24}")
_NEEDED = re.compile(r"REDO WAL file: +([0-9A-F]{24})")


def take(data: Path, into: Path, programs: LocalPrograms) -> None:
    """Move the data directory of a server that was stopped in order, without its log and the WAL that it needs no more.

    :raises CopyError: it was not stopped in order.
    """
    done = programs.run("pg_controldata", [str(data)], environment={"LC_ALL": "C"})
    needed = _NEEDED.search(done.stdout)
    stopped = re.search(r"^Database cluster state: +shut down$", done.stdout, re.MULTILINE)
    if done.returncode or needed is None or stopped is None:
        raise CopyError("the restored server was not stopped in order", looked_at=done.stdout.splitlines()[:5])
    shutil.move(data, into)
    # It quotes statements, and with them rows.
    shutil.rmtree(into / "log", ignore_errors=True)
    for segment in (into / "pg_wal").iterdir():
        # From a checkpoint that ends a cluster's life nothing before it is ever read.
        if _SEGMENT.fullmatch(segment.name) and segment.name != needed[1]:
            segment.unlink()
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

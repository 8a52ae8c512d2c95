"""The mark of a scratch database: its comment, true of that very database alone."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone

from .base import MARK
from .keeper import TOKEN, boot, started

FORMAT = "pgsafe-database/1"


@dataclass(frozen=True, kw_only=True)
class DatabaseMark:
    """Who made a database."""

    format: str
    #: Of the database: a comment that was copied names another one.
    oid: int
    name: str
    pid: int
    #: When that process began, and in which run of which machine; empty where that is not to be told.
    started: str
    boot: str
    host: str
    token: str
    #: Somebody asked for it to stay.
    kept: bool = False
    #: Databases that are being copied from it, and have no mark of their own yet.
    making: Sequence[str] = ()

    @property
    def ours(self) -> bool:
        """Whether this very process made it."""
        return self.token == TOKEN

    @property
    def lock(self) -> int:
        """The advisory lock that whoever made it holds as long as it is there."""
        return int(self.token[:15], 16)

    @property
    def alive(self) -> bool:
        """Whether whoever made it is a process of this machine that still runs."""
        return self.boot == boot() and self.started != "" and started(self.pid) == self.started

    def comment(self) -> str:
        """Return it as a comment, for people and for :func:`read`."""
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return f"{MARK}, made {now} by process {self.pid} on {self.host} {json.dumps(asdict(self))}"


def own(oid: int, name: str) -> DatabaseMark:
    """Return this process's mark for a database."""
    pid = os.getpid()
    return DatabaseMark(
        format=FORMAT, oid=oid, name=name, pid=pid, started=started(pid), boot=boot(), host=socket.gethostname(),
        token=TOKEN,
    )  # fmt: skip


def read(comment: str | None, oid: int, name: str) -> DatabaseMark | None:
    """Return the mark in a comment; None if it is none, or not true of the database."""
    if comment is None or not comment.startswith(MARK):
        return None
    try:
        mark = DatabaseMark(**json.loads(comment[comment.index("{") :]))
        int(mark.token, 16)
    except (ValueError, TypeError):
        return None
    return mark if (mark.format, mark.oid, mark.name) == (FORMAT, oid, name) else None

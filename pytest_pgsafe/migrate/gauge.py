"""What can only be seen while a migration runs: how large the database is, and locks that no event tells of."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

import psycopg

from ..server.base import Server
from ..server.connection import Connection, connect
from .sessions import PATIENCE

#: Seconds between two looks, at the locks and at the files; longer where one takes long: most of the time nobody looks.
INTERVAL = 0.025
_SHARE = 15
_SIZE = "select pg_database_size(%s)"
#: Temporary files lie beside the databases.
_TEMPORARY = "select coalesce(sum(size), 0) from pg_ls_tmpdir()"
_LOCKS = b"""
select l.pid, l.virtualtransaction, l.relation::int8, l.mode,
       clock_timestamp() at time zone current_setting('log_timezone'),
       pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::int8
  from (select) as one
  left join (pg_locks as l
             join pg_database as d on d.oid = l.database and d.datname = %s
             join pg_stat_activity as a on a.pid = l.pid and a.application_name <> 'pgsafe')
    on l.locktype = 'relation' and l.granted
   and l.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
"""


@dataclass(kw_only=True)
class Held:
    """A lock that was seen: from when, and until when."""

    pid: int
    #: Virtual transaction id.
    transaction: str
    relation: int
    mode: str
    first: datetime
    last: datetime


@dataclass(kw_only=True)
class Gauged:
    """What was seen of one run."""

    #: Bytes of the database before and after; None where nobody looked.
    before: int | None = None
    after: int | None = None
    #: Bytes of the database and of temporary files, at most; 0 where no look was in time.
    most: int = 0
    #: By session, transaction, relation and mode.
    locks: dict[tuple[int, str, int, str], Held] = field(default_factory=dict[tuple[int, str, int, str], Held])
    #: The server's time and the position in the WAL, at each look.
    wal: list[tuple[datetime, int]] = field(default_factory=list[tuple[datetime, int]])

    @property
    def growth(self) -> int | None:
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def peak(self) -> int | None:
        """Return how much the database had grown at most."""
        if self.before is None or self.after is None:
            return None
        return max(self.most, self.after, self.before) - self.before


@contextmanager
def gauged(server: Server, dbname: str) -> Generator[Gauged]:
    """Look at a database while a migration runs on it, from a session on another one."""
    seen = Gauged()
    if not server.owns_cluster:
        yield seen
        return
    with connect(server.address()) as session:
        seen.before = _size(session, dbname)
    over = threading.Event()
    thread = threading.Thread(target=_look, args=(server, dbname, over, seen), daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join(PATIENCE)
        # The copy may be gone.
        with suppress(psycopg.Error), connect(server.address()) as session:
            seen.after = _size(session, dbname)


def _look(server: Server, dbname: str, over: threading.Event, seen: Gauged) -> None:
    pause = INTERVAL
    # What cannot be seen is not told.
    with suppress(psycopg.Error):
        # As short runs end before the first look, they open no session for it.
        if over.wait(pause):
            return
        with connect(server.address()) as session:
            size_due = 0.0
            while not over.wait(pause):
                pause = _pause(lambda: _locks(session, dbname, seen))
                if time.monotonic() >= size_due:
                    size_due = time.monotonic() + _pause(lambda: _sizes(session, dbname, seen))


def _pause(look: Callable[[], None]) -> float:
    """Look once, and return how long nobody looks then."""
    started = time.monotonic()
    look()
    return max(INTERVAL, (time.monotonic() - started) * _SHARE)


def _sizes(session: Connection, dbname: str, seen: Gauged) -> None:
    seen.most = max(seen.most, _size(session, dbname) + _value(session, _TEMPORARY))


def _locks(session: Connection, dbname: str, seen: Gauged) -> None:
    moment: datetime | None = None
    for pid, transaction, relation, mode, now, position in session.execute(_LOCKS, (dbname,)):
        if moment is None:
            moment = now
            seen.wal.append((now, int(position)))
        if pid is None:
            continue
        held = seen.locks.setdefault(
            (pid, transaction, relation, mode),
            Held(pid=pid, transaction=transaction, relation=relation, mode=mode, first=now, last=now),
        )
        held.last = now


def _size(session: Connection, dbname: str) -> int:
    return _value(session, _SIZE, dbname)


def _value(session: Connection, query: str, *parameters: str) -> int:
    row = session.execute(query.encode(), parameters).fetchone()
    return int(row[0]) if row and row[0] is not None else 0

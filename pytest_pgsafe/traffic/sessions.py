"""Sessions of others on the copy, and who waits for whom there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

import psycopg
from psycopg import sql

from ..server.address import Address
from ..server.connection import Connection, connect
from .values import Waiter, Wanted, Who

#: Seconds between two looks at who waits.
INTERVAL = 0.01
#: Seconds that something has to come to pass in which takes a moment.
PATIENCE = 10.0
_SOON = b"set local deadlock_timeout = '200ms'"
_MODES = {
    "AccessShareLock": sql.SQL("access share"),
    "RowShareLock": sql.SQL("row share"),
    "RowExclusiveLock": sql.SQL("row exclusive"),
}
_NAME = b"select c.oid::regclass::text, c.relkind::text from pg_class as c where c.oid = %s"
_WAITS = b"""
select pid, pg_blocking_pids(pid), application_name = 'pgsafe' from pg_stat_activity
 where datname = %s and wait_event_type = 'Lock' and backend_type = 'client backend'
"""


class Other:
    """A session of others: a transaction that takes what it is told to, and changes nothing."""

    def __init__(self, copy: Address, oids: Mapping[str, int], *, soon: bool = False) -> None:
        """Open it.

        :param oids: of the relations, by their names before the migration.
        :param soon: it looks for a deadlock as soon as it has waited for a moment, and not after ``deadlock_timeout``.
        """
        self._oids = oids
        self._session = connect(copy, read_only=False, autocommit=False)
        if soon:
            self._session.execute(_SOON)
        self._thread: threading.Thread | None = None
        self.pid = self._session.info.backend_pid
        #: Seconds that the last request took, and SQLSTATE and message of its error.
        self.seconds: float | None = None
        self.error: tuple[str, str] | None = None

    def take(self, wanted: Wanted) -> bool:
        """Take a lock of a relation as those do whose session it stands for, and tell whether it was to be had."""
        started = time.monotonic()
        try:
            if not self._take(wanted):
                return False
        except psycopg.Error as error:
            self.error = (error.sqlstate or "", str(error).partition("\n")[0])
        self.seconds = round(time.monotonic() - started, 3)
        return self.error is None

    def _take(self, wanted: Wanted) -> bool:
        row = self._session.execute(_NAME, (self._oids[wanted.relation],)).fetchone()
        if row is None:
            return False
        name, kind = sql.SQL(row[0]), str(row[1])
        if kind == "m" and wanted.mode != "AccessShareLock":
            return False
        if wanted.mode == "AccessShareLock":
            self._session.execute(sql.SQL("select from {} limit 0").format(name))
        else:
            # What INSERT, UPDATE and DELETE take of it, and what a foreign key's check takes: nothing is written.
            mode = _MODES[wanted.mode]
            self._session.execute(sql.SQL("lock table only {} in {} mode").format(name, mode))
        return True

    def ask(self, wanted: Wanted, *, leave: bool = False) -> None:
        """Ask for a lock and go on at once.

        :param leave: give back what it has as soon as it has it, or an error.
        """

        def work() -> None:
            self.take(wanted)
            if leave:
                self.leave()

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()

    @property
    def is_done(self) -> bool:
        """Whether what was asked for is there, or an error."""
        return self._thread is not None and not self._thread.is_alive()

    def leave(self) -> None:
        """End the transaction."""
        with suppress(psycopg.Error):
            self._session.rollback()

    def wait(self, seconds: float) -> None:
        """Wait for what was asked for."""
        if self._thread is not None:
            self._thread.join(seconds)

    def close(self) -> None:
        """End the session."""
        if self._thread is not None and self._thread.is_alive():
            with suppress(psycopg.Error):
                self._session.cancel()
            self._thread.join(PATIENCE)
        with suppress(psycopg.Error):
            self._session.close()

    def waiter(self, who: Who, wanted: Wanted) -> Waiter:
        """Return what came of a request."""
        error = None if self.error is None else f"{self.error[1]} (SQLSTATE {self.error[0]})"
        return Waiter(who=who, relation=wanted.relation, seconds=self.seconds, error=error)


class Waits:
    """Who waits for whom on the copy, as the server says at this moment."""

    def __init__(self, server: Address, dbname: str) -> None:
        self._session: Connection = connect(server)
        self._dbname = dbname

    def migration(self) -> Mapping[int, frozenset[int]]:
        """Return the sessions of the migration that wait for a lock, each with those whom it waits for."""
        return self._found(others=False)

    def others(self) -> Mapping[int, frozenset[int]]:
        """Return the same of the sessions that were put beside it."""
        return self._found(others=True)

    def _found(self, *, others: bool) -> Mapping[int, frozenset[int]]:
        rows = self._session.execute(_WAITS, (self._dbname,)).fetchall()
        return {int(pid): frozenset(blockers) for pid, blockers, own in rows if bool(own) == others}

    def close(self) -> None:
        """End the session in which it looks."""
        self._session.close()


def until(happened: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Wait until something has happened, and tell whether it has."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            return False
        time.sleep(INTERVAL)
    return True

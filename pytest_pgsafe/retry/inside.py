"""A statement held up by a session of ours, between two of its parts or before its lock, and broken off there."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress

import psycopg
from psycopg import sql

from ..catalog.names import split, unquoted
from ..reading.read import read
from ..server.base import Server
from ..server.connection import Connection, connect
from ..snapshot.session import encoded
from .values import Point

#: Seconds in which the statement has to come to its wait.
PATIENCE = 10.0
#: What waits for a lock gives up after that, where its program is to be told so.
LOCK_TIMEOUT = "500ms"
_TABLES = """
select distinct coalesce(i.indrelid, c.oid)::regclass::text
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
  left join pg_index as i on i.indexrelid = c.oid
 where c.relname = %s and n.nspname = coalesce(%s, n.nspname) and c.relkind in ('r', 'p', 'm', 'i', 'I')
   and n.nspname <> 'pg_toast'
"""
_WAITING = """
select count(*), count(case when %s then pg_terminate_backend(pid) end) from pg_stat_activity
 where datname = %s and wait_event_type = 'Lock' and backend_type = 'client backend' and application_name <> 'pgsafe'
"""
_TIMEOUT = """
select split_part(setting, '=', 2) from pg_db_role_setting as s
  join pg_database as d on d.oid = s.setdatabase cross join unnest(s.setconfig) as setting
 where d.datname = %s and s.setrole = 0 and setting like 'lock_timeout=%%'
"""
#: The later half of a table's rows, where they lie.
_LATER = """
select from {0} where ctid in (select ctid from {0} order by ctid desc limit (select count(*) / 2 from {0})) for update
"""


class Holder:
    """A session of ours that a statement has to wait for."""

    def __init__(self, server: Server, dbname: str, point: Point, written: Sequence[str]) -> None:
        """Take what is held up.

        :param written: tables whose rows the migration writes.
        """
        self._server = server
        self._dbname = dbname
        self._point = point
        self._written = written
        self._session: Connection | None = None
        #: It waited, and is broken off.
        self.broken = False

    def hold(self) -> Callable[[], bool]:
        """Hold the statement up; return what breaks it off once it was sent."""
        with suppress(psycopg.Error):
            session = connect(self._server.address(self._dbname), read_only=False, lock_timeout="5s", autocommit=False)
            self._session = session
            if self._point.how == "built":
                # Its snapshot is older than the index, which is not valid as long as somebody may miss its rows.
                session.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                session.execute("select count(*) from pg_class")
            elif self._point.how == "batch":
                for name in self._written:
                    session.execute(encoded(session, _LATER.format(name)))
            else:
                for name in self._tables(session):
                    session.execute(encoded(session, f"lock table {name} in row exclusive mode"))
        return self._break

    def _tables(self, session: Connection) -> Iterator[str]:
        at = self._point.at
        # As it was sent, in one line, a comment before it hides it; as it is cited, it may be cut.
        text = at.text if at.cited.text.endswith("…") else at.cited.text
        reading = read(text.rstrip("; "))
        named = {one.relation for one in reading.locks} | {one.object for one in reading.effects}
        for name in named:
            *schema, own = (unquoted(part) for part in split(name))
            for (found,) in session.execute(_TABLES, (own, schema[-1] if schema else None)).fetchall():
                yield str(found)

    def _break(self) -> bool:
        """Wait until the statement waits, and end its session or let it give up; return whether it was ended."""
        ends = self._point.how != "lock"
        until = time.monotonic() + PATIENCE
        with suppress(psycopg.Error), connect(self._server.address()) as session:
            while time.monotonic() < until:
                [(waiting, _)] = session.execute(_WAITING, (ends, self._dbname)).fetchall()
                if (self.broken and not waiting) or (ends and waiting):
                    self.broken = True
                    break
                self.broken = self.broken or waiting > 0
                time.sleep(0.01)
        self.close()
        return ends and self.broken

    @contextmanager
    def impatient(self) -> Generator[None]:
        """Let sessions of the database give up waiting for locks, as a deployment's do."""
        if self._point.how != "lock":
            yield
            return
        with connect(self._server.address(), read_only=False) as session:
            row = session.execute(_TIMEOUT, (self._dbname,)).fetchone()
            database = sql.Identifier(self._dbname)
            session.execute(
                sql.SQL("alter database {} set lock_timeout = {}").format(database, sql.Literal(LOCK_TIMEOUT))
            )
            yield
            back: sql.Composable = sql.SQL("reset lock_timeout")
            if row is not None:
                back = sql.SQL("set lock_timeout = {}").format(sql.Literal(row[0]))
            session.execute(sql.SQL("alter database {} {}").format(database, back))

    def close(self) -> None:
        """Let go."""
        if self._session is not None:
            self._session.close()

"""What a scratch server says of one run: the records of its log, the sessions opened, the WAL written."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from ..server.base import Server
from ..server.connection import Connection, connect
from . import sessions

#: Seconds that the log collector, or the statistics, may lag behind.
PATIENCE = 3.0
#: Seconds between two looks: most often the second one sees it.
SOON = 0.005
Record = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The server's side of one run."""

    records: Sequence[Record]
    #: Sessions on the copy that were not pgsafe's own.
    sessions: int
    #: The same on other databases of the server, where the log says so.
    elsewhere: Mapping[str, int]
    #: Bytes; of the whole cluster.
    wal: int
    #: The records are complete: the log could be read up to the end of the run.
    complete: bool


class Watch:
    """Look at a server before and after a run; pgsafe must not open sessions on the copy in between."""

    def __init__(self, server: Server, dbname: str) -> None:
        self._server = server
        self._dbname = dbname
        with connect(server.address()) as session:
            _wait_until_alone(session, dbname)
            self._sessions = _sessions(session)
            self._lsn = _lsn(session)
        self._position = server.log()[1] if server.owns_cluster else 0

    def finish(self) -> Seen:
        """End what the run has left behind on the copy, and read what has happened since."""
        with connect(self._server.address()) as session:
            sessions.end(session, self._dbname)
            wal = _wal(session, self._lsn)
            records, complete = self._records(session)
            opened = self._opened(session)
            return Seen(
                records=records,
                sessions=opened.pop(self._dbname, 0),
                # The database of pgsafe's own sessions cannot be told.
                elsewhere={name: count for name, count in opened.items() if name != session.info.dbname},
                wal=wal,
                complete=complete,
            )

    def _records(self, session: Connection) -> tuple[Sequence[Record], bool]:
        if not self._server.owns_cluster:
            return (), False
        # The collector writes after the fact. What it got before this mark is in the file before it.
        mark = f"pgsafe mark {secrets.token_hex(8)}"
        session.execute(sql.SQL("do $$ begin raise log {}; end $$").format(sql.Literal(mark)))
        end = time.monotonic() + PATIENCE
        records: list[Record] = []
        position = self._position
        while True:
            more, position = self._server.log(since=position)
            for number, record in enumerate(more):
                if record.get("message") == mark:
                    return [*records, *more[:number]], True
            records += more
            if time.monotonic() > end:
                return records, False
            time.sleep(SOON)

    def _opened(self, session: Connection) -> Counter[str]:
        """Count by the statistics: a session writes itself there, at the latest when it ends."""
        end = time.monotonic() + PATIENCE
        while True:
            # Counters of a database that is gone, or that was made anew, begin again: never less than none.
            opened = _sessions(session) - self._sessions
            if opened[self._dbname] or time.monotonic() > end:
                return opened
            time.sleep(SOON)


def _wait_until_alone(session: Connection, dbname: str) -> None:
    """Wait for sessions that are just ending: they count themselves only then."""
    end = time.monotonic() + PATIENCE
    while _present(session, dbname) and time.monotonic() < end:
        time.sleep(0.01)


def _value(session: Connection, query: str, *parameters: str) -> int:
    row = session.execute(query.encode(), parameters).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def _present(session: Connection, dbname: str) -> int:
    return _value(
        session,
        "select count(*) from pg_stat_activity where datname = %s and backend_type = 'client backend'",
        dbname,
    )


def _sessions(session: Connection) -> Counter[str]:
    query = "select datname, sessions from pg_stat_database where datname is not null"
    return Counter({str(name): int(count) for name, count in session.execute(query)})


def _lsn(session: Connection) -> str:
    row = session.execute("select case when not pg_is_in_recovery() then pg_current_wal_insert_lsn() end").fetchone()
    return str(row[0]) if row and row[0] is not None else "0/0"


def _wal(session: Connection, since: str) -> int:
    return _value(session, "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %s)", since)

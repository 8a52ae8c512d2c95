"""The team's own statements beside the migration: pgbench's clients, from before its first statement to its end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import psycopg

from ..config.values import Script
from ..errors import PgsafeError
from ..retry.between import Stop
from ..retry.points import flat
from ..retry.values import Sent
from ..server.address import Address
from ..server.base import Server
from ..server.connection import connect
from .sessions import PATIENCE, until
from .values import Refused, Waited

#: What its sessions are called.
NAME = "pgsafe_traffic"
#: Seconds between two looks at who waits.
_INTERVAL = 0.02
#: Seconds that it would run, if nothing ended it.
_FOREVER = "86400"
#: Seconds for a first go, before the migration.
_ONCE = 60.0
_PRESENT = b"select count(*) from pg_stat_activity where datname = %s and application_name = %s"
_END = b"select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and application_name = %s"
_WAITS = b"""
select w.query, m.query, extract(epoch from clock_timestamp() - l.waitstart)::float8
  from pg_stat_activity as w
  join pg_locks as l on l.pid = w.pid and not l.granted and l.waitstart is not null
 cross join lateral unnest(pg_blocking_pids(w.pid)) as b(pid)
  join pg_stat_activity as m on m.pid = b.pid and m.application_name not in ('pgsafe', %s)
 where w.datname = %s and w.application_name = %s
"""


class Scripted:
    """pgbench's clients on a copy, and what they met."""

    def __init__(self, scripts: Sequence[Script], server: Server, copy: Address, clients: int) -> None:
        self._server = server
        self._copy = copy
        self._clients = clients
        self._files = tuple(script.path for script in scripts)
        self._given = [f"--file={script.path}@{script.weight}" for script in scripts]
        self._position = 0
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._longest: dict[tuple[str, str], float] = {}

    def fails(self) -> str | None:
        """Run the scripts once before the migration, and return why they cannot be run; None where they can."""
        try:
            done = self._pgbench("--transactions=1", deadline=_ONCE)
        except (PgsafeError, TimeoutError) as error:
            return str(error).partition("\n")[0]
        lines = [line for line in done.splitlines() if "ERROR" in line or "error" in line]
        return lines[0] if lines else None

    def _pgbench(self, *arguments: str, deadline: float | None = None) -> str:
        """Return what it says of errors."""
        clients = [f"--client={self._clients}", f"--jobs={min(self._clients, 4)}", "--no-vacuum"]
        return self._server.programs.run(
            "pgbench", [*clients, *arguments, *self._given, "service=pgsafe"], address=self._copy, files=self._files,
            environment={"PGAPPNAME": NAME}, deadline=deadline,
        ).stderr  # fmt: skip

    def stop(self, first: Sent) -> Stop:
        """Return where the migration is held: before its first statement."""
        return Stop(at=first, inside=self._place)

    def _place(self) -> Callable[[], bool]:
        self._position = self._server.log()[1]
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        with connect(self._server.address()) as session:
            until(lambda: not self._works() or self._count(session) >= self._clients)
        return self._look

    def _work(self) -> None:
        # That its sessions are ended ends it.
        with suppress(PgsafeError):
            self._pgbench(f"--time={_FOREVER}")

    def _works(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _count(self, session: psycopg.Connection[tuple[object, ...]]) -> int:
        row = session.execute(_PRESENT, (self._copy.dbname, NAME)).fetchone()
        return 0 if row is None else int(str(row[0]))

    def _look(self) -> bool:
        """Look who waits for the migration, as long as it runs."""
        with suppress(psycopg.Error), connect(self._server.address()) as session:
            while not self._over.wait(_INTERVAL):
                for query, statement, seconds in session.execute(_WAITS, (NAME, self._copy.dbname, NAME)):
                    key = (flat(str(query)), flat(str(statement)))
                    self._longest[key] = max(self._longest.get(key, 0.0), float(seconds))
        return False

    def waited(self) -> tuple[Waited, ...]:
        """Return who waited for which statement, the longest first."""
        found = (Waited(query=query, statement=at, seconds=round(s, 3)) for (query, at), s in self._longest.items())
        return tuple(sorted(found, key=lambda one: -one.seconds))

    def refused(self) -> Iterator[Refused]:
        """Yield the errors that its sessions got, once each; after the run."""
        seen: set[Refused] = set()
        for record in self._server.log(since=self._position)[0]:
            own = (record.get("dbname"), record.get("application_name")) == (self._copy.dbname, NAME)
            if own and record.get("error_severity") == "ERROR":
                one = Refused(
                    statement=flat(str(record.get("statement", ""))), state=str(record.get("state_code", "")),
                    message=str(record.get("message", "")),
                )  # fmt: skip
                if one not in seen:
                    seen.add(one)
                    yield one

    def close(self) -> None:
        """End it."""
        self._over.set()
        with suppress(psycopg.Error), connect(self._server.address()) as session:
            session.execute(_END, (self._copy.dbname, NAME))
        if self._thread is not None:
            self._thread.join(PATIENCE)

"""A lock request that comes between the moment and pg_dump, and would stop both for ever.

The moment holds every table in ACCESS SHARE mode. A TRUNCATE that asks for one then waits for us; pg_dump, which needs
the same harmless lock, queues up behind the TRUNCATE; and we wait for pg_dump. The server sees no deadlock, for we
are idle.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from ..server.address import Address
from ..server.connection import connect

#: Seconds between looks: pg_dump takes its locks in the first moments of its run.
_OFTEN, _SELDOM, _EARLY = 0.05, 1.0, 200

# Which of pg_dump's sessions waits for somebody who waits for us?
_STUCK = """
select dump.pid, other.pid, other.usename, left(other.query, 100)
from pg_catalog.pg_stat_activity dump,
     unnest(pg_catalog.pg_blocking_pids(dump.pid)) as blocker
     join pg_catalog.pg_stat_activity other on other.pid = blocker
where dump.application_name = %s
  and dump.wait_event_type = 'Lock'
  and %s = any (pg_catalog.pg_blocking_pids(blocker))
"""


class Overtaken(Exception):  # noqa: N818 (the next attempt is the answer)
    """pg_dump could not get its locks after the moment had its own."""


@dataclass
class Seen:
    """Who came between, for people."""

    overtaken: str = ""


@contextmanager
def watch(source: Address, name: str, holder: int, pool: ThreadPoolExecutor) -> Generator[Seen, None, None]:
    """End pg_dump's session when it waits behind a session that waits for ours.

    :param name: application_name of pg_dump's sessions.
    :param holder: process ID of the session that holds the moment.
    """
    seen, stop = Seen(), threading.Event()
    looking = pool.submit(_look, source, name, holder, seen, stop)
    try:
        yield seen
    finally:
        stop.set()
        looking.result()


def _look(source: Address, name: str, holder: int, seen: Seen, stop: threading.Event) -> None:
    try:
        with connect(source, statement_timeout="10s") as connection:
            turn = 0
            while not stop.wait(_OFTEN if turn < _EARLY else _SELDOM):
                turn += 1
                for stuck, other, user, query in connection.execute(_STUCK, (name, holder)).fetchall():
                    seen.overtaken = f"process {other} of {user}: {query}"
                    connection.execute("select pg_catalog.pg_terminate_backend(%s)", (stuck,))
    except psycopg.Error:
        # Without a further connection the timeout of pg_dump's locks remains.
        return

"""A restore looked at from outside: how far it is, and whether it stands still."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg

from ..progress import Progress
from ..server.address import Address
from ..server.connection import Connection, connect

#: Seconds between looks.
OFTEN = 1.0

# Everything that moves while a restore moves; of what waits for nobody, that it works.
_MOVES = """
select pg_catalog.pg_database_size(d.oid),
       coalesce((select sum(bytes_processed) from pg_catalog.pg_stat_progress_copy c where c.datid = d.oid), 0),
       coalesce((select sum(blocks_done + tuples_done) from pg_catalog.pg_stat_progress_create_index i
                 where i.datid = d.oid), 0),
       (select coalesce(pg_catalog.string_agg(a.query_start::text || a.state, ',' order by a.pid), '')
        from pg_catalog.pg_stat_activity a where a.application_name = %(name)s),
       (select count(*) from pg_catalog.pg_stat_activity a
        where a.application_name = %(name)s and a.state = 'active'
          and (a.wait_event_type is null or a.wait_event_type in ('IO', 'LWLock', 'IPC'))) > 0
from pg_catalog.pg_database d where d.datname = %(database)s
"""
_SIZE = "select pg_catalog.pg_database_size(oid) from pg_catalog.pg_database where datname = %s"
_WAITS = """
select a.pid, a.state, coalesce(a.wait_event_type || ' ' || a.wait_event, 'nothing'), left(a.query, 100),
       (select pg_catalog.string_agg(
            'process ' || b.pid || ' of ' || coalesce(b.usename, '?') || ': ' || left(b.query, 100), '; ')
        from pg_catalog.pg_stat_activity b where b.pid = any (pg_catalog.pg_blocking_pids(a.pid)))
from pg_catalog.pg_stat_activity a where a.application_name = %s
"""
_END = "select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity where application_name = %s"


@dataclass
class Watched:
    """What was seen of a restore."""

    #: Why it was ended, empty if it was not.
    stalled: tuple[str, ...] = ()


@contextmanager
def watch(
    server: Address, database: str, name: str, *, stall: float, size: int | None, progress: Progress
) -> Generator[Watched, None, None]:
    """Watch the sessions of a restore; end them when nothing has moved for a while and none of them works.

    Ending a session rolls its work back and lets pg_restore end by itself with an error: nothing is killed.

    :param server: where sessions can be looked at: a database beside the one that is restored.
    :param name: application_name of the restore's sessions.
    :param stall: seconds.
    :param size: bytes of the source's database, for the progress.
    """
    seen, stop = Watched(), threading.Event()

    def look() -> None:
        try:
            with connect(server, statement_timeout="30s") as connection:
                _look(
                    connection=connection, database=database, name=name, stall=stall, size=size,
                    progress=progress, seen=seen, stop=stop,
                )  # fmt: skip
        except psycopg.Error:
            # Nobody watches then; the restore itself is not touched.
            return

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        try:
            yield seen
        except BaseException:
            _end(server, name)
            raise
        finally:
            stop.set()
            looking.result()


@contextmanager
def growing(
    progress: Progress, step: str, server: Address, database: str, *, total: int | None
) -> Generator[None, None, None]:
    """Show how large a database has become.

    :param server: a database beside it.
    :param total: bytes that it will have, if they are known.
    """
    connection: Connection | None = None
    if progress.shown:
        with suppress(psycopg.Error):
            connection = connect(server, statement_timeout="30s")
    if connection is None:
        progress(step)
        yield
        return

    def size() -> int | None:
        with suppress(psycopg.Error):
            row = connection.execute(_SIZE, (database,)).fetchone()
            return None if row is None else int(row[0])
        return None

    with connection, progress.followed(step, size, total):
        yield


def _look(
    *,
    connection: Connection,
    database: str,
    name: str,
    stall: float,
    size: int | None,
    progress: Progress,
    seen: Watched,
    stop: threading.Event,
) -> None:
    last: tuple[object, ...] = ()
    moved = time.monotonic()
    while not stop.wait(OFTEN):
        row = connection.execute(_MOVES, {"name": name, "database": database}).fetchone()
        if row is None:
            continue
        *state, works = row
        if works or tuple(state) != last:
            last, moved = tuple(state), time.monotonic()
            if size:
                progress("restore", int(row[0]), size)
        elif time.monotonic() - moved > stall:
            waits = connection.execute(_WAITS, (name,)).fetchall()
            seen.stalled = tuple(
                f"process {pid} ({state}) waits for {what}: {query}" + (f"; blocked by {blocker}" if blocker else "")
                for pid, state, what, query, blocker in waits
            ) or ("no session of the restore is left on the server",)
            connection.execute(_END, (name,))
            return


def _end(server: Address, name: str) -> None:
    """End a restore by its sessions: Ctrl-C ends pg_restore, and the server would go on building."""
    try:
        with connect(server, statement_timeout="10s") as connection:
            connection.execute(_END, (name,))
    except psycopg.Error:
        return

"""Sessions on the copy: what they are doing, and their end."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress

import psycopg

from ..server.base import Server
from ..server.connection import Connection, connect

#: Seconds until a backend has to be gone.
PATIENCE = 10.0
#: Seconds that a backend is given to see that its client has gone.
MOMENT = 0.5
_ACTIVITY = """
select 'pid ' || pid || ': ' || coalesce(usename, '') || ' ' || coalesce(state, '')
       || coalesce(', waits for ' || wait_event_type || ' ' || wait_event, '')
       || coalesce(', blocked by pid ' || nullif(array_to_string(pg_blocking_pids(pid), ', '), ''), '')
       || coalesce(', since ' || round(extract(epoch from clock_timestamp() - state_change)::numeric, 1) || ' s', '')
       || coalesce(': ' || left(query, 500), '')
  from pg_stat_activity
 where datname = %s and backend_type = 'client backend' and pid <> pg_backend_pid() and application_name <> 'pgsafe'
 order by backend_start
"""
#: A row for each session that waits and each that it waits for; 0 is a prepared transaction's pid.
_WAITS = """
select w.pid, left(w.query, 200), coalesce(l.mode, 'a lock'), l.relation::int8, b.pid,
       coalesce(a.state, ''), left(coalesce(a.query, ''), 200), a.datname,
       round(extract(epoch from clock_timestamp() - a.xact_start)::numeric, 1)
  from pg_stat_activity as w
 cross join lateral unnest(pg_blocking_pids(w.pid)) as b(pid)
  left join pg_stat_activity as a on a.pid = b.pid and b.pid <> 0
  left join lateral (select mode, relation from pg_locks where pid = w.pid and not granted limit 1) as l on true
 where w.datname = %s
 order by w.pid, b.pid
"""
_NAME = "select format('%%I.%%I', n.nspname, c.relname) from pg_class as c \
join pg_namespace as n on n.oid = c.relnamespace where c.oid = %s"
_PRESENT = """
select count(*)
  from pg_stat_activity
 where datname = %s and backend_type = 'client backend' and pid <> pg_backend_pid() and application_name <> 'pgsafe'
"""
_TERMINATE = """
select count(pg_terminate_backend(pid))
  from pg_stat_activity
 where datname = %s and backend_type = 'client backend' and pid <> pg_backend_pid() and application_name <> 'pgsafe'
"""


def activity(server: Server, dbname: str) -> tuple[str, ...]:
    """Return a line for each session on a database: its state, what it waits for, its statement."""
    with connect(server.address()) as session:
        return tuple(str(line) for (line,) in session.execute(_ACTIVITY, (dbname,)))


def waits(server: Server, dbname: str) -> tuple[str, ...]:
    """Return a sentence for each session on a database that waits for a lock, and for whom it waits."""
    with connect(server.address()) as session:
        found = session.execute(_WAITS, (dbname,)).fetchall()
    names: dict[int, str] = {}
    oids = {int(oid) for _, _, _, oid, *_ in found if oid is not None}
    if oids:
        # Names can be had on the copy alone. Who waits there has opened a session: one more is mistaken for none.
        with connect(server.address(dbname), lock_timeout="1s", statement_timeout="5s") as session:
            for oid in oids:
                row = session.execute(_NAME.encode(), (oid,)).fetchone()
                names[oid] = "" if row is None else f" on {row[0]}"
    return tuple(
        f"pid {pid} waits for {mode}{'' if oid is None else names[int(oid)]} ({' '.join(query.split())}), "
        + _holder(int(holder), str(state), str(last), datname == dbname, seconds)
        for pid, query, mode, oid, holder, state, last, datname, seconds in found
    )


def _holder(pid: int, state: str, query: str, own: bool, seconds: object) -> str:
    if not pid:
        return "which a prepared transaction holds (pg_prepared_xacts): nothing but COMMIT PREPARED ends it"
    whose = "a session of the migration itself" if own else "another session"
    what = "an open transaction" if state.startswith("idle in transaction") else "a statement"
    age = "" if seconds is None else f", since {seconds} s"
    return f"which {what} of {whose} holds: pid {pid}, {state}{age}, last statement: {' '.join(query.split())}"


@contextmanager
def noted(server: Server, dbname: str, seconds: float | None) -> Generator[list[str]]:
    """Yield a list that is filled, shortly before the time is over, with what the sessions wait for and do.

    A program that was ended takes what it was waiting for with it: its backend sees that within a second.
    """
    lines: list[str] = []
    if seconds is None:
        yield lines
        return

    def note() -> None:
        with suppress(psycopg.Error):
            lines.extend((*waits(server, dbname), *activity(server, dbname)))

    timer = threading.Timer(max(seconds - 0.2, seconds / 2), note)
    timer.daemon = True
    timer.start()
    try:
        yield lines
    finally:
        timer.cancel()
        timer.join(PATIENCE)


def terminate(server: Server, dbname: str) -> int:
    """End every session on a database, as :func:`end`, in a session of its own."""
    with connect(server.address()) as session:
        return end(session, dbname)


def end(session: Connection, dbname: str) -> int:
    """End every session on a database but pgsafe's own, and return how many there were once they are gone.

    A client that was killed leaves a backend that goes on until it next talks to it: for ever in pg_sleep. Backends
    whose client has ended well are given a moment to end as well.
    """
    ended = 0
    moment = time.monotonic() + MOMENT
    while session.execute(_PRESENT, (dbname,)).fetchone() != (0,) and time.monotonic() < moment:
        time.sleep(0.01)
    until = time.monotonic() + PATIENCE
    while row := session.execute(_TERMINATE, (dbname,)).fetchone():
        if not row[0] or time.monotonic() > until:
            break
        ended = max(ended, int(row[0]))
        time.sleep(0.02)
    return ended

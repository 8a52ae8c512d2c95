"""A migration that waits for ever: found by what the server says while it runs, named, and stopped."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress

import psycopg

from ..server.base import Server
from ..server.connection import Connection, connect
from .psql import End
from .sessions import PATIENCE, activity, terminate, waits

#: Seconds between two looks.
INTERVAL = 1.0
#: Cheap, and asked each time: sessions whose statement waits for a lock, and began long enough ago.
_WAITING = """
select count(*)
  from pg_stat_activity
 where datname = %s and wait_event_type = 'Lock' and backend_type = 'client backend' and application_name <> 'pgsafe'
   and clock_timestamp() - state_change > make_interval(secs => %s)
"""
#: Of these, the ones that wait so long for somebody who does nothing, and did nothing in the meantime: a transaction
#: that is open, or a prepared one, whose pid is 0. Who is held up by a statement that runs only has to wait.
_STUCK = """
select count(*)
  from pg_stat_activity as w
  join pg_locks as l on l.pid = w.pid and not l.granted
 cross join lateral unnest(pg_blocking_pids(w.pid)) as b(pid)
  left join pg_stat_activity as a on a.pid = b.pid and b.pid <> 0
 where w.datname = %s and w.backend_type = 'client backend' and w.application_name <> 'pgsafe'
   and clock_timestamp() - l.waitstart > make_interval(secs => %s)
   and (b.pid = 0
        or a.state like 'idle in transaction%%' and clock_timestamp() - a.state_change > make_interval(secs => %s))
"""


@contextmanager
def watched(server: Server, dbname: str, seconds: float | None) -> Generator[list[str]]:
    """Yield a list that stays empty unless a session on the database is stuck: then it says which, and for whom.

    All sessions on the database are ended then, so that the program is told, and ends as well.

    :param seconds: how long a statement may wait for a lock whose holder does nothing; None is for ever.
    """
    lines: list[str] = []
    if seconds is None:
        yield lines
        return
    over = threading.Event()
    # As short runs end before the first look, they open no session for it.
    thread = threading.Thread(target=_watch, args=(server, dbname, seconds, over, lines), daemon=True)
    thread.start()
    try:
        yield lines
    finally:
        over.set()
        thread.join(PATIENCE)


def _watch(server: Server, dbname: str, seconds: float, over: threading.Event, lines: list[str]) -> None:
    pause = min(INTERVAL, max(seconds / 2, 0.05))
    # What cannot be seen is left to the time limit.
    with suppress(psycopg.Error):
        if over.wait(pause):
            return
        with connect(server.address()) as session:
            while not lines and not over.wait(pause):
                if _is_stuck(session, dbname, seconds):
                    lines.extend((*waits(server, dbname), *activity(server, dbname)))
            # Again and again: a program may connect anew.
            while lines and not over.is_set():
                terminate(server, dbname)
                over.wait(pause)


def _is_stuck(session: Connection, dbname: str, seconds: float) -> bool:
    if session.execute(_WAITING, (dbname, seconds)).fetchone() == (0,):
        return False
    return session.execute(_STUCK, (dbname, seconds, seconds)).fetchone() != (0,)


def ended(what: str, lines: list[str], end: End) -> End:
    """Tell of a run that was stopped since it waited for ever."""
    waiting = [line for line in lines if " waits for " in line and ", which " in line]
    rest = tuple(f"at that time: {line}" for line in lines if line not in waiting)
    return End(
        output=end.output,
        problem=f"the migration was stopped: {what} would have waited for ever; {waiting[0] if waiting else lines[0]}",
        looked_at=(*(f"and {line}" for line in waiting[1:]), *rest),
        remedies=(
            "end the transaction that holds the lock before this statement",
            'if its holder would have gone on, allow it more time: [migration] lock_wait = "10m"',
        ),
        revisions=end.revisions,
    )

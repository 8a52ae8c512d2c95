"""Sessions on the copy: what they are doing, and their end."""

from __future__ import annotations

import time

from ..server.base import Server
from ..server.connection import connect

#: Seconds until a backend has to be gone.
PATIENCE = 10.0
#: Seconds that a backend is given to see that its client has gone.
MOMENT = 0.5
_ACTIVITY = """
select coalesce(usename, '') || ' ' || coalesce(state, '')
       || coalesce(', waits for ' || wait_event_type || ' ' || wait_event, '')
       || coalesce(', blocked by pid ' || nullif(array_to_string(pg_blocking_pids(pid), ', '), ''), '')
       || coalesce(', since ' || round(extract(epoch from clock_timestamp() - state_change)::numeric, 1) || ' s', '')
       || coalesce(': ' || left(query, 500), '')
  from pg_stat_activity
 where datname = %s and backend_type = 'client backend' and pid <> pg_backend_pid() and application_name <> 'pgsafe'
 order by backend_start
"""
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


def terminate(server: Server, dbname: str) -> int:
    """End every session on a database but pgsafe's own, and return how many there were once they are gone.

    A client that was killed leaves a backend that goes on until it next talks to it: for ever in pg_sleep. Backends
    whose client has ended well are given a moment to end as well.
    """
    ended = 0
    with connect(server.address()) as session:
        moment = time.monotonic() + MOMENT
        while session.execute(_PRESENT, (dbname,)).fetchone() != (0,) and time.monotonic() < moment:
            time.sleep(0.01)
        end = time.monotonic() + PATIENCE
        while row := session.execute(_TERMINATE, (dbname,)).fetchone():
            if not row[0] or time.monotonic() > end:
                break
            ended = max(ended, int(row[0]))
            time.sleep(0.02)
    return ended

"""Who holds what we waited for in vain."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import psycopg

from .lost import briefly, parameters_of

REMEDY = "end the session that holds the lock, or begin again when it has ended"
# What it does stays untold: statements hold values.
_HOLDERS = """
select pg_catalog.format('%I.%I', n.nspname, c.relname), a.pid, a.usename::text, a.state,
       pg_catalog.date_trunc('second', pg_catalog.clock_timestamp() - a.xact_start)::text
from pg_catalog.pg_locks l
join pg_catalog.pg_class c on c.oid = l.relation
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_stat_activity a on a.pid = l.pid
where l.locktype = 'relation' and l.granted and l.mode = 'AccessExclusiveLock'
  and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
  and l.pid <> pg_catalog.pg_backend_pid() and c.relkind not in ('i', 'I', 't')
order by a.xact_start, 1
limit 5
"""


def holders(connection: psycopg.Connection[Any]) -> list[str]:
    """Return which relations somebody holds exclusively, and who; empty if that is not to be found out.

    :param connection: to the server; another one like it is opened.
    """
    rows: list[tuple[Any, ...]] = []
    with suppress(psycopg.Error), briefly(parameters_of(connection)) as looking:
        rows = looking.execute(_HOLDERS).fetchall()
    return [
        f"{relation} is locked by process {pid} of {role}" + (f", {state}, its transaction {age} old" if state else "")
        for relation, pid, role, state, age in rows
    ]

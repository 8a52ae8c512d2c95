"""The statements that a source has recorded in ``pg_stat_statements``: read, and nothing is reset."""

from __future__ import annotations

import psycopg

from ..config.values import RECORDED
from ..errors import ConfigError
from ..server.address import Address
from ..server.connection import connect
from ..snapshot.session import encoded
from .asked import Asking, planned, shown
from .values import Asked

#: Of more, those that were called most often.
MOST = 1000
_SCHEMA = (
    "select pg_catalog.quote_ident(n.nspname) from pg_catalog.pg_extension e"
    " join pg_catalog.pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_stat_statements'"
)
#: Of this database, and none that a function ran. Who names pg_catalog, or asks a sequence so, is no release: pgsafe
#: itself, pg_dump, psql and monitoring do; what they read of a column that goes is nobody's loss.
_STATEMENTS = r"""
select query, pg_catalog.sum(calls)::pg_catalog.int8, pg_catalog.count(*) over ()
from {}.pg_stat_statements s join pg_catalog.pg_database d on d.oid = s.dbid
where d.datname = pg_catalog.current_database() and s.toplevel and query is not null
    and query !~ 'pgsafe|pg_catalog\.|last_value, is_called'
group by query order by 2 desc, 1 limit {}
"""
_HIDDEN = "<insufficient privilege>"
_INSTEAD = 'name a file of SQL statements: [old_release] statements = "queries.sql"'


def of_source(address: Address | None) -> Asking:
    """Read what the source has recorded of its own database.

    :raises ConfigError: it is no live database, has not the extension, or shows its role none of it.
    """
    if address is None:
        raise _unrecorded("the source is no live database, which alone has it")
    try:
        with connect(address, statement_timeout="60s", lock_timeout="10s") as session:
            found = session.execute(_SCHEMA.encode()).fetchone()
            if found is None:
                raise _unrecorded(f"the source {address} has not the extension", f"there: CREATE EXTENSION {RECORDED}")
            rows = session.execute(encoded(session, _STATEMENTS.format(found[0], MOST)), prepare=False).fetchall()
    except psycopg.Error as error:
        # Not loaded by the server, or none of its role's business.
        raise _unrecorded(f"the source {address} does not show it: {str(error).splitlines()[0]}") from error
    seen = [(str(text), int(calls)) for text, calls, _ in rows if text != _HIDDEN]
    if rows and not seen:
        role = address.parameters.get("user", "its role")
        raise _unrecorded(f"{role} may not see what others ran there", f"there: GRANT pg_read_all_stats TO {role}")
    asking = planned(Asked(text=text, shown=shown(text), calls=calls) for text, calls in seen)
    if not asking.statements:
        raise _unrecorded("the source has recorded no statement that can be planned")
    more = int(rows[0][2]) - len(rows)
    left = (f"{more} statements that were called less often than {MOST} others",) if more else ()
    return Asking(statements=asking.statements, left_out=(*asking.left_out, *left))


def _unrecorded(why: str, *remedies: str) -> ConfigError:
    return ConfigError(f'[old_release] statements = "{RECORDED}": {why}', remedies=[*remedies, _INSTEAD])

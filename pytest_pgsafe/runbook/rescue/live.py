"""The live database before a rescue, and why it refused."""

from __future__ import annotations

import psycopg

from ...catalog.names import bare
from ...copy.source import unreachable
from ...errors import RestoreError
from ...pitr import relations
from ...pitr.relations import State
from ...server.address import Address
from ...server.connection import Connection, connect, resolve
from ...snapshot.session import encoded


def named(into: Address) -> Address:
    """Return an address with the database's name, which a service file may hold.

    :raises SourceError: it does not answer.
    """
    if into.dbname or "service" not in into.parameters:
        return into
    try:
        with connect(into) as session:
            return resolve(session, into)
    except psycopg.Error as error:
        raise unreachable(into, error) from error


def now_of(live: Connection, system: int) -> State | None:
    """Return the live database's relations, if it is of the cluster whose archive is searched."""
    try:
        row = live.execute("select system_identifier from pg_catalog.pg_control_system()").fetchone()
    except psycopg.errors.InsufficientPrivilege:
        return None
    return relations.read(live, None) if row == (system,) else None


def largest(recovered: Connection, table: str, column: str, *, up: bool) -> int | None:
    text = f"select {'max' if up else 'min'}({bare(column)})::pg_catalog.numeric from {table}"  # noqa: S608
    row = recovered.execute(encoded(recovered, text)).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def failed(error: psycopg.Error, *, applied: bool) -> RestoreError:
    said = str(error).strip().splitlines()
    remedies: list[str] = []
    if isinstance(error, psycopg.errors.LockNotAvailable):
        remedies = ["end the session that holds the lock, or wait longer: --lock-timeout=1min"]
    elif isinstance(error, psycopg.errors.ForeignKeyViolation):
        remedies = ["rows were written since that point to what is not there: mend or delete them first"]
    what = "could not be put back; nothing was kept" if applied else "could not be compared"
    return RestoreError(f"the tables {what}", looked_at=said[:4], remedies=remedies)

"""What was prepared and neither committed nor rolled back: recovered too, and held by nobody who could end it."""

from __future__ import annotations

from psycopg import sql

from ..server.base import Server
from ..server.connection import connect


def roll_back(server: Server) -> tuple[str, ...]:
    """Roll back every prepared transaction of a recovered server that is ours: each keeps its locks for ever.

    :returns: their names.

    :raises psycopg.Error: as the server says it.
    """
    # postgres may have been dropped.
    with connect(server.address("template1")) as session:
        prepared = session.execute("select gid, database from pg_catalog.pg_prepared_xacts").fetchall()
    for gid, database in prepared:
        with connect(server.address(database), read_only=False) as session:
            session.execute(sql.SQL("ROLLBACK PREPARED {}").format(sql.Literal(gid)))
    return tuple(gid for gid, _ in prepared)

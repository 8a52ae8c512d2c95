"""What the server says of a query that somebody wrote, without running it."""

from __future__ import annotations

import psycopg
from psycopg.pq import ExecStatus

from ..server.connection import Connection
from .session import encoded, reason

__all__ = ["complaint"]


def complaint(connection: Connection, text: str) -> str | None:
    """Return why a query cannot be run, None if it can: names are those of the application, and nothing is run."""
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL search_path TO DEFAULT")
        told = connection.pgconn.prepare(b"", encoded(connection, text))
        if told.status == ExecStatus.COMMAND_OK:
            return None
        return reason(psycopg.errors.error_from_result(told, encoding=connection.info.encoding))

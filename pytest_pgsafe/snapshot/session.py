"""How facts are read in a session: one moment, released locks, and errors that say what they were about."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from ..errors import SnapshotError
from ..server import locked
from ..server.connection import Connection
from ..server.lost import RECOVERY_CONFLICT, STANDBY_REMEDY, ConnectionLost

__all__ = ["UNFOUND", "UNREADABLE", "encoded", "failed", "joining", "moment", "query", "reason", "widen"]

#: Errors of one object, which make it "not verified": no privilege or hidden rows, a value that cannot be computed
#: (a virtual generated column), an unlogged table on a standby, an object that is gone.
UNREADABLE = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.DataError,
    psycopg.errors.FeatureNotSupported,
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedObject,
    psycopg.errors.InvalidSchemaName,
)
#: What PostgreSQL says of a name without a schema that the search path does not lead to. Our own statements hold none;
#: whoever plans a query of a table parses the functions in its indexes, statistics and constraints to inline them.
UNFOUND = (
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedObject,
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.AmbiguousFunction,
    psycopg.errors.DatatypeMismatch,
    psycopg.errors.InvalidFunctionDefinition,
)
_WIDER = Path(__file__).with_name("sql") / "wider.sql"


@contextmanager
def moment(connection: Connection) -> Generator[None, None, None]:
    """Hold one REPEATABLE READ, READ ONLY transaction, or the one that the caller is in already.

    :raises SnapshotError: something stayed locked by somebody else, or a standby waits for its readers no longer.
    """
    try:
        if connection.info.transaction_status == TransactionStatus.INTRANS:
            yield
            return
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    except psycopg.errors.LockNotAvailable as error:
        raise failed("what is locked", error, connection) from error
    except psycopg.OperationalError as error:
        if isinstance(error, ConnectionLost) or RECOVERY_CONFLICT not in str(error):
            raise
        raise failed("the source", error) from error


@contextmanager
def joining(connection: Connection) -> Generator[None, None, None]:
    """Join whole tables by hash or merge within this block, and give back the locks that were taken.

    Of a table with wide columns that was filled a moment ago and not analyzed yet, the planner believes that it holds
    one row, and joins it in a nested loop: quadratic, hours where seconds would do.
    """
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL enable_nestloop = off")
        yield


def query(connection: Connection, text: str) -> list[tuple[Any, ...]]:
    """Run a query that names many relations, and give back the locks it took.

    A lock is held to the end of its (sub)transaction; the lock table of a server with default settings is full after
    some 7,000 relations.
    """
    try:
        with connection.transaction(force_rollback=True):
            return _rows(connection, text)
    except UNFOUND:
        with connection.transaction(force_rollback=True):
            if not widen(connection):
                raise
            return _rows(connection, text)


def widen(connection: Connection) -> bool:
    """Let names without a schema be found, until the (sub)transaction is rolled back or ends; say whether they are.

    pg_dump plans no query of a table, and so reads one whose statistics are over a function that names another one
    without its schema. They are not found where the text of some column's values would be another one.
    """
    return connection.execute(_WIDER.read_bytes(), prepare=False).fetchone() is not None


def _rows(connection: Connection, text: str) -> list[tuple[Any, ...]]:
    return connection.execute(encoded(connection, text), prepare=False).fetchall()


def encoded(connection: Connection, text: str) -> bytes:
    """Return a statement that holds names, as the server expects it."""
    encoding = connection.info.encoding
    # A SQL_ASCII database's names are bytes; those that are UTF-8 were decoded as UTF-8.
    return text.encode("utf-8" if encoding == "ascii" else encoding)


def reason(error: psycopg.Error) -> str:
    """Return the first line of what the server said, behind its SQLSTATE and the objects that it names."""
    said = error.diag.message_primary or str(error).partition("\n")[0] or type(error).__name__
    return said if error.sqlstate is None else f"SQLSTATE {error.sqlstate}{_objects(error)}: {said}"


def _objects(error: psycopg.Error) -> str:
    diag = error.diag
    table = ".".join(filter(None, (diag.schema_name, diag.table_name, diag.column_name)))
    named = ((table, ""), (diag.constraint_name, "constraint "), (diag.datatype_name, "type "))
    told = ", ".join(f"{what}{name}" for name, what in named if name)
    return f" ({told})" if told else ""


def failed(what: str, error: psycopg.Error, connection: Connection | None = None) -> SnapshotError:
    """Return the error for facts that could not be read, with a remedy where one is known.

    :param connection: where it happened: if something was locked, its server is asked by whom.
    """
    remedies: list[str] = []
    if isinstance(error, psycopg.errors.OutOfMemory) and "shared memory" in str(error):
        remedies.append("raise max_locks_per_transaction on this server and restart it")
    if isinstance(error, (psycopg.errors.DataCorrupted, psycopg.errors.IndexCorrupted, psycopg.errors.IoError)):
        remedies.append("the data files are damaged: check the table with pg_amcheck before anything else")
    if isinstance(error, ConnectionLost):
        remedies += error.remedies
    elif RECOVERY_CONFLICT in str(error):
        remedies.append(STANDBY_REMEDY)
    looked_at: list[str] = []
    if isinstance(error, psycopg.errors.LockNotAvailable):
        looked_at += [] if connection is None else locked.holders(connection)
        remedies.append(locked.REMEDY)
    return SnapshotError(f"cannot read {what}: {reason(error)}", looked_at=looked_at, remedies=remedies)

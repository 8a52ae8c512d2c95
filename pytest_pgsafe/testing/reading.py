"""Sessions of tests on the source: the server itself refuses to let them write, whatever they set.

PostgreSQL lets nobody make a transaction read-write that is READ ONLY and has asked something. So each transaction of
such a session is begun here, and asks something, before a statement of the test reaches the server.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, NoReturn

import psycopg
from psycopg.pq import TransactionStatus

__all__ = ["ReadingCursor", "ReadingServerCursor", "ReadingSession"]

_BEGIN = b"begin transaction read only; select 1"
#: Where a statement begins that ends a transaction. Rather too many: a string or a comment may look like it.
_ENDS = re.compile(rb"(?:\A|;|\*/|\n)\s*(?:commit|rollback|abort|end|prepare)\b", re.IGNORECASE)


class ReadingSession(psycopg.Connection[Any]):
    """A connection whose transactions are READ ONLY, all of them.

    With ``autocommit`` each statement is a transaction of its own.
    """

    _guarded = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.cursor_factory = ReadingCursor
        self.server_cursor_factory = ReadingServerCursor

    def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
        """Wait for the server, as :class:`psycopg.Connection` does."""
        if self._guarded and self.pgconn.transaction_status == TransactionStatus.IDLE:
            # Whatever comes: before it the server has been told.
            self.pgconn.exec_(_BEGIN)
            if self.pgconn.transaction_status != TransactionStatus.INTRANS:
                gen.close()
                raise psycopg.OperationalError(self.pgconn.get_error_message())
        return super().wait(gen, *arguments, **options)

    def set_autocommit(self, value: bool) -> None:
        """Set it, as :class:`psycopg.Connection` does."""
        with self._settled():
            super().set_autocommit(value)

    def set_isolation_level(self, value: psycopg.IsolationLevel | None) -> None:
        """Set it for nothing: the transactions are begun here."""
        with self._settled():
            super().set_isolation_level(value)

    def set_read_only(self, value: bool | None) -> None:
        """Set it for nothing: the transactions are begun here, and read only."""
        with self._settled():
            super().set_read_only(value)

    def set_deferrable(self, value: bool | None) -> None:
        """Set it for nothing: the transactions are begun here."""
        with self._settled():
            super().set_deferrable(value)

    @contextmanager
    def _settled(self) -> Generator[None]:
        """Let psycopg change its own mind: it sends nothing, and wants to be outside of a transaction."""
        self._guarded = False
        try:
            yield
        finally:
            self._guarded = True

    def pipeline(self) -> NoReturn:
        """Refuse: what is sent in one go would begin transactions of its own.

        :raises psycopg.NotSupportedError: always.
        """
        raise psycopg.NotSupportedError("the source is only read, and not in pipeline mode")


class ReadingCursor(psycopg.Cursor[Any]):
    """A cursor of :class:`ReadingSession`."""

    def execute(self, *arguments: Any, **options: Any) -> Any:
        """Execute a statement, as :class:`psycopg.Cursor` does."""
        own = self.connection.autocommit and self.connection.info.transaction_status == TransactionStatus.IDLE
        try:
            return super().execute(*arguments, **options)
        finally:
            if own and not self.connection.closed:
                self.connection.pgconn.exec_(b"rollback")

    def _execute_send(self, query: Any, **options: Any) -> None:
        # Sent so, it is one statement, or the server refuses it: nothing comes behind the end of the transaction.
        super()._execute_send(query, **(options | {"force_extended": True} if _ENDS.search(query.query) else options))


class ReadingServerCursor(psycopg.ServerCursor[Any]):
    """A named cursor of :class:`ReadingSession`: its DECLARE is one statement anyway."""

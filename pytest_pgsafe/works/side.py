"""One of the two copies, on which statements are tried: nothing of it stays."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import cached_property

import psycopg

from ..catalog.values import Catalog, Column
from ..server.connection import Connection
from ..snapshot import sequences
from ..snapshot.expressions import literal
from ..snapshot.session import encoded
from ..snapshot.values import SequenceValue
from .values import Answer, Said

#: Milliseconds that one statement may take, and wait for a lock.
STATEMENT, LOCK = 2_000, 500
#: As an application's session has them; ours are pinned.
_APPLICATION = "SET LOCAL search_path TO DEFAULT; SET LOCAL row_security = on; SET LOCAL check_function_bodies = on"
_WROTE = """
SELECT pg_catalog.format('%I.%I', s.schemaname, s.relname), s.n_tup_ins + s.n_tup_upd + s.n_tup_del
FROM pg_catalog.pg_stat_xact_user_tables s WHERE s.n_tup_ins + s.n_tup_upd + s.n_tup_del > 0
"""
#: They say that time, a lock or the server's means did not suffice.
_UNKNOWN = ("08", "40", "53", "55P03", "57", "58")


class Side:
    """A copy, and the session in which statements are tried on it."""

    def __init__(self, connection: Connection, catalog: Catalog) -> None:
        self.catalog = catalog
        self._connection = connection
        row = connection.execute("select rolsuper from pg_catalog.pg_roles where rolname = current_user").fetchone()
        #: Whether triggers can be silenced, and every role be taken on.
        self.superuser = row is not None and bool(row[0])

    @cached_property
    def _columns(self) -> dict[str, list[Column]]:
        found: dict[str, list[Column]] = {}
        for column in self.catalog.columns.values():
            found.setdefault(column.table, []).append(column)
        return {table: sorted(columns, key=lambda column: column.number) for table, columns in found.items()}

    def written(self, table: str) -> list[Column]:
        """Return the columns of a table that a statement may write, in their order."""
        return [column for column in self._columns.get(table, []) if column.generated is None]

    @contextmanager
    def trying(self) -> Generator[None]:
        """Hold a transaction that is rolled back, in a session that looks like an application's."""
        with self._connection.transaction(force_rollback=True):
            self.run("SET LOCAL transaction_read_only = off")
            self.run(f"SET LOCAL statement_timeout = {STATEMENT}; SET LOCAL lock_timeout = {LOCK}; {_APPLICATION}")
            yield

    def run(self, text: str) -> None:
        """Run statements within what is tried.

        :raises psycopg.Error: as the server says it.
        """
        self._connection.execute(encoded(self._connection, text), prepare=False)

    def rows(self, text: str) -> list[tuple[object, ...]]:
        """Return what a query of ours says, under the settings of what is tried."""
        return self._connection.execute(encoded(self._connection, text), prepare=False).fetchall()

    def counted(self, text: str) -> int | None:
        """Return the number that a query gives within what is tried, which goes on if the query fails: then None."""
        try:
            with self._connection.transaction():
                [(number,)] = self.rows(text)
        except psycopg.Error:
            return None
        return int(str(number))

    def become(self, role: str) -> None:
        """Take on a role until the transaction ends.

        :param role: as ``quote_ident`` writes it.
        """
        self.run(f"SET LOCAL ROLE {role}")

    def end(self, text: str) -> Answer:
        """Run one statement with everything that is deferred to the transaction's end, and say how it ended."""
        try:
            rows = self._connection.execute(encoded(self._connection, text), prepare=False).rowcount
            self.run("SET CONSTRAINTS ALL IMMEDIATE")
        except psycopg.Error as error:
            return answer(error)
        return Answer(rows=rows)

    def wrote(self) -> dict[str, int]:
        """Return how many rows were written by table: also by transactions of which the server was not told yet."""
        return {str(name): int(str(rows)) for name, rows in self.rows(_WROTE)}

    def sequences(self) -> dict[str, SequenceValue]:
        """Return what the sequences hold."""
        found, _ = sequences.values(self._connection, self.catalog.sequences)
        return found

    def put_back(self, values: dict[str, SequenceValue]) -> None:
        """Undo what no rollback undoes: sequences that triggers drew from, and locks of the session."""
        self.run("SELECT pg_catalog.pg_advisory_unlock_all()")
        now = self.sequences()
        moved = [name for name, value in values.items() if name in now and now[name] != value]
        if not moved:
            return
        with self._connection.transaction():
            self.run("SET LOCAL transaction_read_only = off")
            for name in moved:
                value = values[name]
                self.run(
                    f"SELECT pg_catalog.setval({literal(name)}::pg_catalog.regclass, {value.value},"
                    f" {'true' if value.is_called else 'false'})"
                )


def answer(error: psycopg.Error) -> Answer:
    """Return what a server's error says of what was tried."""
    state = error.sqlstate or ""
    if not state or state.startswith(_UNKNOWN):
        return Answer(unknown=True)
    message = (error.diag.message_primary or str(error).partition("\n")[0]).strip()
    return Answer(error=Said(state=state, message=message, where=_where(error.diag.context)))


def _where(context: str | None) -> str | None:
    """Return the function that a server's CONTEXT begins with; its other lines quote statements, with values."""
    for line in (context or "").splitlines():
        if line.startswith(("PL/pgSQL function ", "SQL function ")):
            return line.partition(" at SQL statement")[0].strip()
    return None

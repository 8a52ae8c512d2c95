"""What a test gets: a scratch database that it may do anything with, and the source, which it may only read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg
from psycopg import sql

from ..migrate.values import Trace
from ..server.address import Address
from ..server.base import Server
from ..server.connection import connect
from ..snapshot.take import take
from ..snapshot.values import Snapshot
from .migrating import Ways
from .plain import plain
from .reading import ReadingSession

Parameters = Sequence[Any] | Mapping[str, Any]


class Readable:
    """A database that can be connected to."""

    def __init__(self, address: Address) -> None:
        #: Where it is; with its password.
        self.address = address

    @property
    def name(self) -> str:
        """The database's name."""
        return self.address.dbname

    @property
    def uri(self) -> str:
        """A libpq URI **with the password**: ``postgresql://user:password@host:port/name``."""
        return self.address.url()

    @property
    def parameters(self) -> Mapping[str, str]:
        """The connection parameters by libpq's names, with the password: ``psycopg.connect(**parameters)``."""
        return dict(self.address.parameters)

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        """Open a connection of psycopg; the caller closes it.

        :param options: of ``psycopg.connect``: ``autocommit``, ``row_factory`` …
        """
        given: dict[str, Any] = {**self.address.parameters, **options}
        return psycopg.connect(**given)

    def execute(self, query: str | bytes | sql.Composable, parameters: Parameters | None = None) -> list[Any]:
        """Run one statement, or several without parameters, commit, and return the rows of the last one."""
        __tracebackhide__ = True
        with self.connect(autocommit=True) as connection:
            text = query.as_bytes(connection) if isinstance(query, sql.Composable) else query
            cursor = connection.execute(text.encode() if isinstance(text, str) else text, parameters)
            while cursor.nextset():
                pass
            return [] if cursor.description is None else cursor.fetchall()

    @plain
    def snapshot(self) -> Snapshot:
        """Return the facts of the database at this moment: catalog, row counts, digests by column."""
        with connect(self.address) as connection:
            return take(connection)

    def __str__(self) -> str:
        return str(self.address)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.address}>"


class SourceDatabase(Readable):
    """The source, or what a backup or ``.sql`` files make of it.

    Sessions of :meth:`connect` are read-only, whatever is set in them. Those of ``uri`` and ``parameters`` begin so;
    who sets them to write has the rights of the source's role.
    """

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        """Open a connection of psycopg that only reads; the caller closes it.

        :param options: of ``psycopg.connect``: ``autocommit``, ``row_factory`` … ``cursor_factory`` is not among them.
        """
        if "cursor_factory" in options:
            raise TypeError("the source's sessions have a cursor of their own, which only reads")
        parameters: dict[str, Any] = {**self.address.parameters, **options}
        return ReadingSession.connect(**parameters)


class ScratchDatabase(Readable):
    """A database of a test's own, on the scratch server."""

    def __init__(
        self, address: Address, *, server: Server, ways: Ways, origin: str, release: Callable[[Address], None]
    ) -> None:
        """Take a database that was just made.

        :param origin: the database that it is a physical copy of, by way of others or not; two that have the same one
            are compared by identity.
        :param release: drops a database, or keeps it after a failure.
        """
        super().__init__(address)
        self.server = server
        self.ways = ways
        self.origin = origin
        self._release = release
        self._clones: list[ScratchDatabase] = []
        #: Files of the migration that are not applied yet, once that was found out.
        self._left: tuple[Path, ...] | None = None

    @plain
    def migrate(self, to: str | None = None, *, observe: bool = False) -> Trace:
        """Run the migration here, as a rehearsal does: as the database's owner, with the configured variables.

        Sessions on the database are ended. What the folder's files or the tool's table say is applied is left out.

        :param to: how far: the name or number of a file, a revision of Alembic's, ``app.name`` of Django's.
        :param observe: have the server tell the statements and locks, which the result then holds.
        :raises MigrationError: it failed, or nothing is left to be run.
        """
        if self._left is None:
            self._left = self.ways.left(self.address)
        part = self.ways.forward(to, self._left)
        trace = self.ways.run(part, self.server, self.address, observe=observe)
        if self._left is not None:
            self._left = self._left[len(part.files) :]
        return trace

    @plain
    def rollback(self, *, observe: bool = False) -> Trace:
        """Run the way back here.

        :raises MigrationError: it failed.
        """
        trace = self.ways.run(self.ways.back(), self.server, self.address, observe=observe)
        self._left = None
        return trace

    @plain
    def clone(self, name: str = "clone") -> ScratchDatabase:
        """Return a physical copy of the database as it is now, dropped along with it. Sessions on it are ended."""
        address = self.server.clone(self.address, name)
        made = ScratchDatabase(address, server=self.server, ways=self.ways, origin=self.origin, release=self._release)
        made._left = self._left
        self._clones.append(made)
        return made

    @plain
    def drop(self) -> None:
        """Drop the database and its clones: the fixture does it at the end of the test."""
        while self._clones:
            self._clones.pop().drop()
        self._release(self.address)

    def __enter__(self) -> ScratchDatabase:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.drop()

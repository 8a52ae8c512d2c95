"""The cluster just before transactions of its archive: recovered, asked, and kept until another moment is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from ..errors import RestoreError
from ..progress import Progress
from ..server.connection import connect
from ..server.programs import LocalPrograms
from ..server.recovering import Recovering
from . import prepared
from .base import Base
from .commits import Commit
from .recover import Recovered, recover
from .relations import State, read
from .target import Target
from .wal import Lsn


@dataclass(kw_only=True)
class Moments:
    """Recoveries of one archive, one server at a time. A context manager: leaving it throws the server away."""

    bases: Sequence[tuple[Path, Base]]
    archive: Path
    programs: LocalPrograms
    #: Seconds for each recovery.
    wait: float
    progress: Progress
    _where: tuple[Lsn, bool] | None = None
    _server: tuple[Recovering, Recovered] | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    def before(self, commit: Commit) -> tuple[Recovering, Recovered]:
        """Return a server with everything that was committed before a transaction, and nothing of it or after it.

        The target is the position of its commit record: transactions are numbered when they begin, and are recovered in
        the order in which they were committed, so that by its number alone nobody sees which come before it.

        :raises RestoreError: the recovery ended elsewhere.
        """
        return self._at(commit, after=False)

    def _at(self, commit: Commit, *, after: bool) -> tuple[Recovering, Recovered]:
        if self._server is None or self._where != (commit.lsn, after):
            self._stack.close()
            self._server = None
            self.progress(f"recovery to just {'after' if after else 'before'} transaction {commit.xid}")
            target = Target.lsn(str(commit.lsn), inclusive=after)
            found = self._stack.enter_context(recover(self.bases, self.archive, target, self.programs, wait=self.wait))
            self._server, self._where = found, (commit.lsn, after)
            prepared.roll_back(found[0])
            if not after:
                self._prove(commit)
        return self._server

    def _prove(self, commit: Commit) -> None:
        """See that the transaction is not there: recovered, it would have taken away what is wanted."""
        assert self._server is not None
        server, recovered = self._server
        with connect(server.address("postgres")) as session:
            # Of the epoch that the server is in.
            row = session.execute(
                "select pg_catalog.pg_xact_status(((n >> 32 << 32) + %(xid)s"
                " - case when %(xid)s > n & 4294967295 then 4294967296 else 0 end)::text::xid8)"
                " from (select pg_catalog.pg_current_xact_id()::text::bigint as n) as now",
                {"xid": commit.xid},
            ).fetchone()
        if row is not None and row[0] == "committed":
            raise RestoreError(
                f"transaction {commit.xid} was recovered too, although the recovery was to end just before it",
                looked_at=[f"stopped {recovered.stopped}, replayed to {recovered.position}"],
            )

    def state(self, commit: Commit, dbname: str, *, after: bool = False) -> State | None:
        """Return a database's relations just before a transaction, or after; None if there was no such database."""
        server, _ = self._at(commit, after=after)
        with connect(server.address("postgres")) as session:
            if session.execute("select from pg_database where datname = %s", (dbname,)).fetchone() is None:
                return None
        with connect(server.address(dbname)) as session:
            return read(session, Lsn(commit.lsn.bytes + 1) if after else commit.lsn)

    def __enter__(self) -> Moments:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

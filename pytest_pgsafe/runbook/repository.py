"""The proof of another engine's repository: its files, its restore, the recovery, and all that is read then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from ..backup import proof
from ..backup.proof import Proof
from ..config.forms import span
from ..config.values import Engine
from ..copy.repositories import database, databases, equals, readable
from ..errors import RestoreError, StepError
from ..pitr import prepared
from ..pitr.engines.recover import Found, Restored, find, recover
from ..progress import SILENT, Progress
from ..server.base import Server
from ..server.connection import connect
from ..snapshot.take import take as read_facts
from ..snapshot.values import NotVerified, Snapshot
from .steps import Outcomes


def verify(
    engine: Engine,
    *,
    jobs: int = 2,
    max_age: timedelta | None = None,
    progress: Progress = SILENT,
) -> Proof:
    """Verify a repository: by the engine itself, by its restore and recovery, and by reading all that it holds.

    :param engine: without a database's name every database is read.
    :param jobs: processes of the restore.
    :param max_age: what was recovered may not be older.
    :raises UsageError: the engine, its repository or programs of its major are missing.
    """
    verified = _Verification(engine, find(engine), jobs=jobs, max_age=max_age, progress=progress)
    verified.all()
    return verified.proof()


class _Verification:
    """A verification under way."""

    def __init__(
        self,
        engine: Engine,
        found: Found,
        *,
        jobs: int,
        max_age: timedelta | None,
        progress: Progress,
    ) -> None:
        self.engine = engine
        self.found = found
        self.jobs = jobs
        self.max_age = max_age
        self.outcomes = Outcomes(progress)
        self.not_verified: list[NotVerified] = []
        self.restored: Restored | None = None
        self.server_version = ""

    def all(self) -> None:
        self._files()
        self._recover()
        self._age()

    def _files(self) -> None:
        """Let the engine look at its own files."""
        wrong: Sequence[str] | None = ()
        with self.outcomes.outcome("repository", shown=True) as found_out:
            wrong = self.found.repository.verify(self.found.backup)
            if wrong:
                raise StepError(f"{self.engine.kind} finds files that are not what they were", looked_at=wrong[:10])
            found_out.append(f"{self.engine.kind} finds nothing wrong")
        if wrong is None:
            self.outcomes.skip(["repository"], "no manifest says what the files should be")

    def _recover(self) -> None:
        # All of it: files that no database of ours needs are to be whole too.
        with (
            self.outcomes.outcome("restore", shown=True) as found_out,
            recover(self.found, jobs=self.jobs) as (server, restored),
        ):
            self.restored = restored
            self.server_version = str(server.version)
            found_out.append(str(restored))
            self._read(server)

    def _age(self) -> None:
        if self.restored is None:
            self.outcomes.skip(["facts"], "nothing was restored")
            return
        with self.outcomes.outcome(proof.AGE) as found_out:
            age = datetime.now(timezone.utc) - self.restored.until
            found_out.append(f"recovered until {self.restored.until:%Y-%m-%d %H:%M} UTC, {span(age)} ago")
            if self.max_age is not None and age > self.max_age:
                raise StepError(f"it is {span(age)} old, older than {span(self.max_age)}")

    def _read(self, server: Server) -> None:
        """Read what was recovered: every table of every database, or of the one that is named."""
        with self.outcomes.outcome("facts", shown=True) as found_out, readable():
            prepared.roll_back(server)
            wanted = databases(server) if self.engine.dbname is None else [database(server, self.engine.dbname)]
            found: dict[str, Snapshot] = {}
            for name in wanted:
                with connect(server.address(name)) as session:
                    found[name] = read_facts(session)
            if not any(facts.catalog.tables for facts in found.values()):
                raise RestoreError("the recovered cluster holds no table", looked_at=wanted)
            for name, facts in found.items():
                rows = sum(table.rows for table in facts.tables.values())
                found_out.append(f"{name}: {rows} rows in {len(facts.tables)} tables")
                self.not_verified += facts.not_verified
        if self.engine.facts is not None and self.outcomes.done[-1].result == "passed":
            with self.outcomes.outcome("recorded") as found_out:
                equals(self.engine.facts, found[database(server, self.engine.dbname)])
                found_out.append(f"as {self.engine.facts.name} recorded")

    def proof(self) -> Proof:
        passed = {outcome.name for outcome in self.outcomes.done if outcome.result == "passed"}
        failed = {outcome.name for outcome in self.outcomes.done if outcome.result == "failed"}
        return Proof(
            format=proof.FORMAT,
            manifest="",
            verified_at=datetime.now(timezone.utc),
            proven=failed <= {proof.AGE} and passed.issuperset({"restore", "facts"}),
            server_version=self.server_version,
            restore_seconds=None if self.restored is None else round(self.restored.recovered.seconds, 3),
            outcomes=self.outcomes.done,
            not_verified=tuple(dict.fromkeys(f"{gap.object}: {gap.reason}" for gap in self.not_verified)),
        )

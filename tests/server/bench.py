"""A restored database on which many migrations are tried: each on a clone of its own, judged as a rehearsal judges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pytest_pgsafe.backup.restore import run_sql
from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.blame.explained import Explained, explain
from pytest_pgsafe.checks.values import Evidence, Finding, Rules
from pytest_pgsafe.config.values import Settings
from pytest_pgsafe.copy.comparing import compare_databases
from pytest_pgsafe.copy.likeness import Likeness
from pytest_pgsafe.copy.source import Source
from pytest_pgsafe.migrate.run import run
from pytest_pgsafe.rehearsal import beside, judging, released, retried, returning
from pytest_pgsafe.rehearsal.judged import Judged
from pytest_pgsafe.rehearsal.known import Stage
from pytest_pgsafe.rehearsal.migrated import Migrated
from pytest_pgsafe.rehearsal.preflight import Plan
from pytest_pgsafe.rehearsal.restored import Restored
from pytest_pgsafe.rehearsal.running import Runner
from pytest_pgsafe.rehearsal.steps import Steps, Stopped
from pytest_pgsafe.release.asked import Asking, of_file
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.snapshot.take import take
from pytest_pgsafe.snapshot.values import Snapshot
from tests.migrations import parse


@dataclass
class Bench:
    server: Server
    before: Address
    facts: Snapshot
    role: str
    #: What the last judgement was of: that nothing was found says little where nothing was tried.
    judged: Evidence | None = None

    @classmethod
    def load(cls, server: Server, files: Sequence[Path], *, role: str) -> Bench:
        before = server.create("bench")
        run_sql(files, before, server.programs)
        server.address(before.dbname, user=role)
        with connect(before) as connection:
            return cls(server, before, take(connection), role)

    @contextmanager
    def prepared(self, files: Sequence[Path]) -> Iterator[Bench]:
        """Yield a bench whose database something was done to first."""
        if not files:
            yield self
            return
        before = self.server.clone(self.before, "prepared")
        try:
            run_sql(files, before, self.server.programs)
            with connect(before) as connection:
                facts = take(connection)
            yield Bench(self.server, before, facts, self.role)
        finally:
            self.server.drop(before)

    def judge(
        self,
        migration: Path | str,
        rules: Rules | None = None,
        rollback: Path | None = None,
        *,
        retry: Settings | None = None,
        traffic: Settings | None = None,
        release: Settings | None = None,
    ) -> tuple[Finding, ...]:
        """Run a migration on a clone and return what a rehearsal finds.

        :param retry: it is broken off and run again as well, with these settings, in their folder.
        :param traffic: it is run once more beside others as well.
        :param release: what the release does that still runs is tried as well, with these settings.
        """
        folder = Path() if retry is None else retry.folder
        if release is not None:
            with connect(self.before, read_only=False) as session:
                session.execute("analyze")
        after = self.server.clone(self.before, "after")
        try:
            trace = run(parse(str(migration), folder), self.server, after, role=self.role, folder=folder)
            with connect(self.before) as one, connect(after, read_only=False) as two:
                comparison = compare_databases(one, two, self.facts, take(two), "values")
                evidence = judging.evidence(comparison, trace, rules or Rules(), one, two)
            if retry is not None:
                down = None if rollback is None else str(rollback)
                evidence = self.retry(evidence, after, str(migration), retry, down)
            if traffic is not None:
                judged = self._judged(evidence, after, str(migration), traffic)
                evidence = self._end(beside.go(judged))
            if release is not None:
                judged = self._judged(evidence, after, str(migration), release)
                evidence = self._end(released.go(judged))
            if rollback is not None:
                evidence, _ = self.go_back(evidence, after, str(migration), str(rollback), folder=Path())
            self.judged = evidence
            return judge(evidence)
        finally:
            self.server.drop(after)

    def explained(self, migration: Path) -> Explained:
        """Run a migration on a clone and return what each statement did, with all that a rehearsal finds."""
        after = self.server.clone(self.before, "after")
        try:
            parsed = parse(str(migration), Path())
            trace = run(parsed, self.server, after, role=self.role, folder=Path())
            with connect(self.before) as one, connect(after, read_only=False) as two:
                comparison = compare_databases(one, two, self.facts, take(two), "values")
                found = judge(judging.evidence(comparison, trace, Rules(), one, two))
            return explain(comparison.changes, found, comparison, trace, parsed)
        finally:
            self.server.drop(after)

    def retry(
        self, evidence: Evidence, after: Address, up: str, settings: Settings, down: str | None = None
    ) -> Evidence:
        """Break the migration off and run it again, as a rehearsal does; return the evidence with what came of it."""
        judged = self._judged(evidence, after, up, settings, down)
        return self._end(retried.go(judged))

    def go_back(
        self, evidence: Evidence, after: Address, up: str, down: str, *, folder: Path
    ) -> tuple[Evidence, Steps]:
        """Go back on a migrated clone, and forth again, as a rehearsal does; return what it adds and its steps."""
        judged = self._judged(evidence, after, up, Settings(folder=folder), down)
        # That a way back fails is told by its step.
        with suppress(Stopped):
            evidence = self._end(returning.go(judged))
        return evidence, judged.restored.steps

    def _judged(
        self, evidence: Evidence, after: Address, up: str, settings: Settings, down: str | None = None
    ) -> Judged:
        migration = parse(up, settings.folder)
        statements = settings.old_release.statements
        plan = Plan(
            source=Source(shown="bench"), choice=None, migration=migration,  # type: ignore[arg-type]
            asked=of_file(statements) if isinstance(statements, Path) else Asking(),
            rollback=None if down is None else parse(down, settings.folder, way_back=True),
        )  # fmt: skip
        restored = Restored(
            settings=settings, plan=plan, steps=Steps(), server=self.server, before=self.before, facts=self.facts,
            runner=Runner(settings=settings, server=self.server, role=self.role, source=None), like=Likeness(),
            backup=None, reference=self.facts, seconds=0.0,
        )  # fmt: skip
        assert evidence.trace is not None
        return Judged(
            restored=restored, migrated=Migrated(migration=migration, after=after, trace=evidence.trace),
            evidence=evidence,
        )  # fmt: skip

    @staticmethod
    def _end(stage: Stage[Evidence]) -> Evidence:
        """Run a stage to its end.

        :raises Stopped: a step failed.
        """
        try:
            while True:
                next(stage)
        except StopIteration as end:
            found: Evidence = end.value
            return found

"""A restored database on which many migrations are tried: each on a clone of its own, judged as a rehearsal judges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_pgsafe.backup.restore import run_sql
from pytest_pgsafe.checks import judge
from pytest_pgsafe.checks.values import Evidence, Finding, Rules
from pytest_pgsafe.config.values import Settings
from pytest_pgsafe.migrate.run import run
from pytest_pgsafe.migrate.sources import parse
from pytest_pgsafe.rehearsal import judging
from pytest_pgsafe.rehearsal.comparing import compare_databases
from pytest_pgsafe.rehearsal.preflight import Plan
from pytest_pgsafe.rehearsal.returning import Return
from pytest_pgsafe.rehearsal.source import Source
from pytest_pgsafe.rehearsal.steps import Steps, Stopped
from pytest_pgsafe.rehearsal.way_back import Ground
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.snapshot.take import take
from pytest_pgsafe.snapshot.values import Snapshot


@dataclass
class Bench:
    server: Server
    before: Address
    facts: Snapshot
    role: str

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

    def judge(self, migration: Path, rules: Rules | None = None, rollback: Path | None = None) -> tuple[Finding, ...]:
        """Run a migration on a clone and return what a rehearsal finds."""
        after = self.server.clone(self.before, "after")
        try:
            trace = run(parse(str(migration), Path()), self.server, after, role=self.role, folder=Path())
            with connect(self.before) as one, connect(after, read_only=False) as two:
                comparison = compare_databases(one, two, self.facts, take(two), "values")
                evidence = judging.evidence(comparison, trace, rules or Rules(), one, two)
            if rollback is not None:
                evidence, _ = self.go_back(evidence, after, str(migration), str(rollback), folder=Path())
            return judge(evidence)
        finally:
            self.server.drop(after)

    def go_back(
        self, evidence: Evidence, after: Address, up: str, down: str, *, folder: Path
    ) -> tuple[Evidence, Steps]:
        """Go back on a migrated clone, and forth again, as a rehearsal does; return what it adds and its steps."""
        plan = Plan(
            source=Source(shown="bench"), choice=None, migration=parse(up, folder),  # type: ignore[arg-type]
            rollback=parse(down, folder, way_back=True),
        )  # fmt: skip
        ground = Ground(
            server=self.server, before=self.before, facts=self.facts, samples="values",
            run=lambda part, copy: run(part, self.server, copy, role=self.role, folder=folder, observed=False),
            forth=lambda part, copy: run(part, self.server, copy, role=self.role, folder=folder, observed=False),
        )  # fmt: skip
        steps = Steps()
        way = Return(
            settings=Settings(folder=folder), plan=plan, steps=steps, ground=ground, after=after,
            backup=None, reference=None, seconds=0.0, not_verified=[], unused={},
        )  # fmt: skip
        try:
            return way.go(evidence), steps
        except Stopped:
            return evidence, steps

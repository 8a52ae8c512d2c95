"""The whole way: back up, restore, prove, clone, migrate, compare, judge, roll back."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

from ..backup.take import Backup
from ..catalog.values import Catalog
from ..checks import judge
from ..checks.majors import OBJECT as SERVER_VERSION
from ..checks.restored import computed_again, not_restored, stored_by_server
from ..checks.unverified import NOT_VERIFIED
from ..checks.values import Finding
from ..compare import not_carried, not_restored_with_extensions, unknown
from ..compare.restored import refuse
from ..compare.values import Comparison
from ..config.values import Settings
from ..migrate import isolation
from ..migrate.run import FailedRun
from ..migrate.values import Trace
from ..pitr.engines.recover import Restored
from ..server.address import Address
from ..server.base import Server
from ..server.connection import connect
from ..server.private import private_folder
from ..snapshot.take import take as read_facts
from ..snapshot.values import NotVerified, Snapshot, TableContent
from . import (
    aftermath,
    baseline,
    calibration,
    copies,
    judging,
    majors,
    pending,
    restoring,
    returning,
    stepwise,
    way_back,
)
from .assumed import assumed
from .backups import backup_of
from .comparing import compare_databases
from .explained import explain
from .likeness import Likeness, likeness
from .preflight import Plan, preflight
from .repositories import recovered_from
from .rules import announced, predicates, resolve_rules
from .running import Runner
from .steps import Steps, Stopped
from .vacuous import out_of_date, without_content
from .values import Result


def rehearse(
    settings: Settings,
    progress: Callable[[str], None] | None = None,
    plan: Plan | None = None,
    *,
    backups: Path | None = None,
) -> Result:
    """Rehearse a migration, or without one the restore alone.

    A step that fails ends the run and stands in the result. Everything that was started or made is gone
    afterwards, also when the run is interrupted.

    :param progress: is told the name of each step before it begins.
    :param plan: what :func:`~.preflight.preflight` found, if it was called already.
    :param backups: a private folder where the backup of the source is left, or found if another process took it.
    :raises UsageError: nothing could be started.
    """
    run = _Run(settings, preflight(settings) if plan is None else plan, Steps(progress))
    with private_folder("rehearsal", swept=True) as folder, suppress(Stopped):
        run.backups = folder if backups is None else backups
        run.all()
    return run.explained()


@dataclass
class _Run:
    """A rehearsal under way: what is known so far, whichever step it ends in."""

    settings: Settings
    plan: Plan
    steps: Steps
    server: Mapping[str, str] = field(default_factory=dict[str, str])
    source_version: str = ""
    findings: tuple[Finding, ...] = ()
    #: Of the restore, beside what is judged of the migration.
    notes: tuple[Finding, ...] = ()
    not_verified: list[NotVerified] = field(default_factory=list[NotVerified])
    comparison: Comparison | None = None
    compared: Snapshot | None = None
    trace: Trace | None = None
    unused: dict[str, str] = field(default_factory=dict[str, str])
    kept: str | None = None
    baseline: str | None = None
    backups: Path = Path()
    #: How far the source was recovered, where it had to be.
    recovered: Restored | None = None
    #: What a restore has to equal, and how many seconds the restore took, without the proof.
    reference: Snapshot | None = None
    seconds: float = 0.0
    #: What the copy has of the source's server.
    like: Likeness = field(default_factory=Likeness)
    #: Definitions of the database's functions.
    functions: Mapping[str, str] = field(default_factory=dict[str, str])

    def all(self) -> None:
        with self.steps.step("server"):
            server = self.plan.start()
        with server:
            self.server = server.describe()
            self.not_verified += majors.gap(self.plan.source.version, self.server["version"])
            try:
                self._rehearse(server)
            except Stopped:
                self._keep(server)
                raise
            # Not after an interruption or a defect: nobody would be told what was left running.
            self._keep(server)

    def _rehearse(self, server: Server) -> None:
        backup = self._backup(server)
        before, facts, runner = self._restore(server, backup)
        self.functions = {name: function.definition for name, function in facts.catalog.functions.items()}
        self._decide(before)
        if self.plan.migration is None:
            return
        self._check_rules(before, facts.catalog)
        with self.steps.step("clone"):
            after = server.clone(before, "after")
        ground = way_back.Ground(
            server=server, before=before, facts=facts, samples=self.settings.report.samples,
            run=runner.run, forth=runner.forth, like=self.like,
        )  # fmt: skip
        runner.hooked("before_migration", after, self.steps)
        with self.steps.step("migrate"):
            try:
                self.trace = runner.run(self.plan.migration, after, observed=True)
            except FailedRun as error:
                self.trace = error.trace
                proven = backup is not None and backup.facts is not None
                self.comparison = aftermath.tell(
                    error, before, after, facts, restored=self.seconds if proven else None,
                    back=None if self.plan.rollback is None else lambda: returning.undo(self.plan, ground, after),
                )  # fmt: skip
                raise
        if not self.trace.observed:
            self.not_verified.append(NotVerified(object="locks", reason="no lock could be observed on this server"))
        runner.hooked("after_migration", after, self.steps)
        with self.steps.step("compare"), connect(before) as one, connect(after, read_only=False) as two:
            rules = resolve_rules(announced(self.settings, self.plan.migration), facts.catalog)
            now = read_facts(two)
            self.comparison = compare_databases(
                one, two, facts, now, self.settings.report.samples, where=predicates(rules, facts.catalog)
            )
            self.compared = facts
            self.not_verified += self.comparison.not_verified
            self.not_verified += judging.unmatched(self.settings.report.mask, self.comparison)
            self.not_verified += assumed(self.comparison, self.trace, self.like.settings or ())
            evidence = judging.evidence(self.comparison, self.trace, rules, one, two)
        self.findings = judge(evidence)
        evidence = returning.Return(
            settings=self.settings, plan=self.plan, steps=self.steps, ground=ground, after=after,
            backup=backup, reference=self.reference, seconds=self.seconds, not_verified=self.not_verified,
            unused=self.unused,
        ).go(evidence)  # fmt: skip
        self.findings = judge(evidence)
        if self.settings.update:
            # Not before every effect is known, and then judged by what was written.
            with self.steps.step("baseline"):
                section, self.baseline = baseline.update(self.settings, self.findings)
            self.findings = judge(replace(evidence, rules=replace(rules, baseline=section)))
        parts = stepwise.Ground(
            server=server, before=before, facts=facts, rules=rules,
            run=lambda part, clone: runner.run(part, clone, observed=True),
            begin=lambda clone: runner.hook("before_migration", clone),
        )  # fmt: skip
        self.findings = stepwise.blame(self.plan.migration, self.trace, self.findings, parts, self.steps)

    def _check_rules(self, before: Address, catalog: Catalog) -> None:
        """Find out that the team's rules can be checked here, before anything is migrated."""
        told = announced(self.settings, self.plan.migration)
        if told.denormalized or told.references or told.foreign_keys:
            with self.steps.step("rules"), connect(before) as connection:
                copies.check(resolve_rules(told, catalog), catalog, connection)

    def _decide(self, before: Address) -> None:
        """Find out what is pending in the restored source, where that was not known before; nothing is said so."""
        if not self.plan.decided:
            with self.steps.step("pending"):
                told = pending.late(self.plan.migration, self.plan.rollback, before)
                self.plan = replace(
                    self.plan, migration=told.migration, rollback=told.rollback, left_out=told.said, decided=True
                )
        if self.plan.migration is None and self.plan.left_out is not None:
            self.steps.skip("migrate", self.plan.left_out)
            self.unused.update(pending.unused(self.plan.left_out))
            if self.settings.update:
                self.baseline = "nothing, since no migration was run"

    def _backup(self, server: Server) -> Backup | None:
        source = self.plan.source
        if source.kind == "sql":
            self.steps.skip("backup", "the source is built from .sql files")
            self.not_verified += out_of_date(None, self.settings.max_age, datetime.now(timezone.utc))
            return None
        with self.steps.step("backup"):
            backup = backup_of(source, self.backups, server.programs)
            self.recovered = recovered_from(self.backups, backup, server, self.plan)
            limit, now = self.settings.max_age, datetime.now(timezone.utc)
            self.not_verified += out_of_date(backup, limit, now, self.recovered)
            return backup

    def _restore(self, server: Server, backup: Backup | None) -> tuple[Address, Snapshot, Runner]:
        """Fill ``before``, prove it equal to the source, and make it harmless."""
        source = None if backup is None else backup.facts
        with self.steps.step("restore"):
            started = time.monotonic()
            names = () if source is not None else restoring.role_names(self.plan.source, backup)
            self.like = likeness(
                None if source is None else source.catalog, self._configured(),
                archive=None if backup is None else backup.archive, role=self.settings.role,
            )  # fmt: skip
            owners = restoring.owner_names(self.plan.source, backup)
            catalog = None if source is None else source.catalog
            prepared = restoring.prepare(server, catalog, names, owners=owners, like=self.like)
            self.not_verified += prepared.not_verified
            taken_out = restoring.fill(self.plan.source, backup, prepared, server)
            if backup is not None and backup.manifest is not None:
                taken_out = (*backup.manifest.stored, *taken_out)
            self.notes = stored_by_server(taken_out)
            self.seconds = time.monotonic() - started
            unmade = restoring.finish(None if source is None else source.catalog, prepared, server)
            self.not_verified += unmade
            with connect(prepared.address) as connection:
                role = self.settings.role or restoring.owner(connection, server)
                # A role that may not log in is given leave, which is not to look like the migration's doing.
                server.address(prepared.address.dbname, user=role)
                facts = read_facts(connection)
            self.not_verified += facts.not_verified
            self.reference = facts if source is None else source
            gaps = without_content(facts, self.plan.source.kind)
            # That nothing was restored as nothing is proven; what a migration does to rows is not.
            self.not_verified += gaps if self.plan.migration is not None else ()
            self.source_version = str(self.plan.source.version or facts.server_version)
            if source is None:
                reason = f"a source of kind {self.plan.source.kind} has no facts"
                if backup is not None:
                    reason += "; which indexes are INVALID there is not known, and the copy has none of them"
                self.not_verified.append(NotVerified(object="restore", reason=reason))
            else:
                self.source_version = source.server_version
                self._prove(source, facts, prepared, server, {gap.object for gap in unmade})
            with connect(prepared.address, read_only=False) as connection:
                if isolation.isolate(connection):
                    # Servers and subscriptions differ from the source's from here on, on purpose.
                    facts = read_facts(connection)
        runner = Runner(settings=self.settings, server=server, role=role, source=self.plan.source.address)
        if runner.hooked("after_restore", prepared.address, self.steps):
            with connect(prepared.address) as connection:
                facts = read_facts(connection)
        return prepared.address, facts, runner

    def _configured(self) -> tuple[tuple[str, str], ...]:
        return () if self.settings.source is None else self.settings.source.settings

    def _prove(
        self, source: Snapshot, facts: Snapshot, prepared: restoring.Prepared, server: Server, told: Collection[str]
    ) -> None:
        self.compared = facts
        self.not_verified += source.not_verified
        self.not_verified += [gap for gap in not_carried(source.catalog, facts.catalog) if gap.object not in told]
        self.not_verified += not_restored_with_extensions(source, facts)
        said = {note.object for note in self.notes}
        self.notes += stored_by_server(unknown.of_servers(source, facts, said))
        self.not_verified += unknown.of_objects(source, facts, said)
        self.notes += computed_again(source, facts)
        changes, own = calibration.without_own(way_back.unequal(source, facts, prepared), server)
        self.notes += stored_by_server(own)
        self.findings = not_restored(changes)
        refuse(changes, "the restored copy is not equal to the source")

    def _keep(self, server: Server) -> None:
        failed = self.result().verdict != "passed"
        if self.settings.server.keep and failed:
            self.kept = "\n".join(server.keep())

    def explained(self) -> Result:
        """Return what is known, and which statements did it."""
        result = self.result()
        if self.comparison is None:
            return result
        found = explain(result.changes, result.findings, self.comparison, self.trace, self.plan.migration)
        return replace(result, changes=found.changes, findings=found.findings)

    def result(self) -> Result:
        """Return what is known."""
        compared: Mapping[str, TableContent] = {} if self.compared is None else self.compared.tables
        not_verified = tuple(dict.fromkeys(self.not_verified))
        return Result(
            steps=self.steps.done,
            source={
                "server_version": self.source_version or str(self.plan.source.version or ""),
                "database": self.plan.source.database if self.recovered is None else self.recovered.database,
                "from": self.plan.source.shown if self.recovered is None else str(self.recovered),
            },
            settings=None if self.like.settings is None else self.like.unusual,
            server=self.server,
            changes=() if self.comparison is None else self.comparison.changes,
            findings=(*self.findings, *self.notes, *self._majors(), *self._unverified(not_verified)),
            relations=len(compared),
            rows=sum(content.rows for content in compared.values()),
            not_verified=not_verified,
            trace=self.trace,
            unused=self.unused,
            kept=self.kept,
            baseline=self.baseline,
        )

    def _majors(self) -> tuple[Finding, ...]:
        return majors.judge(
            self.plan.source.version, self.server.get("version"), self.plan.migration, self.trace, self.functions,
            strict=self.settings.strict,
        )  # fmt: skip

    def _unverified(self, gaps: Sequence[NotVerified]) -> Iterator[Finding]:
        """Under ``strict``, yield what was not verified and is not told by a check: they see the comparison alone."""
        told = {finding.object for finding in self.findings if finding.code == NOT_VERIFIED.code} | {SERVER_VERSION}
        for gap in gaps if self.settings.strict else ():
            # Files that build a database are no backup: there is nothing that their result could be compared with.
            if gap.object not in told and not (gap.object == "restore" and self.plan.source.kind == "sql"):
                yield NOT_VERIFIED.finding(gap.object, f"{gap.object} was not verified: {gap.reason}", check="restore")

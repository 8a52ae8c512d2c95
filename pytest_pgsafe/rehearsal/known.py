"""What is known of a run so far: each stage adds to it, and the result is made of it, whichever step ends the run."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import TypeVar

from ..base.values import About
from ..checks.blame.explained import explain
from ..checks.majors import OBJECT as SERVER_VERSION
from ..checks.unverified import NOT_VERIFIED
from ..checks.values import Finding
from ..compare.values import Comparison
from ..config.values import Settings
from ..copy.likeness import Likeness
from ..migrate.values import Trace
from ..pitr.engines.recover import Restored as Recovered
from ..release.values import Released
from ..retry.values import Retried
from ..snapshot.values import NotVerified, Reread, Snapshot, TableContent
from ..traffic.values import Traffic
from ..upgrade.values import Upgrade
from ..works.values import Tried
from . import majors
from .measured import measure
from .preflight import Plan
from .steps import Steps, Stopped
from .values import Release, Result, Trials, Tries

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Known:
    """A part of what a run finds out, or all of it; what is None is not known."""

    #: What is done, once it is known which files are pending.
    plan: Plan | None = None
    #: ``kind``, ``version``, ``origin``.
    server: Mapping[str, str] | None = None
    source_version: str | None = None
    #: What the copy has of the source's server.
    like: Likeness | None = None
    #: How far the source was recovered, where it had to be.
    recovered: Recovered | None = None
    #: The source before the migration: its own facts, or those of the copy where it has none.
    reference: Snapshot | None = None
    #: Whether the copy is that cluster itself.
    physical: bool | None = None
    #: Definitions of the database's functions.
    functions: Mapping[str, str] | None = None
    trace: Trace | None = None
    comparison: Comparison | None = None
    #: Of what content was compared.
    compared: Snapshot | None = None
    #: How much of the migrated clone was read.
    reread: Reread | None = None
    #: The migration broken off and run again.
    retried: Retried | None = None
    #: What was tried on both copies.
    tried: Tried | None = None
    #: The migration run once more while others work.
    traffic: Traffic | None = None
    #: What the next major has otherwise.
    upgrade: Upgrade | None = None
    #: What the release that still runs does, tried.
    released: Released | None = None
    #: What the last judgement found: each one judges everything again.
    findings: tuple[Finding, ...] | None = None
    #: What was written to the baseline.
    baseline: str | None = None
    #: How to connect to what was kept.
    kept: str | None = None
    #: Rows that tables of the source have, where the copy is smaller.
    rows: Mapping[str, int] | None = None
    #: The moment of what was restored.
    taken: datetime | None = None
    #: The base that the run began with.
    base: About | None = None
    #: Of the restore, beside what is judged of the migration.
    notes: tuple[Finding, ...] = ()
    not_verified: tuple[NotVerified, ...] = ()
    #: Checks that have nothing to judge, and why.
    unused: Mapping[str, str] = field(default_factory=dict[str, str])

    def joined(self, more: Known) -> Known:
        """Return all that both know: lists are added up, of the rest the later one holds."""
        later = {name: value for name, value in vars(more).items() if value is not None}
        return replace(
            self,
            **{
                **later,
                "notes": (*self.notes, *more.notes),
                "not_verified": (*self.not_verified, *more.not_verified),
                "unused": {**self.unused, **more.unused},
            },
        )

    def result(self, settings: Settings, steps: Steps) -> Result:
        """Return the result of a run that ends here."""
        assert self.plan is not None
        source = self.plan.source
        compared: Mapping[str, TableContent] = {} if self.compared is None else self.compared.tables
        gaps = tuple(dict.fromkeys(self.not_verified))
        return Result(
            steps=steps.done,
            source={
                "server_version": self.source_version or str(source.version or ""),
                "database": source.database if self.recovered is None else self.recovered.database,
                "from": source.shown if self.recovered is None else self._from(self.recovered),
                **({"copy": "physical"} if self.physical else {}),
                **({} if self.taken is None else {"taken": f"{self.taken:%Y-%m-%dT%H:%M:%SZ}"}),
                **_of_base(self.base),
            },
            settings=None if self.like is None or self.like.settings is None else self.like.unusual,
            server={} if self.server is None else self.server,
            changes=() if self.comparison is None else self.comparison.changes,
            findings=(
                *(self.findings or ()),
                *self.notes,
                *self._of_majors(self.plan, strict=settings.strict),
                *self._unverified(gaps if settings.strict else ()),
            ),
            relations=len(compared),
            rows=sum(content.rows for content in compared.values()),
            reread=self.reread,
            not_verified=gaps,
            trace=self.trace,
            unused=self.unused,
            retry=None if self.retried is None else _tries(self.retried),
            works=None if self.tried is None else Trials(number=self.tried.number, seconds=self.tried.seconds),
            traffic=self.traffic,
            upgrade=self.upgrade,
            old_release=None if self.released is None else _release(self.released),
            kept=self.kept,
            baseline=self.baseline,
        )

    def _from(self, recovered: Recovered) -> str:
        return f"{recovered}; the copy is that cluster itself" if self.physical else str(recovered)

    def explained(self, settings: Settings, steps: Steps) -> Result:
        """Return the result, and which statements did what."""
        result = replace(
            self.result(settings, steps),
            measured=measure(
                self.comparison,
                self.trace,
                None if self.plan is None else self.plan.migration,
                {} if self.rows is None else self.rows,
                frozenset() if self.reread is None or self.reread.why is not None else self.reread.touched,
            ),
            time=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            migration=None if settings.migration is None else (settings.migration.kind, str(settings.migration)),
        )
        if self.comparison is None or self.plan is None:
            return result
        found = explain(result.changes, result.findings, self.comparison, self.trace, self.plan.migration)
        return replace(result, changes=found.changes, findings=found.findings)

    def _of_majors(self, plan: Plan, *, strict: bool) -> tuple[Finding, ...]:
        version = None if self.server is None else self.server.get("version")
        functions: Mapping[str, str] = {} if self.functions is None else self.functions
        if plan.major is not None:
            # The migration runs on the major that it is to run on.
            return majors.of_functions(plan.source.version, version, functions)
        return majors.judge(plan.source.version, version, plan.migration, self.trace, functions, strict=strict)

    def _unverified(self, gaps: Sequence[NotVerified]) -> Iterator[Finding]:
        """Yield what was not verified and no check names: checks see the comparison alone."""
        named = {finding.object for finding in self.findings or () if finding.code == NOT_VERIFIED.code}
        for gap in gaps:
            # What files or a dump of others built has no facts that it could be compared with: a line, no failure.
            if gap.object not in named | {SERVER_VERSION, "restore"}:
                yield NOT_VERIFIED.finding(gap.object, f"{gap.object} was not verified: {gap.reason}", check="restore")


def _tries(retried: Retried) -> Tries:
    return Tries(points=len(retried.attempts), left_out=retried.left_out)


def _release(released: Released) -> Release:
    return Release(
        statements=released.statements, probes=released.probes, left_out=released.left_out,
        run=None if released.own is None else released.own.outcome,
    )  # fmt: skip


def _of_base(base: About | None) -> Mapping[str, str]:
    """Return what the report says of a base."""
    if base is None:
        return {}
    said = {"base": f"{base.built:%Y-%m-%dT%H:%M:%SZ}", "after_restore": "included" if base.hooked else "not included"}
    return said if base.taken is None else {**said, "taken": f"{base.taken:%Y-%m-%dT%H:%M:%SZ}"}


#: A stage of a run. What it yields is known from then on, also if the stage fails afterwards;
#: what it returns is what the next stage goes on with.
Stage = Generator[Known, None, T]


def gathered(known: Known, stages: Stage[object]) -> Known:
    """Run stages as far as they come, and return what is known then."""
    with suppress(Stopped), closing(stages):
        for more in stages:
            known = known.joined(more)
    return known

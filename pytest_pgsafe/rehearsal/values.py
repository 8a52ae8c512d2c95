"""What a rehearsal found, complete: everything that a report or a collected item says comes from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Literal

from ..checks.values import Finding, Severity
from ..compare.values import Change
from ..migrate.values import Trace
from ..pitr.outcome import Recoverability
from ..snapshot.values import NotVerified, Reread
from ..traffic.values import Traffic
from ..upgrade.values import Upgrade
from .measured import Measured


class Outcome(str, Enum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step, in the order of the run: server, backup, restore, clone, migrate, rollback and so on."""

    name: str
    seconds: float
    outcome: Outcome
    #: Why it failed or was skipped; with remedies, and what the program printed.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Read:
    """How many statements were read by their text alone."""

    statements: int
    #: Of these: those that could not be read, or not in full.
    unread: int


@dataclass(frozen=True, kw_only=True)
class Tries:
    """How often the migration was broken off and run again."""

    points: int
    #: What was left out, and why.
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Release:
    """What was tried of the release that is still running."""

    #: Statements that were asked and could be judged.
    statements: int
    #: Statements that nobody asked for, since the changes called for them.
    probes: int = 0
    #: Of its own tests: ``passed``, ``failed``, ``not verified``; None where none were given.
    run: str | None = None
    #: What was left out, and why.
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Trials:
    """How many statements were tried on both copies, and for how many seconds."""

    number: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Result:
    """One rehearsal or drill."""

    steps: tuple[Step, ...]
    #: ``server_version``, ``database``, and where it came from (without secrets).
    source: Mapping[str, str]
    #: Settings of the source's server that are not PostgreSQL's defaults; None where they are not known.
    settings: Mapping[str, str] | None = None
    #: ``kind``, ``version``, ``origin``.
    server: Mapping[str, str]
    changes: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()
    #: Relations whose content was compared, and their rows.
    relations: int = 0
    rows: int = 0
    #: How much of the migrated copy was read; None where it was not compared.
    reread: Reread | None = None
    not_verified: tuple[NotVerified, ...] = ()
    trace: Trace | None = None
    #: Checks that had nothing to judge, and why (``rollback``: no way back configured).
    unused: Mapping[str, str] = field(default_factory=dict[str, str])
    #: None where it was not broken off on purpose.
    retry: Tries | None = None
    #: None where nothing was tried on both copies.
    works: Trials | None = None
    #: None where nobody was put beside it.
    traffic: Traffic | None = None
    #: What the next major has otherwise; None where none was asked for.
    upgrade: Upgrade | None = None
    #: None where no migration was judged.
    old_release: Release | None = None
    #: Set when the run was broken off: Ctrl-C, or an error that is not a step's.
    interrupted: str | None = None
    #: Of a fleet's member: set where it was not begun, or not to its end, for a reason of the fleet's.
    absent: str | None = None
    #: What broke it off is a full disk.
    disk_full: bool = False
    #: How to connect to what was kept (--pgsafe-keep).
    kept: str | None = None
    #: What was written to the baseline (--pgsafe-update).
    baseline: str | None = None

    #: What the run measured; None where nothing was rehearsed.
    measured: Measured | None = None
    #: When it ended, as RFC 3339 has it.
    time: str | None = field(default=None, compare=False)
    #: What was migrated by: the tool's word, and how the configuration names the migration.
    migration: tuple[str, str] | None = None
    #: Set where statements were read, and nothing was rehearsed.
    read: Read | None = None
    #: Set where a recovery was rehearsed.
    pitr: Recoverability | None = None

    @property
    def verdict(self) -> Literal["passed", "failed", "error"]:
        """``passed``, ``failed`` (unsafe: an error finding or a failed step) or ``error`` (no verdict was reached).

        A run that was interrupted is an ``error`` also where something unsafe was found before: what comes after it is
        not known, and its exit status is 2. The findings stand in the report all the same.
        """
        if self.interrupted is not None:
            return "error"
        if any(finding.severity is Severity.ERROR for finding in self.findings):
            return "failed"
        return "failed" if any(step.outcome is Outcome.FAILED for step in self.steps) else "passed"


def together(first: Result | None, second: Result | None) -> Result | None:
    """Return the results of a rehearsal and of a recovery as one; either may not have been begun."""
    if first is None or second is None:
        return second if first is None else first
    return replace(
        first,
        steps=(*first.steps, *second.steps),
        findings=(*first.findings, *second.findings),
        not_verified=(*first.not_verified, *second.not_verified),
        unused={**first.unused, **second.unused},
        interrupted=first.interrupted if first.interrupted is not None else second.interrupted,
        disk_full=first.disk_full or second.disk_full,
        pitr=second.pitr,
    )

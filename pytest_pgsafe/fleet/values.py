"""What is known of a fleet once it was judged. Of each member a summary: its whole result stays in the run's store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from ..checks.values import Finding
from ..rehearsal.values import Step

Verdict = Literal["passed", "failed", "error"]
Level = Literal["error", "no verdict", "warning"]


class Absence(str, Enum):
    """Why a member has no result."""

    NOT_SAMPLED = "not_sampled"
    NOT_SELECTED = "not_selected"
    UNREACHABLE = "unreachable"
    DEADLINE = "deadline"
    FAIL_FAST = "fail_fast"
    DIED = "died"
    NOT_BEGUN = "not_begun"

    @property
    def wanted(self) -> bool:
        """Whether a run without this member was asked for: it has no verdict and needs none."""
        return self in {Absence.NOT_SAMPLED, Absence.NOT_SELECTED}

    @property
    def text(self) -> str:
        """For people."""
        return _TEXTS[self]


_TEXTS = {
    Absence.NOT_SAMPLED: "not in the sample",
    Absence.NOT_SELECTED: "not selected",
    Absence.UNREACHABLE: "not reachable",
    Absence.DEADLINE: "not begun before the deadline",
    Absence.FAIL_FAST: "not begun after another one failed",
    Absence.DIED: "its worker died",
    Absence.NOT_BEGUN: "not begun",
}


@dataclass(frozen=True, kw_only=True)
class Member:
    """One database of a fleet."""

    #: As ids have it: ``pgsafe.toml[NAME]::rows``.
    name: str
    #: Where it is, as it may be shown: without a password.
    source: str
    #: Its own name on its server, where that is known.
    database: str | None = None


@dataclass(frozen=True, kw_only=True)
class Held:
    """A strong lock, and for how many seconds it was held."""

    relation: str
    mode: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What became of one member."""

    member: Member
    #: None of one that the run was not asked to judge.
    verdict: Verdict | None
    absent: Absence | None = None
    #: Why there is no verdict, in a line.
    reason: str | None = None
    relations: int = 0
    rows: int = 0
    not_verified: int = 0
    #: Of the whole rehearsal.
    seconds: float = 0.0
    #: Of the migration alone; None where it was not run.
    migration: float | None = None
    #: The strong lock that was held longest.
    lock: Held | None = None
    #: Of its schema before the migration; None where that was not read.
    fingerprint: str | None = None
    #: Findings by severity: ``error``, ``warning``, ``note``.
    severities: Mapping[str, int] = field(default_factory=dict[str, int])
    #: Findings of errors and warnings by their checks' codes.
    codes: Mapping[str, int] = field(default_factory=dict[str, int])
    disk_full: bool = False
    #: How to connect to what was kept (--pgsafe-keep).
    kept: str | None = None

    @property
    def counts(self) -> bool:
        """Whether the fleet's verdict hangs on it."""
        return self.verdict is not None


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What went wrong, or is warned of, in the same way for one member or several."""

    #: Names of the members, in the fleet's order.
    members: tuple[str, ...]
    #: In a line, as it is told of the first of them; numbers are that member's own.
    text: str
    #: ``error``: it is why they failed; ``warning``; ``no verdict``.
    level: Level
    #: Of the first member: a finding, or a step that failed; neither where it has no verdict.
    finding: Finding | None = None
    step: Step | None = None
    #: The line of ``[expect]`` that announces the finding, if it is meant.
    announce: str | None = None


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing in which members' schemas differ from the one that they are compared with."""

    kind: str
    object: str
    #: A whole sentence without its end: ``index public.i_x is missing``.
    text: str


@dataclass(frozen=True, kw_only=True)
class Group:
    """Members of one schema, and in what it is another."""

    fingerprint: str
    members: tuple[str, ...]
    #: At most :data:`~.drift.MOST`.
    differences: tuple[Difference, ...] = ()
    #: How many there are beside these.
    more: int = 0
    #: Set where its schema cannot be compared.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Drift:
    """The schemas of a fleet's members before the migration, the most frequent one first."""

    #: Names of the members that have the schema which the others are compared with.
    majority: tuple[str, ...] = ()
    #: Several schemas are equally frequent, so that none is the majority's: the first one by order stands for it.
    tied: bool = False
    groups: tuple[Group, ...] = ()
    #: Names of members whose schema is not known.
    unknown: tuple[str, ...] = ()

    @property
    def compared(self) -> int:
        """How many members' schemas are known."""
        return len(self.majority) + sum(len(group.members) for group in self.groups)

    @property
    def by_difference(self) -> Mapping[Difference, tuple[str, ...]]:
        """The members of each difference; what most of them have comes first."""
        found: dict[Difference, list[str]] = {}
        for group in self.groups:
            for difference in group.differences:
                found.setdefault(difference, []).extend(group.members)
        order = sorted(found.items(), key=lambda one: (-len(one[1]), one[0].kind, one[0].object, one[0].text))
        return {difference: tuple(members) for difference, members in order}


@dataclass(frozen=True, kw_only=True)
class FleetResult:
    """A fleet, judged."""

    #: All of them, in their order, also those that were not sampled.
    members: tuple[Judged, ...]
    #: What went wrong and what is warned of: errors first, then by the number of members.
    causes: tuple[Cause, ...] = ()
    #: How many causes there are beside these; each member that failed is named by one at least.
    more_causes: int = 0
    drift: Drift = field(default_factory=Drift)
    #: The steps of all members by name: seconds added up, failed if one failed.
    steps: tuple[Step, ...] = ()
    #: How the sample was drawn, with its seed; None where all are judged.
    sample: str | None = None
    #: What was migrated by, as a result has it.
    migration: tuple[str, str] | None = None
    #: Versions of the sources' servers, and of ours.
    source_versions: tuple[str, ...] = ()
    server: Mapping[str, str] = field(default_factory=dict[str, str])
    #: When it ended, as RFC 3339 has it.
    time: str | None = field(default=None, compare=False)
    #: Set when the run was broken off.
    interrupted: str | None = None

    @property
    def verdict(self) -> Verdict:
        """``failed`` if one member failed; else ``error`` if one has no verdict, or none was judged; else ``passed``.

        A run that was interrupted is an ``error`` in every case, as it is without a fleet.
        """
        verdicts = {one.verdict for one in self.members if one.counts}
        if self.interrupted is not None:
            return "error"
        if "failed" in verdicts:
            return "failed"
        return "passed" if verdicts == {"passed"} else "error"

    @property
    def disk_full(self) -> bool:
        """Whether a full disk broke a member off."""
        return any(one.disk_full for one in self.members)

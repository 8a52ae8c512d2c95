"""Findings: what a check objects to, with the evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from ..compare.repeated import Repeated
from ..compare.values import Comparison
from ..config.expectations import Converted, Expect, Moved
from ..migrate.values import Trace
from ..reading.values import Cited
from ..release.values import Released
from ..retry.values import Retried
from ..snapshot.values import (
    ConvertedContent,
    DenormalizedContent,
    DenormalizedLoss,
    DenormalizedRule,
    MovedContent,
    Proposal,
    ReferenceContent,
    ReferenceRule,
    RowSample,
)
from ..traffic.values import Traffic
from ..works.values import Tried
from .baseline import Section

#: How a reason begins that nobody wrote: it repeats the rule.
ANNOUNCED = "announced: "
#: The aspect of what goes beyond an announcement: a reason for the one is none for the other.
BEYOND = "beyond what was announced"


class Severity(str, Enum):
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One objection. ``check`` is the collected item that reports it (``rows``, ``values``, …)."""

    code: str
    check: str
    severity: Severity
    object: str
    message: str
    before: str | int | None = None
    after: str | int | None = None
    samples: tuple[RowSample, ...] = ()
    #: The expectation's reason, where the change was announced and so became a note.
    reason: str | None = None
    remedy: str | None = None
    #: The revision that it came with, where several were run and that can be told.
    revision: str | None = None
    #: Which of several effects of one check on one object it is: an attribute, a privilege, the kind of what was added.
    aspect: str | None = None
    #: It was so before the migration, or hangs on the data of the day: no effect of the migration.
    standing: bool = False
    #: The statement that did it, where that can be told.
    statement: Cited | None = None
    #: Whether a statement of the migration names the object; None where it cannot be told.
    declared: bool | None = None
    #: The objects whose change did it, where they are others than its own.
    causes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Rules(Expect):
    """What a team said, with the names of the database: expectations, copies, foreign key policies, budgets."""

    denormalized: tuple[DenormalizedRule, ...] = ()
    references: tuple[ReferenceRule, ...] = ()
    #: Constraint-free policies by ``schema.table.column``: ``no nulls``, ``no more nulls``, ``any``.
    foreign_keys: Mapping[str, str] = field(default_factory=dict[str, str])
    #: Seconds.
    migrate_budget: float | None = None
    #: Lock mode and seconds.
    lock_budget: tuple[str, float] | None = None
    #: Bytes.
    wal_budget: int | None = None
    growth_budget: int | None = None
    peak_budget: int | None = None
    #: Seconds.
    wait_budget: float | None = None
    #: Rows that tables of the source have, where the copy is smaller; by their names.
    source_rows: Mapping[str, int] = field(default_factory=dict[str, int])
    strict: bool = False
    #: What pgsafe.baseline lists of this migration; None where it has no section.
    baseline: Section | None = None


@dataclass(frozen=True, kw_only=True)
class NoWayBack:
    """The migration says itself that it cannot go back; the restore of the backup is the way back then."""

    #: What its tool said.
    message: str
    #: Seconds of a restore that was run for this and proven equal; None where there was nothing to restore.
    restored: float | None = None


@dataclass(frozen=True, kw_only=True)
class Unkept:
    """A value of the new schema that the way back did not keep."""

    #: By the column's name before.
    column: str
    #: What was written, and what is there now, for people.
    written: str
    now: str


@dataclass(frozen=True, kw_only=True)
class NewRows:
    """The way back, run on a copy with rows that only the new schema admits."""

    #: For people: the value and the column of each.
    written: tuple[str, ...]
    #: What the server said, where the way back failed.
    failed: str | None = None
    unkept: tuple[Unkept, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Undeclared:
    """A column that was dropped or has other values, seems to be a copy, and has no rule."""

    proposal: Proposal
    #: What the rule would have found, as :class:`Evidence` has it of rules; None where it could not be evaluated.
    before: DenormalizedContent | None = None
    after: DenormalizedContent | None = None
    loss: DenormalizedLoss | None = None


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything that a check may look at."""

    comparison: Comparison
    trace: Trace | None
    rules: Rules
    #: By rule: before, and after where the column and what it is read from still exist.
    denormalized: Mapping[DenormalizedRule, tuple[DenormalizedContent, DenormalizedContent | None]] = field(
        default_factory=dict[DenormalizedRule, "tuple[DenormalizedContent, DenormalizedContent | None]"]
    )
    #: By announced move: what was found of its values, or why that cannot be told.
    moved: Mapping[Moved, MovedContent | str] = field(default_factory=dict[Moved, "MovedContent | str"])
    #: By announced conversion: what was found of the values, or why that cannot be told.
    converted: Mapping[Converted, ConvertedContent | str] = field(
        default_factory=dict[Converted, "ConvertedContent | str"]
    )
    #: By rule whose column was dropped: what cannot be read through its source any more.
    losses: Mapping[DenormalizedRule, DenormalizedLoss] = field(
        default_factory=dict[DenormalizedRule, DenormalizedLoss]
    )
    undeclared: tuple[Undeclared, ...] = ()
    #: By rule that could not be evaluated on both sides: why.
    unread: Mapping[DenormalizedRule | ReferenceRule, str] = field(
        default_factory=dict["DenormalizedRule | ReferenceRule", str]
    )
    #: By rule: before, and after where both columns still exist.
    references: Mapping[ReferenceRule, tuple[ReferenceContent, ReferenceContent | None]] = field(
        default_factory=dict[ReferenceRule, "tuple[ReferenceContent, ReferenceContent | None]"]
    )
    #: From before the migration to after its way back; None where there is none.
    rollback: Comparison | None = None
    #: The migration run once more after its way back; None where it was not.
    again: Repeated | None = None
    no_way_back: NoWayBack | None = None
    #: Where the new schema admits more than the old one.
    new_rows: NewRows | None = None
    #: What was tried on both copies.
    tried: Tried = field(default_factory=Tried)
    #: The migration broken off and run again.
    retried: Retried = field(default_factory=Retried)
    #: The migration run once more while others work.
    traffic: Traffic = field(default_factory=Traffic)
    #: What the release that still runs does, tried.
    released: Released = field(default_factory=Released)


def _nothing(_: Evidence) -> Iterable[Finding]:
    """Judge no migration: a check of what is no effect of one (a text, an archive) is judged in a run of its own."""
    return ()


@dataclass(frozen=True, kw_only=True)
class Check:
    """A rule of judgement: data for its page, and a pure function."""

    code: str
    #: The collected item.
    check: str
    name: str
    severity: Severity
    condition: str
    effect: str
    remedy: str
    judge: Callable[[Evidence], Iterable[Finding]] = field(default=_nothing, repr=False, compare=False)
    #: What it finds is something that a migration does, and can be listed in the baseline. An expectation or a rule
    #: that did not hold is none, nor what could not be told, nor what hangs on time.
    is_effect: bool = True
    #: Attributes of the objects that its findings are about, where they do not say it themselves (``aspect``).
    about: frozenset[str] = frozenset()
    #: Kinds of objects in ``[expect] changed`` that make its findings about them notes. What is lost with an object
    #: that goes, and values that change, have announcements of their own.
    excused_by: frozenset[str] = frozenset()

    def finding(
        self,
        object_: str,
        message: str,
        *,
        severity: Severity | None = None,
        check: str | None = None,
        before: str | int | None = None,
        after: str | int | None = None,
        samples: tuple[RowSample, ...] = (),
        aspect: str | None = None,
        standing: bool = False,
        causes: tuple[str, ...] = (),
    ) -> Finding:
        """Return a finding of this check, of its own severity if no other is given; a note needs no remedy."""
        weight = self.severity if severity is None else severity
        return Finding(
            code=self.code,
            check=self.check if check is None else check,
            severity=weight,
            object=object_,
            message=message,
            before=before,
            after=after,
            samples=samples,
            remedy=None if weight is Severity.NOTE else self.remedy,
            aspect=aspect,
            standing=standing,
            causes=causes,
        )

"""What a migration cost, and what it would cost where the tables are as large as the source's (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ..catalog.names import covers
from ..compare.values import Comparison
from ..migrate.values import Lock, Statement, Trace
from ..migrate.work import reads_whole
from ..reading.read import read
from ..reading.values import ROWS
from .strengths import keeps_out

#: A statement that is longer, of generated rows most likely, works on what it brings along.
_LONGEST = 10_000


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one run cost. Bytes and seconds; None is what could not be measured."""

    seconds: float
    wal: int | None = None
    growth: int | None = None
    peak: int | None = None
    temporary: int | None = None
    #: The lock that kept others out for the longest time.
    longest: Lock | None = None


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much larger the source's tables are than those of the copy that was migrated."""

    comparison: Comparison
    trace: Trace
    #: Rows that the source has, by the table's name before the migration.
    rows: Mapping[str, int] = field(default_factory=dict[str, int])

    @cached_property
    def factors(self) -> Mapping[str, float]:
        """By the table's name before; only those that are larger, and hold a row in the copy."""
        found: dict[str, float] = {}
        for name, rows in self.rows.items():
            content = self.comparison.before.tables.get(name)
            if content is not None and 0 < content.rows < rows:
                found[name] = rows / content.rows
        return found

    @property
    def known(self) -> bool:
        """Whether anything is scaled at all."""
        return bool(self.factors)

    def table(self, relation: str) -> float:
        """Return how much larger a table is; 1 where that is not known. Its name may be the one after the migration."""
        names = {new: old for old, new in self.comparison.tables.items()}
        return self.factors.get(relation, self.factors.get(names.get(relation, ""), 1.0))

    @cached_property
    def statements(self) -> Sequence[float]:
        """How much more each statement has to do: that of the largest of the tables that it works on."""
        if not self.known:
            return [1.0] * len(self.trace.statements)
        worked: dict[int, float] = {}
        for lock in self.trace.locks:
            if lock.number is not None and works_on(lock):
                worked[lock.number] = max(worked.get(lock.number, 1.0), self.table(lock.relation))
        return [
            max(worked.get(at, 1.0), self.statement(statement)) for at, statement in enumerate(self.trace.statements)
        ]

    def statement(self, statement: Statement) -> float:
        """Return how much more a statement has to do that changes rows."""
        if not self.known or len(statement.text) > _LONGEST:
            return 1.0
        reading = read(statement.text)
        written = {effect.object for effect in reading.effects if effect.does in ROWS}
        factors = (factor for name, factor in self.factors.items() if any(covers(name, one) for one in written))
        return max(factors, default=1.0)

    def seconds(self, lock: Lock) -> float | None:
        """Return how long a lock would be held: its own statement, the longest that came after it, and the rest."""
        if lock.held is None:
            return None
        if not self.known:
            return lock.held / 1000
        own = lock.own if lock.own is not None else lock.held
        factor = self.table(lock.relation) if works_on(lock) else 1.0
        longer = own * (factor - 1)
        if lock.prolonged is not None and lock.prolonged.duration is not None:
            longer += lock.prolonged.duration * (self.statement(lock.prolonged) - 1)
        return (lock.held + longer) / 1000


def works_on(lock: Lock) -> bool:
    """Tell whether a statement reads or rewrites the whole relation that it locks."""
    # A materialised view that is filled anew is not read itself.
    if lock.rewritten or lock.scanned or lock.reader is not None or lock.statement[:7].lower() == "refresh":
        return True
    # Where the rows that were read cannot be told, the statement says whether it reads them.
    return lock.scanned is None and reads_whole(lock.statement)


def measured(trace: Trace) -> Cost:
    """Return what a run cost on its copy."""
    return Cost(
        seconds=trace.seconds,
        wal=trace.wal,
        growth=trace.growth,
        peak=trace.peak,
        temporary=sum(one.temporary for one in trace.statements) if trace.observed else None,
        longest=longest(trace.locks),
    )


def longest(locks: Sequence[Lock]) -> Lock | None:
    """Return the lock that kept others out for the longest time, of those whose time was seen."""
    seen = [lock for lock in locks if keeps_out(lock.mode) and lock.held is not None]
    return max(seen, key=lambda lock: lock.held or 0.0, default=None)


def scaled(trace: Trace, scale: Scale) -> Cost | None:
    """Return what a run would cost where the tables have as many rows as the source says; None if that is not known.

    In proportion to the rows: an index takes a little more than that.
    """
    if not scale.known:
        return None
    more = [(one, factor - 1) for one, factor in zip(trace.statements, scale.statements, strict=True)]
    wal = sum((one.wal or 0) * factor for one, factor in more)
    growth = sum(_grown(scale))
    above = max(scale.factors.values()) * ((trace.peak or 0) - (trace.growth or 0))
    locks = sorted(trace.locks, key=lambda lock: scale.seconds(lock) or 0.0)
    return Cost(
        seconds=trace.seconds + sum((one.duration or 0.0) / 1000 * factor for one, factor in more),
        wal=None if trace.wal is None else round(trace.wal + wal),
        growth=None if trace.growth is None else round(trace.growth + growth),
        peak=None if trace.peak is None or trace.growth is None else round(trace.growth + growth + above),
        temporary=round(sum(one.temporary * (factor + 1) for one, factor in more)) if trace.observed else None,
        longest=longest(locks[-1:]),
    )


def _grown(scale: Scale) -> Iterator[float]:
    """Yield how much more each table would have grown than it has."""
    before, after = scale.comparison.before.catalog.tables, scale.comparison.after.catalog.tables
    for name, factor in scale.factors.items():
        now = after.get(scale.comparison.tables.get(name, name))
        if name in before and now is not None:
            yield (now.size - before[name].size) * (factor - 1)

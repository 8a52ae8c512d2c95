"""What the migration took, against what the team allows it: time, WAL, room on the disk, others' waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from .cost_values import Cost, Scale, measured, scaled
from .evidence import size, unproven
from .locking import excused, held
from .values import Check, Evidence, Finding, Severity

_REMEDY = "Split the migration, fill in batches, or raise the budget."


@dataclass(frozen=True, kw_only=True)
class _Limit:
    """A number of ``[budget]``, and how it is told."""

    #: As ``[budget]`` calls it.
    key: str
    took: str
    of: Callable[[Cost], float | None]
    shown: Callable[[float], str]


def time(seconds: float) -> str:
    """Return a time for people: ``0.25 s``, ``1,200 s``."""
    return f"{seconds:,.0f} s" if seconds >= 100 else f"{seconds:.3g} s"


def scale_of(evidence: Evidence) -> Scale | None:
    """Return how much larger the source is than the copy; None without a trace."""
    if evidence.trace is None:
        return None
    return Scale(comparison=evidence.comparison, trace=evidence.trace, rows=evidence.rules.source_rows)


def _over(evidence: Evidence, check: Check, limit: _Limit, budget: float | None) -> Iterator[Finding]:
    if budget is None:
        return
    allowed = limit.shown(budget)
    scale = scale_of(evidence)
    taken = None if evidence.trace is None else limit.of(measured(evidence.trace))
    if scale is None or evidence.trace is None or taken is None:
        told = f"[budget] {limit.key} = {allowed} was not checked: it was not measured"
        yield check.finding("migration", told, severity=unproven(evidence))
        return
    larger = scaled(evidence.trace, scale)
    most = None if larger is None else limit.of(larger)
    if taken > budget:
        yield check.finding("migration", f"the migration {limit.took} {limit.shown(taken)}: the budget is {allowed}")
    elif most is not None and most > budget:
        told = f"the migration {limit.took} {limit.shown(taken)} on the copy, and about {limit.shown(most)} where the"
        told += f" tables have the rows of [source] rows (scaled): the budget is {allowed}"
        yield check.finding("migration", told)


def _time(evidence: Evidence) -> Iterator[Finding]:
    limit = _Limit(key="migrate", took="took", of=lambda cost: cost.seconds, shown=time)
    yield from _over(evidence, TIME_BUDGET, limit, evidence.rules.migrate_budget)


def _wal(evidence: Evidence) -> Iterator[Finding]:
    limit = _Limit(key="wal", took="wrote WAL of", of=lambda cost: cost.wal, shown=size)
    yield from _over(evidence, WAL_BUDGET, limit, evidence.rules.wal_budget)


def _growth(evidence: Evidence) -> Iterator[Finding]:
    limit = _Limit(key="growth", took="left the database larger by", of=lambda cost: cost.growth, shown=size)
    yield from _over(evidence, GROWTH_BUDGET, limit, evidence.rules.growth_budget)


def _peak(evidence: Evidence) -> Iterator[Finding]:
    took = "needed at one time, temporary files included, at least"
    limit = _Limit(key="peak", took=took, of=lambda cost: cost.peak, shown=size)
    yield from _over(evidence, PEAK_BUDGET, limit, evidence.rules.peak_budget)


def _wait(evidence: Evidence) -> Iterator[Finding]:
    budget = evidence.rules.wait_budget
    if budget is None:
        return
    scale = scale_of(evidence)
    if scale is None or not scale.trace.observed:
        told = f"[budget] wait = {time(budget)} was not checked: no lock could be observed"
        yield WAIT_BUDGET.finding("migration", told, severity=unproven(evidence))
        return
    yield from _behind(evidence, budget)
    for lock in held(scale.trace):
        seconds = scale.seconds(lock)
        if seconds is None or lock.held is None or seconds <= budget:
            continue
        told = f"who comes to {lock.relation} when it has just been locked waits for {time(lock.held / 1000)}"
        if seconds > lock.held / 1000:
            told += f", and about {time(seconds)} where the tables have the rows of [source] rows (scaled)"
        told += f": the budget is {time(budget)}"
        yield excused(evidence, lock, WAIT_BUDGET.finding(lock.relation, told, after=lock.mode))


def _behind(evidence: Evidence, budget: float) -> Iterator[Finding]:
    """Yield who waited too long behind the migration while it waited itself, or beside it."""
    for one in () if evidence.traffic.scripts is None else evidence.traffic.scripts.waited[:1]:
        if one.seconds > budget:
            told = f"a statement of [traffic] script waited for {time(one.seconds)} for the migration, which was at"
            told += f" {one.statement}: the budget is {time(budget)}; it is {one.query}"
            yield WAIT_BUDGET.finding("migration", told, check="traffic")
    for queue in evidence.traffic.queues:
        longest, taken = queue.longest, queue.hold.taken
        if not queue.waiters or (longest is not None and longest <= budget):
            continue
        lasts = "as long as that lasts" if longest is None else f"{time(longest)}, its lock_timeout"
        told = f"{queue.waiting()} behind the migration, which waits for {queue.hold.who} at {taken.at.cited}: for"
        told += f" {lasts}; the budget is {time(budget)}"
        found = WAIT_BUDGET.finding(taken.relation, told, check="traffic", after=taken.mode)
        yield replace(found, statement=taken.at.cited)


TIME_BUDGET = Check(
    code="PGS804",
    check="cost",
    name="time-budget",
    severity=Severity.ERROR,
    is_effect=False,
    condition="The migration took longer than [budget] migrate allows.",
    effect="The deployment waits for it.",
    remedy="Move backfills out of the migration, or raise the budget.",
    judge=_time,
)
WAL_BUDGET = Check(
    code="PGS811",
    check="cost",
    name="wal-budget",
    severity=Severity.ERROR,
    is_effect=False,
    condition="The migration wrote more WAL than [budget] wal allows.",
    effect="Replicas fall behind by it, the archive has to take it, and a slot that lags keeps it on the primary.",
    remedy=_REMEDY,
    judge=_wal,
)
GROWTH_BUDGET = Check(
    code="PGS812",
    check="cost",
    name="growth-budget",
    severity=Severity.ERROR,
    is_effect=False,
    condition="The database is larger after the migration by more than [budget] growth allows.",
    effect="The room is gone for good: space of updated rows is used again, and is not given back.",
    remedy=_REMEDY,
    judge=_growth,
)
PEAK_BUDGET = Check(
    code="PGS813",
    check="cost",
    name="peak-budget",
    severity=Severity.ERROR,
    is_effect=False,
    condition="While it ran, the database and its temporary files had grown by more than [budget] peak allows.",
    effect="A disk without that room is full in the middle of the migration, and the server stops.",
    remedy="Rewrite tables one after the other, each in a transaction of its own, or raise the budget.",
    judge=_peak,
)
WAIT_BUDGET = Check(
    code="PGS814",
    check="cost",
    name="wait-budget",
    severity=Severity.ERROR,
    is_effect=False,
    condition=(
        "A lock that keeps writers out, or readers too, was held for longer than [budget] wait allows; or others had "
        "to wait behind the migration, while it waited for its lock itself, for longer than that (item traffic)."
    ),
    effect="Who comes when it has just been taken waits for that long, and behind a waiting session all others queue.",
    remedy="Commit right behind the statement that takes the lock, or raise the budget.",
    judge=_wait,
)
CHECKS = (TIME_BUDGET, WAL_BUDGET, GROWTH_BUDGET, PEAK_BUDGET, WAIT_BUDGET)

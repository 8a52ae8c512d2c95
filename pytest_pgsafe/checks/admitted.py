"""What was admitted before and finds no place now: rows of a partition that is narrower, rows in another order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..catalog.values import Catalog
from ..compare.values import Comparison
from .evidence import unproven
from .values import Check, Evidence, Finding, Severity

_RANGE = re.compile(r"FOR VALUES FROM \((?P<low>[^,()]+)\) TO \((?P<high>[^,()]+)\)")
_LIST = re.compile(r"FOR VALUES IN \((?P<values>.*)\)", re.DOTALL)
_ITEM = re.compile(r"'(?:[^']|'')*'|[^\s,']+")
_DATE = re.compile(r"-?\d{4}-\d\d-\d\d[\d :.+-]*")
#: A bound's place among others of its kind.
_Bound = tuple[int, int | str]


@dataclass(frozen=True, order=True)
class _Interval:
    low: _Bound
    high: _Bound


def _places(evidence: Evidence) -> Iterator[Finding]:
    comparison = evidence.comparison
    new = comparison.after.catalog
    for old_parent, parent in comparison.tables.items():
        if new.tables[parent].form != "partitioned table":
            continue
        bounds = _bounds(new, parent)
        if any(bound == "DEFAULT" for _, bound in bounds):
            continue
        for name, bound in _changed(comparison, old_parent):
            lost = _without(bound, [other for _, other in bounds])
            if lost:
                told = f"{old_parent} has no partition for {lost} any more: {name} was {bound}"
                yield NO_PARTITION.finding(old_parent, told, aspect=name, causes=(name,))


def _bounds(catalog: Catalog, parent: str) -> list[tuple[str, str]]:
    return [
        (name, table.partition_bound)
        for name, table in catalog.tables.items()
        if parent in table.parents and table.partition_bound is not None
    ]


def _changed(comparison: Comparison, parent: str) -> Iterator[tuple[str, str]]:
    """Yield the partitions that are still there, and have other bounds; one that is gone is told by itself."""
    for name, bound in _bounds(comparison.before.catalog, parent):
        there = comparison.after.catalog.tables.get(comparison.tables.get(name, ""))
        if there is not None and there.partition_bound not in {None, bound}:
            yield name, bound


def _without(bound: str, others: Sequence[str]) -> str | None:
    """Return what of a bound is in none of others, for people; None if all of it is, or that cannot be told."""
    if _LIST.fullmatch(bound):
        there = {item for other in others for item in _items(other)}
        lost = [item for item in _items(bound) if item not in there]
        return ", ".join(lost) if lost else None
    whole = _interval(bound)
    if whole is None:
        return None
    low = whole.low
    for other in sorted(one for text in others if (one := _interval(text)) is not None):
        if other.low <= low < other.high:
            low = other.high
    if low >= whole.high:
        return None
    nearest = min(
        (one.low for text in others if (one := _interval(text)) is not None and low < one.low < whole.high),
        default=whole.high,
    )
    return f"{_shown(low)} to {_shown(nearest)}"


def _items(bound: str) -> list[str]:
    found = _LIST.fullmatch(bound)
    return [] if found is None else _ITEM.findall(found["values"])


def _interval(bound: str) -> _Interval | None:
    found = _RANGE.fullmatch(bound)
    if found is None:
        return None
    low, high = _bound(found["low"]), _bound(found["high"])
    # Of other types the order is not known here.
    return None if low is None or high is None else _Interval(low, high)


def _bound(text: str) -> _Bound | None:
    value = text.strip().strip("'")
    if value in {"MINVALUE", "MAXVALUE"}:
        return (-1, value) if value == "MINVALUE" else (1, value)
    if re.fullmatch(r"-?\d+", value):
        return 0, int(value)
    return (0, value) if _DATE.fullmatch(value) and not value.startswith("-") else None


def _shown(bound: _Bound) -> str:
    return str(bound[1])


def _deferrals(evidence: Evidence) -> Iterator[Finding]:
    comparison = evidence.comparison
    for name, there in comparison.objects.get("constraints", {}).items():
        old, new = comparison.before.catalog.constraints[name], comparison.after.catalog.constraints[there]
        if old.parent is not None:
            continue
        if old.deferrable and not new.deferrable:
            told = f"SET CONSTRAINTS {name} DEFERRED worked before, and fails: it is not deferrable any more"
        elif old.initially_deferred and not new.initially_deferred:
            told = f"{name} was checked at the end of a transaction, and is at once now"
        else:
            continue
        yield NOT_DEFERRED.finding(name, told, severity=unproven(evidence))


NO_PARTITION = Check(
    code="PGS561",
    check="works",
    name="no-partition",
    severity=Severity.ERROR,
    excused_by=frozenset({"table"}),
    condition=(
        "A partition that is still there has narrower bounds, and no other partition takes what was in them. Ranges "
        "over one column of numbers, dates or moments are compared, and lists."
    ),
    effect="The INSERT of such a row fails: no partition of relation found for row.",
    remedy="Attach a partition for the rest of the bounds, or a default one; or announce it: [expect] changed.",
    judge=_places,
)
NOT_DEFERRED = Check(
    code="PGS562",
    check="works",
    name="not-deferred",
    severity=Severity.WARNING,
    excused_by=frozenset({"constraint"}),
    condition=(
        "A constraint that could be checked at the end of a transaction is checked with each statement now. Under "
        "strict it is an error."
    ),
    effect="Transactions that write a row before the one it refers to, or exchange unique values, fail.",
    remedy="Keep it DEFERRABLE until nothing defers it; announce it: [expect] changed, with the constraint.",
    judge=_deferrals,
)
CHECKS = (NO_PARTITION, NOT_DEFERRED)

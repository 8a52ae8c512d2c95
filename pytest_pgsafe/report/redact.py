"""The one place where values of rows are taken out of a result, before anything is shown or written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..catalog.names import matches, parts
from ..checks.cost_values import Cost
from ..checks.values import Finding
from ..compare.values import Action
from ..migrate.values import Lock, Statement, Trace
from ..reading.masked import masked
from ..reading.script import statements
from ..reading.values import Cited
from ..rehearsal.measured import Measured
from ..rehearsal.values import Release, Result, Step
from ..snapshot.values import RowSample
from ..traffic.values import Scripts, Taken, Traffic
from .discreet import NOT_SHOWN, discreet

MASKED = "***"
#: Characters by which a statement is known in a message.
_BEGINNING = 60
Shown = Callable[[str], bool]


def redact(result: Result, *, samples: Literal["values", "keys", "none"], mask: Sequence[str] = ()) -> Result:
    """Return the result without the values that nobody may see.

    :param samples: ``values`` keeps everything, ``keys`` the rows' keys alone, ``none`` no row at all.
    :param mask: columns whose values are never shown, keys included: ``table.column`` or ``schema.table.column``, any
        part a pattern. A column that the migration renames is masked under both names.
    """
    if samples == "values" and not mask:
        return result
    patterns = [parts(pattern) for pattern in mask]
    renamed = _renamed(result)

    def hidden(table: Sequence[str], column: str) -> bool:
        names = {(*table, column)}
        names |= {before for before, after in renamed.items() if after in names}
        # A renamed table, then its column: the old table's name with the column's.
        names |= {(*before, name[-1]) for name in names for before, after in renamed.items() if after == name[:-1]}
        return any(matches(pattern, name) for pattern in patterns for name in names)

    statements = _shown_statements(result)
    return replace(
        result,
        not_verified=tuple(replace(gap, reason=discreet(gap.reason)) for gap in result.not_verified),
        unused={name: discreet(reason) for name, reason in result.unused.items()},
        old_release=None if result.old_release is None else _release(result.old_release),
        trace=None if result.trace is None else _trace(result.trace),
        measured=None if result.measured is None else _measured(result.measured),
        changes=tuple(replace(change, statement=_statement(change.statement)) for change in result.changes),
        findings=tuple(_said(_finding(finding, samples, hidden, mask=mask), statements) for finding in result.findings),
        steps=tuple(_step(step) for step in result.steps),
        traffic=None if result.traffic is None else _traffic(result.traffic),
        interrupted=None if result.interrupted is None else discreet(result.interrupted),
    )


def _release(release: Release) -> Release:
    return replace(release, left_out=tuple(discreet(one) for one in release.left_out))


def keys_only(result: Result) -> Result:
    """Return the result for a place that many read: rows by their keys."""
    return redact(result, samples="keys")


def _renamed(result: Result) -> Mapping[tuple[str, ...], tuple[str, ...]]:
    return {
        parts(change.object): parts(change.after)
        for change in result.changes
        if change.action is Action.RENAMED and change.kind in {"table", "column"} and isinstance(change.after, str)
    }


def _finding(
    finding: Finding,
    samples: Literal["values", "keys", "none"],
    hidden: Callable[[Sequence[str], str], bool],
    *,
    mask: Sequence[str],
) -> Finding:
    # Rows belong to tables: schema and table, whatever part of it the finding is about.
    table = parts(finding.object)[:2]

    def secret(column: str) -> bool:
        # Where a row of one table is compared with another's, columns have their full names.
        name = parts(column)
        return hidden(name[:-1] if len(name) > 1 else table, "".join(name[-1:]))

    def masked(values: Mapping[str, str | None] | None, *, whole: bool = False) -> Mapping[str, str | None] | None:
        if values is None:
            return None
        return {
            column: MASKED if value is not None and (whole or secret(column)) else value
            for column, value in values.items()
        }

    kept: list[RowSample] = []
    for sample in finding.samples if samples != "none" else ():
        key = masked(sample.key)
        assert key is not None
        if samples == "keys":
            kept.append(RowSample(key=key, before=None, after=None))
        else:
            # A copy shows what its source holds: if either is masked, both are.
            pair = [*(sample.before or {}), *(sample.after or {})]
            whole = any(len(parts(column)) > 1 and secret(column) for column in pair)
            # Nobody knows what an expression reads.
            whole = whole or (bool(mask) and any(column.startswith("(") for column in pair))
            before, after = masked(sample.before, whole=whole), masked(sample.after, whole=whole)
            kept.append(RowSample(key=key, before=before, after=after))
    # What a failed run printed stands in some messages.
    return replace(finding, message=discreet(finding.message), samples=tuple(kept))


def _statement(cited: Cited | None) -> Cited | None:
    """Take the values out of a statement: which column each is for cannot be told for certain."""
    return None if cited is None else replace(cited, text=masked(cited.text))


@dataclass(frozen=True)
class _Shown:
    """Statements with values in them, as messages show them, with what stands there instead."""

    #: Whole, or as they are cited.
    cited: Mapping[str, str]
    #: Their beginnings.
    begun: Mapping[str, str]


def _shown_statements(result: Result) -> _Shown:
    cited: dict[str, str] = {}
    begun: dict[str, str] = {}
    for statement in () if result.trace is None else result.trace.statements:
        for text in (statement.text, *statements(statement.text)):
            flat = " ".join(text.split())
            if (hidden := masked(flat)) != flat:
                short = Cited.of(text).text
                cited[short] = masked(short)
                begun[flat[:_BEGINNING]] = hidden
    # One may be a part of another.
    return _Shown(cited=dict(sorted(cited.items(), key=lambda one: -len(one[0]))), begun=begun)


def _said(finding: Finding, shown: _Shown) -> Finding:
    message = finding.message
    for text, instead in shown.cited.items():
        message = message.replace(text, instead)
    if finding.check in {"locks", "migrate", "traffic", "retry"}:
        for text, instead in shown.begun.items():
            if text in message:
                # What follows may be a part of a value.
                message = message[: message.index(text)] + instead
        message = discreet(message)
    # The safer form of a statement has its values, too.
    remedy = masked(finding.remedy) if finding.check == "locks" and finding.remedy is not None else finding.remedy
    return replace(finding, message=message, remedy=remedy, statement=_statement(finding.statement))


def _step(step: Step) -> Step:
    return step if step.reason is None else replace(step, reason=discreet(step.reason))


def _traffic(traffic: Traffic) -> Traffic:
    def taken(one: Taken) -> Taken:
        cited = _statement(one.at.cited)
        return one if cited is None else replace(one, at=replace(one.at, text=masked(one.at.text), cited=cited))

    return replace(
        traffic,
        queues=tuple(
            replace(
                one,
                hold=replace(one.hold, taken=taken(one.hold.taken)),
                waiters=tuple(
                    replace(waiter, error=None if waiter.error is None else discreet(waiter.error))
                    for waiter in one.waiters
                ),
            )
            for one in traffic.queues
        ),
        deadlocks=tuple(
            replace(
                one,
                inversion=replace(one.inversion, first=taken(one.inversion.first), second=taken(one.inversion.second)),
            )
            for one in traffic.deadlocks
        ),
        scripts=None if traffic.scripts is None else _scripts(traffic.scripts),
        left_out=tuple(masked(text) for text in traffic.left_out),
    )


def _scripts(scripts: Scripts) -> Scripts:
    return replace(
        scripts,
        waited=tuple(replace(one, query=masked(one.query), statement=masked(one.statement)) for one in scripts.waited),
        refused=tuple(
            replace(one, statement=masked(one.statement), message=discreet(f"SQLSTATE {one.state}: {one.message}"))
            for one in scripts.refused
        ),
        died=None if scripts.died is None else NOT_SHOWN,
    )


def _trace(trace: Trace) -> Trace:
    return replace(
        trace,
        statements=tuple(_ran(one) for one in trace.statements),
        locks=tuple(_lock(lock) for lock in trace.locks),
        output="",
    )


def _lock(lock: Lock) -> Lock:
    return replace(
        lock,
        statement=masked(lock.statement),
        prolonged=None if lock.prolonged is None else _ran(lock.prolonged),
    )


def _measured(measured: Measured) -> Measured:
    return replace(
        measured,
        statements=tuple(
            replace(one, statement=_ran(one.statement), locks=tuple(_lock(lock) for lock in one.locks))
            for one in measured.statements
        ),
        cost=_cost(measured.cost),
        scaled=_cost(measured.scaled),
    )


def _cost(cost: Cost | None) -> Cost | None:
    return cost if cost is None or cost.longest is None else replace(cost, longest=_lock(cost.longest))


def _ran(statement: Statement) -> Statement:
    return replace(
        statement,
        text=masked(statement.text),
        error=None if statement.error is None else discreet(f"SQLSTATE {statement.error}"),
    )

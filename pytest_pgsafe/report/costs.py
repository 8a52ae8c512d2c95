"""What the migration cost, for JSON and for people: statements with their time, rows, WAL and locks; and the whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..checks.cost_values import Cost
from ..checks.evidence import duration, size
from ..checks.strengths import keeps_out
from ..migrate.values import Lock
from ..rehearsal.measured import Measured, Ran, TableFacts
from ..rehearsal.values import Result

#: A statement that took less, and wrote less, is told only where all are.
_SECONDS, _WAL = 0.5, 10 << 20
#: So many of the costliest.
MOST = 5


@dataclass(frozen=True, kw_only=True)
class Row:
    """One statement, as people read it."""

    statement: str
    time: str
    rows: str
    wal: str
    locks: tuple[str, ...]


def document(measured: Measured) -> dict[str, Any]:
    """Return ``statements``, ``cost`` and ``tables`` of the JSON report."""
    found: dict[str, Any] = {
        "statements": [_statement(one) for one in measured.statements],
        "tables": [_table(one) for one in measured.tables],
    }
    if measured.number > len(measured.statements):
        found["statements_left_out"] = measured.number - len(measured.statements)
    if measured.cost is not None:
        found["cost"] = _cost(measured.cost)
        if measured.scaled is not None:
            found["cost"]["scaled"] = _cost(measured.scaled)
    return found


def _statement(ran: Ran) -> dict[str, Any]:
    statement = ran.statement
    return {
        "file": None if ran.place is None else ran.place.file,
        "line": statement.line if ran.place is None else ran.place.line,
        "revision": ran.revision,
        "text": statement.text,
        "seconds": _seconds(statement.duration),
        "scaled_seconds": ran.scaled,
        "rows": statement.rows,
        "scanned_rows": statement.scanned,
        "wal_bytes": statement.wal,
        "temporary_bytes": statement.temporary,
        "locks": [_lock(lock) for lock in ran.locks],
        "error": statement.error,
    }


def _lock(lock: Lock) -> dict[str, Any]:
    return {
        "relation": lock.relation,
        "mode": lock.mode,
        "held_seconds": _seconds(lock.held),
        "own_seconds": _seconds(lock.own),
        "prolonged_by": None if lock.prolonged is None else lock.prolonged.text,
        "waited_seconds": _seconds(lock.waited),
        "scanned_rows": lock.scanned,
        "rewritten": lock.rewritten,
        "derived": lock.derived,
    }


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(max(milliseconds, 0.0) / 1000, 6)


def _cost(cost: Cost) -> dict[str, Any]:
    return {
        "seconds": cost.seconds,
        "wal_bytes": cost.wal,
        "growth_bytes": cost.growth,
        "peak_bytes": cost.peak,
        "temporary_bytes": cost.temporary,
        "longest_lock": None if cost.longest is None else _lock(cost.longest),
    }


def _table(table: TableFacts) -> dict[str, Any]:
    return {
        "table": table.table,
        "rows": list(table.rows),
        "bytes": list(table.bytes),
        "touched": table.touched,
        "columns": [
            {"column": column.column, "nulls": list(column.nulls), "changed": column.changed}
            for column in table.columns
        ],
    }


def migration(result: Result) -> dict[str, Any]:
    """Return ``migration`` of the JSON report."""
    if result.migration is None:
        return {}
    kind, text = result.migration
    files = () if result.measured is None else result.measured.files
    revisions = () if result.trace is None else result.trace.revisions
    return {
        "migration": {
            "kind": kind,
            "text": text,
            "files": [{"path": file.name, "sha256": file.sha256} for file in files],
            "revisions": [revision.name for revision in revisions],
        }
    }


def rows(measured: Measured, *, whole: bool) -> Sequence[Row]:
    """Return statements for people: all in their order, or the costliest, those that took longest first."""
    if whole:
        return [_row(one) for one in measured.statements]
    dear = [one for one in measured.statements if _is_dear(one)]
    return [_row(one) for one in sorted(dear, key=lambda one: -(one.statement.duration or 0.0))[:MOST]]


def _is_dear(ran: Ran) -> bool:
    took = max((ran.statement.duration or 0.0) / 1000, ran.scaled or 0.0)
    return took >= _SECONDS or (ran.statement.wal or 0) >= _WAL


def _row(ran: Ran) -> Row:
    statement = ran.statement
    text = " ".join(statement.text.split())
    time = "" if statement.duration is None else duration(statement.duration)
    if ran.scaled is not None:
        time += f" (scaled: {duration(ran.scaled * 1000)})"
    return Row(
        statement=text if ran.place is None else f"{ran.place} {text}",
        time=time,
        rows="" if statement.rows is None or not statement.rows else f"{statement.rows:,}",
        wal="" if not statement.wal else size(statement.wal),
        locks=tuple(_told(lock) for lock in ran.locks if keeps_out(lock.mode)),
    )


def _told(lock: Lock) -> str:
    told = f"{lock.mode} on {lock.relation}"
    if lock.held is not None:
        told += f" {duration(lock.held)}"
    if lock.rewritten:
        told += ", rewritten"
    elif lock.scanned:
        told += f", {lock.scanned:,} rows scanned"
    if lock.prolonged is not None and lock.own is not None and lock.held is not None and lock.held > 2 * lock.own:
        told += f", held on by {_short(lock.prolonged.text)}"
    return told


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else f"{flat[:59]}…"


def totals(measured: Measured) -> Iterator[tuple[str, str]]:
    """Yield what the whole cost, for people."""
    for name, cost in (("cost", measured.cost), ("cost, scaled to the rows of [source] rows", measured.scaled)):
        if cost is not None:
            yield name, ", ".join(_parts(cost))


def _parts(cost: Cost) -> Iterator[str]:
    yield duration(cost.seconds * 1000)
    numbers: Mapping[str, int | None] = {
        "WAL": cost.wal, "growth": cost.growth, "peak": cost.peak, "temporary files": cost.temporary,
    }  # fmt: skip
    yield from (f"{name} {size(number)}" for name, number in numbers.items() if number is not None)

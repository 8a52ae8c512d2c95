"""What a migration that failed has left behind: nothing, or a part; and whether its way back takes that away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import psycopg

from ..catalog.names import container
from ..catalog.values import Index
from ..compare.values import Action, Attribute, Change, Comparison
from ..copy.comparing import compare_databases
from ..errors import MigrationError, StepError
from ..migrate.run import FailedRun
from ..server.address import Address
from ..server.connection import connect
from ..snapshot.session import reason
from ..snapshot.take import take as read_facts
from ..snapshot.values import Snapshot

#: Of a long list, this many lines are shown.
MOST = 20
_WHOLE = frozenset({"table", "view", "schema"})
_Back = Callable[[], object]


def tell(
    error: FailedRun, before: Address, after: Address, facts: Snapshot, *, back: _Back | None, restored: float | None
) -> Comparison | None:
    """Add to an error what is left of the run, and return the comparison; None if the copy cannot be read.

    :param facts: of ``before``.
    :param back: runs the way back on ``after``, which is tried if something is left.
    :param restored: seconds of the restore that was proven equal to the source before; None if none was.
    """
    if error.trace.revisions:
        error.looked_at += (f"it ended in {error.trace.revisions[-1].name}",)
    try:
        comparison = _compare(before, after, facts)
    except (psycopg.Error, StepError) as unreadable:
        error.looked_at += (f"what it left cannot be read: {_said(unreadable)}",)
        return None
    lines = left(comparison.changes)
    if not lines:
        error.message += "; nothing was changed"
        return comparison
    error.message += f"; {len(lines)} change{'s were' if len(lines) > 1 else ' was'} not rolled back"
    error.looked_at += tuple(f"not rolled back: {line}" for line in _some(lines))
    if back is not None:
        error.looked_at += (_way_back(back, before, after, facts),)
    if restored is not None:
        told = f"restore the backup: its restore took {restored:.1f} s and was proven equal to the source above"
        error.remedies += (told,)
    return comparison


def _way_back(back: _Back, before: Address, after: Address, facts: Snapshot) -> str:
    try:
        back()
        lines = left(_compare(before, after, facts).changes)
    except FailedRun as error:
        return f"the way back fails from there: {error.message}"
    except MigrationError as error:
        return f"the way back cannot be tried from there: {error.message}"
    except (psycopg.Error, StepError) as error:
        return f"whether the way back takes it away cannot be told: {_said(error)}"
    return "the way back takes it away" if not lines else f"the way back leaves: {'; '.join(_some(lines))}"


def _said(error: psycopg.Error | StepError) -> str:
    return error.message if isinstance(error, StepError) else reason(error)


def _compare(before: Address, after: Address, facts: Snapshot) -> Comparison:
    with connect(before) as one, connect(after, read_only=False) as two:
        return compare_databases(one, two, facts, read_facts(two), "none")


def _some(lines: Sequence[str]) -> Sequence[str]:
    return lines if len(lines) <= MOST else [*lines[:MOST], f"… and {len(lines) - MOST} more"]


def left(changes: Sequence[Change]) -> list[str]:
    """Return a line for each change; what came or went with its table is told by the table."""
    whole = {
        change.object for change in changes if change.kind in _WHOLE and change.action in {Action.ADDED, Action.DROPPED}
    }
    return [line for change in changes if not _within(change, whole) for line in _lines(change)]


def _within(change: Change, whole: set[str]) -> bool:
    if change.object in whole:
        return change.kind not in _WHOLE
    table = getattr(change.old if change.new is None else change.new, "table", None)
    return container(change.object) in whole or table in whole


def _lines(change: Change) -> Iterator[str]:
    what = f"{change.kind} {change.object}"
    if change.action is Action.ADDED:
        invalid = isinstance(change.new, Index) and not change.new.valid
        yield f"{what} was added" + (" and is INVALID" if invalid else "")
    elif change.action is Action.DROPPED:
        yield f"{what} was dropped"
    elif change.action is Action.RENAMED:
        yield f"{what} is {_short(change.after)} now"
    elif change.kind == "values":
        yield f"{_short(change.after)} values of {change.object} changed"
    else:
        attribute = "" if change.attribute in {None, change.kind} else f" {change.attribute}"
        yield f"{what}{attribute}: {_short(change.before)} before, {_short(change.after)} now"


def _short(value: Attribute) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 200 else text[:200] + "…"

"""Break the migration off at one point after the other, each on a fresh copy, and run it again there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace

from ..compare.repeated import Varying, differences, varying
from ..compare.values import Change
from ..errors import MigrationError
from ..migrate.run import FailedRun
from ..migrate.tools import Migration
from ..server.address import Address
from ..server.base import Server
from ..server.connection import Connection, connect
from ..snapshot.since import begin, take_since
from ..snapshot.values import Snapshot
from .between import Between, Stop
from .inside import Holder
from .points import later
from .values import Attempt, Point, Retried

#: Seconds after which a program is ended whose connection is broken.
BREAKING = 30.0
_INVALID = """
select format('%I.%I', n.nspname, c.relname)
  from pg_index as i join pg_class as c on c.oid = i.indexrelid join pg_namespace as n on n.oid = c.relnamespace
 where not (i.indisvalid and i.indisready and i.indislive)
 order by 1
"""
_Via = Callable[[Address], Address]


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What a migration is tried on, and how it is run there."""

    server: Server
    #: The copy before the migration, and what it holds.
    before: Address
    facts: Snapshot
    #: Of the uninterrupted run.
    end: Snapshot
    #: Runs a migration on a copy, by an address, for so many seconds at most.
    run: Callable[[Migration, Address, _Via, float], object]
    #: Seconds that a run may take.
    patience: float
    #: What a project does around a migration.
    prepare: Callable[[Address], object] = lambda _: None
    finish: Callable[[Address], object] = lambda _: None
    #: Tables whose rows it writes, as SQL names them.
    written: tuple[str, ...] = ()


def attempt_all(
    points: Sequence[Point], rest: Callable[[Point], Migration], whole: Migration, ground: Ground, *,
    most: int, budget: float, remembers: bool, records: tuple[str, ...] = (),
) -> Retried:  # fmt: skip
    """Try points in their order.

    :param rest: what is run again after a point.
    :param whole: the migration as it is broken off.
    :param most: so many points at most.
    :param budget: seconds, after which no further point is begun.
    :param remembers: a tool goes on by itself where it was broken off; ``records`` are its tables.
    """
    started = time.monotonic()
    attempts: list[Attempt] = []
    left_out: list[str] = []
    alike: set[Point] = set()
    differs = _Differs(ground, whole)
    for number, point in enumerate(points):
        if point in alike:
            continue
        waiting = [other for other in points[number:] if other not in alike]
        if len(attempts) >= most:
            left_out.append(f"{len(waiting)} of {len(points)} points: [retry] points = {most}")
            break
        if attempts and time.monotonic() - started > budget:
            left_out.append(f"{len(waiting)} of {len(points)} points: {budget:.0f} s did not suffice for all")
            break
        found = _attempt(point, rest(point), whole, ground, differs)
        if found is None:
            left_out.append(f"{point}: the run did not come there again")
            continue
        if found.failure is not None and not remembers and point.how == "after":
            more = [other for other in later(points, point) if other not in alike]
            alike.update(more)
            found = replace(found, alike=len(more))
        attempts.append(found)
    return Retried(
        attempts=tuple(attempts), left_out=tuple(left_out), remembers=remembers, records=records,
        seconds=round(time.monotonic() - started, 3),
    )  # fmt: skip


def invalid_indexes(session: Connection) -> tuple[str, ...]:
    """Return the names of the indexes that are not valid."""
    return tuple(str(name) for (name,) in session.execute(_INVALID))


def _attempt(point: Point, rest: Migration, whole: Migration, ground: Ground, differs: _Differs) -> Attempt | None:
    """Try one point; None if the run did not come there."""
    copy = ground.server.clone(ground.before, "retry")
    try:
        since = begin(copy, ground.facts, ours=ground.server.owns_cluster)
        ground.prepare(copy)
        if not _broken_off(point, whole, copy, ground):
            return None
        with connect(copy) as session:
            invalid = invalid_indexes(session)
        with Between(copy) as between:
            started = time.monotonic()
            try:
                ground.run(rest, copy, between.address, ground.patience)
                ground.finish(copy)
            except FailedRun as error:
                seconds = time.monotonic() - started
                hung = seconds if seconds >= ground.patience else None
                return Attempt(
                    point=point, invalid=invalid, failed=_why(error), failure=between.failure if hung is None else None,
                    hung=hung,
                )  # fmt: skip
        with connect(copy) as session:
            facts, _ = take_since(session, since)
        return Attempt(point=point, invalid=invalid, changes=differs.found(facts))
    finally:
        ground.server.drop(copy)


def _broken_off(point: Point, whole: Migration, copy: Address, ground: Ground) -> bool:
    """Break the migration off, and tell whether it came to the point."""
    with ExitStack() as stack:
        holder = None
        if point.how != "after":
            holder = Holder(ground.server, copy.dbname, point, ground.written)
            stack.callback(holder.close)
            stack.enter_context(holder.impatient())
        stop = Stop(at=point.at, inside=None if holder is None else holder.hold)
        between = stack.enter_context(Between(copy, stop))
        # How its program says that it failed is its own business.
        with suppress(MigrationError):
            ground.run(whole, copy, between.address, min(BREAKING, ground.patience))
    return between.broken if holder is None else holder.broken


def _why(error: FailedRun) -> str:
    lines = [error.message]
    printed = [line for line in error.trace.output.splitlines() if line.strip()]
    if printed and printed[-1].strip() not in error.message:
        lines.append(f"its output ended: {printed[-1].strip()}")
    return "; ".join(lines)


class _Differs:
    """What tells an end from the uninterrupted one; what differs between any two runs is found out once, if need be."""

    def __init__(self, ground: Ground, whole: Migration) -> None:
        self._ground = ground
        self._whole = whole
        self._twin: Snapshot | None = None
        self._varying: Varying | None = None

    def found(self, facts: Snapshot) -> tuple[Change, ...]:
        """Return how facts differ from the uninterrupted end, by what it holds."""
        end = self._ground.end
        changes = tuple(one for change in differences(end, facts) for one in _columns(change, end, facts))
        if not changes:
            return ()
        varies = self._varies()
        return tuple(change for change in changes if self._counts(change, facts, varies))

    def _counts(self, change: Change, facts: Snapshot, varies: Varying) -> bool:
        if change.kind != "rows":
            return not varies.explains(change)
        ours, theirs = self._ground.end.tables.get(change.object), facts.tables.get(change.object)
        twin = None if self._twin is None else self._twin.tables.get(change.object)
        if ours is not None and theirs is not None and ours.rows != theirs.rows:
            # How many there are is the same in every run, whatever they hold.
            return twin is None or twin.rows == ours.rows
        return not varies.explains(change) and not _drawn(self._ground.end, facts, change.object)

    def _varies(self) -> Varying:
        if self._varying is None:
            ground = self._ground
            copy = ground.server.clone(ground.before, "again")
            try:
                since = begin(copy, ground.facts, ours=ground.server.owns_cluster)
                ground.prepare(copy)
                ground.run(self._whole, copy, lambda own: own, ground.patience)
                ground.finish(copy)
                with connect(copy) as session:
                    self._twin, _ = take_since(session, since)
                self._varying = varying(ground.end, self._twin)
            finally:
                ground.server.drop(copy)
        return self._varying


def _columns(change: Change, end: Snapshot, facts: Snapshot) -> Iterator[Change]:
    """Yield the columns whose values differ, where a table has the same rows by their keys; else the change itself."""
    ours, theirs = end.tables.get(change.object), facts.tables.get(change.object)
    alike = ours is not None and theirs is not None and (ours.rows, ours.key) == (theirs.rows, theirs.key)
    if change.kind != "rows" or ours is None or theirs is None or not alike or ours.digest != theirs.digest:
        yield change
        return
    for column, content in ours.columns.items():
        if content != theirs.columns.get(column, content):
            yield replace(change, kind="values", object=f"{change.object}.{column}", attribute="values")


def _drawn(end: Snapshot, facts: Snapshot, table: str) -> bool:
    """Tell whether a table's keys may be others because a sequence moved on: what is rolled back does not undo that."""
    for name, sequence in end.catalog.sequences.items():
        if sequence.column is not None and sequence.column.startswith(f"{table}."):
            ours, theirs = end.sequences.get(name), facts.sequences.get(name)
            if ours is not None and theirs is not None and ours != theirs:
                return True
    return False

"""Break the migration off at one point after the other, each on a fresh copy, and run it again there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, suppress
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
from .drawn import drawn, same_besides
from .inside import Holder
from .points import later
from .values import AFTER, Attempt, Point, Retried

#: Seconds after which a program is ended whose connection is broken.
BREAKING = 30.0
_INVALID = """
select format('%I.%I', n.nspname, c.relname)
  from pg_index as i join pg_class as c on c.oid = i.indexrelid join pg_namespace as n on n.oid = c.relnamespace
 where not (i.indisvalid and i.indisready and i.indislive)
 order by 1
"""
_Via = Callable[[Address], Address]
_Running = Callable[[Callable[[], None]], None]


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A copy before the migration, and how it is run there."""

    server: Server
    address: Address
    #: Runs a migration, by an address, for so many seconds at most; the last is given what kills its program.
    run: Callable[[Migration, _Via, float, _Running], object]
    #: What a project does around a migration.
    prepare: Callable[[], object] = lambda: None
    finish: Callable[[], object] = lambda: None


@dataclass(frozen=True, kw_only=True)
class _Broken:
    """A run that came to its point."""

    #: The program got over it by itself: nobody runs it again.
    ended_well: bool = False


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What a migration is tried on."""

    #: Makes a copy by a name, which is gone afterwards.
    copy: Callable[[str], AbstractContextManager[Copy]]
    #: What it holds.
    facts: Snapshot
    #: Of the uninterrupted run, and the copy that it ended in.
    end: Snapshot
    ended: Address
    #: Seconds that a run may take.
    patience: float
    #: So many copies do not know of one another: points are tried side by side.
    beside: int = 1
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
    waiting = list(points)
    differs = _Differs(ground, whole)

    def attempted(point: Point) -> Attempt | None:
        return _attempt(point, rest(point), whole, ground, differs)

    with ThreadPoolExecutor(ground.beside) as pool:
        while waiting:
            if len(attempts) >= most:
                left_out.append(f"{len(waiting)} of {len(points)} points: [retry] points = {most}")
                break
            if attempts and time.monotonic() - started > budget:
                left_out.append(f"{len(waiting)} of {len(points)} points: {budget:.0f} s did not suffice for all")
                break
            some = waiting[: min(ground.beside, most - len(attempts))]
            tried = pool.map(attempted, some)
            for point, attempt in zip(some, list(tried), strict=True):
                if point not in waiting:
                    # Another one that was tried beside it stands for it.
                    continue
                waiting.remove(point)
                if attempt is None and point.how == "let in":
                    # It does not connect again, so that is what another point tells.
                    continue
                if attempt is None:
                    left_out.append(f"{point}: the run did not come there again")
                    continue
                alike: tuple[Point, ...] = ()
                if attempt.failure is not None and not remembers and point.how == "after":
                    alike = later(waiting, point)
                    waiting = [other for other in waiting if other not in alike]
                attempts.append(replace(attempt, alike=len(alike)))
    return Retried(
        attempts=tuple(attempts), left_out=tuple(left_out), remembers=remembers, records=records,
        seconds=round(time.monotonic() - started, 3),
    )  # fmt: skip


def invalid_indexes(session: Connection) -> tuple[str, ...]:
    """Return the names of the indexes that are not valid."""
    return tuple(str(name) for (name,) in session.execute(_INVALID))


def _attempt(point: Point, rest: Migration, whole: Migration, ground: Ground, differs: _Differs) -> Attempt | None:
    """Try one point; None if the run did not come there."""
    with ground.copy("retry") as copy:
        since = begin(copy.address, ground.facts, ours=copy.server.owns_cluster)
        copy.prepare()
        broken = _broken_off(point, whole, copy, ground)
        if broken is None:
            return None
        with connect(copy.address) as session:
            invalid = invalid_indexes(session)
        with Between(copy.address) as between:
            started = time.monotonic()
            try:
                if not broken.ended_well:
                    copy.run(rest, between.address, ground.patience, between.running)
                copy.finish()
            except FailedRun as error:
                seconds = time.monotonic() - started
                hung = seconds if seconds >= ground.patience else None
                return Attempt(
                    point=point, invalid=invalid, failed=_why(error), failure=between.failure if hung is None else None,
                    hung=hung,
                )  # fmt: skip
        with connect(copy.address) as session:
            facts, _ = take_since(session, since)
        return Attempt(point=point, invalid=invalid, changes=differs.found(facts, copy.address))


def _broken_off(point: Point, whole: Migration, copy: Copy, ground: Ground) -> _Broken | None:
    """Break the migration off; None if it did not come to the point, or did not come again where it might."""
    with ExitStack() as stack:
        holder = None
        if point.how not in AFTER:
            holder = Holder(copy.server, copy.address.dbname, point, ground.written)
            stack.callback(holder.close)
            stack.enter_context(holder.impatient())
        stop = Stop(
            at=point.at, inside=None if holder is None else holder.hold, kills=point.how == "killed",
            lets_in=point.how == "let in",
        )  # fmt: skip
        between = stack.enter_context(Between(copy.address, stop))
        ended_well = False
        # How its program says that it failed is its own business.
        with suppress(MigrationError):
            copy.run(whole, between.address, min(BREAKING, ground.patience), between.running)
            ended_well = True
    if point.how == "let in":
        return _Broken(ended_well=ended_well) if between.returned else None
    came = between.broken if holder is None else holder.broken
    return _Broken() if came else None


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
        self._one_at_a_time = threading.Lock()

    def found(self, facts: Snapshot, copy: Address) -> tuple[Change, ...]:
        """Return how facts differ from the uninterrupted end, by what it holds."""
        end = self._ground.end
        changes = tuple(one for change in differences(end, facts) for one in _columns(change, end, facts))
        if not changes:
            return ()
        varies = self._varies()
        return tuple(change for change in changes if self._counts(change, facts, copy, varies))

    def _counts(self, change: Change, facts: Snapshot, copy: Address, varies: Varying) -> bool:
        if change.kind != "rows":
            return not varies.explains(change)
        ours, theirs = self._ground.end.tables.get(change.object), facts.tables.get(change.object)
        twin = None if self._twin is None else self._twin.tables.get(change.object)
        if ours is not None and theirs is not None and ours.rows != theirs.rows:
            # How many there are is the same in every run, whatever they hold.
            return twin is None or twin.rows == ours.rows
        return not varies.explains(change) and not self._only_drawn(change.object, facts, copy, varies)

    def _only_drawn(self, table: str, facts: Snapshot, copy: Address, varies: Varying) -> bool:
        """Tell whether a table's rows are others by what sequences gave alone."""
        end = self._ground.end
        columns = drawn(end, facts)
        if not any(column.rpartition(".")[0] == table for column in columns):
            return False
        return same_besides(self._ground.ended, copy, end, table, columns | varies.columns)

    def _varies(self) -> Varying:
        with self._one_at_a_time:
            if self._varying is None:
                ground = self._ground
                with ground.copy("again") as copy:
                    since = begin(copy.address, ground.facts, ours=copy.server.owns_cluster)
                    copy.prepare()
                    copy.run(self._whole, lambda own: own, ground.patience, lambda _: None)
                    copy.finish()
                    with connect(copy.address) as session:
                        self._twin, _ = take_since(session, since)
                self._varying = varying(ground.end, self._twin)
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

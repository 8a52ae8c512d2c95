"""Everything of the release that is tried on both copies."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ..compare.values import Comparison
from ..server.connection import Connection
from ..works.side import Side
from . import names, plans, refused, statistics
from .parameters import readings
from .prepared import Preparing
from .values import Asked, Broken, Planned, Released, Unserved
from .writing import tried, writing

#: Seconds for all of it; what is not reached by then is said.
BUDGET = 60.0


def gather(
    comparison: Comparison,
    before: Connection,
    after: Connection,
    *,
    asked: Sequence[Asked] = (),
    budget: float = BUDGET,
) -> Released:
    """Try on both copies what the release does. Every statement is rolled back, and sequences are put back."""
    started = time.monotonic()
    sides = Side(before, comparison.before.catalog), Side(after, comparison.after.catalog)
    held = [side.sequences() for side in sides]
    try:
        probed = [found for some in (names, refused) for found in some.tried(comparison, *sides)]
        with Preparing(sides[0]) as one, Preparing(sides[1]) as two:
            tried = _Statements(one, two, comparison)
            tried.all(asked, started + budget)
        outdated = tuple(statistics.outdated(comparison, *sides, tried.read, asked)) if tried.read else ()
    finally:
        for side, values in zip(sides, held, strict=True):
            side.put_back(values)
    return Released(
        statements=tried.number, broken=tuple(tried.broken), writes=frozenset(tried.writes), probes=len(probed),
        probed=tuple(one for one in probed if one is not None), unserved=tuple(tried.unserved), outdated=outdated,
        left_out=tuple(tried.left_out), seconds=round(time.monotonic() - started, 3),
    )  # fmt: skip


def called_for(comparison: Comparison) -> bool:
    """Tell whether the changes call for anything that nobody asked for."""
    return next(iter(names.questions(comparison)), None) is not None or refused.called_for(comparison)


class _Statements:
    """The statements that were asked, tried one after the other, and what came of them."""

    def __init__(self, before: Preparing, after: Preparing, comparison: Comparison) -> None:
        self._before, self._after, self._comparison = before, after, comparison
        #: Those that could be judged.
        self.number = 0
        self.broken: list[Broken] = []
        self.writes: set[tuple[str, str]] = set()
        self.unserved: list[Unserved] = []
        #: Tables that they read.
        self.read: set[str] = set()
        self.left_out: list[str] = []

    def all(self, asked: Sequence[Asked], end: float) -> None:
        """Try all of them, as far as the time suffices."""
        for at, statement in enumerate(asked):
            if time.monotonic() > end:
                self.left_out.append(f"{len(asked) - at} of {len(asked)} statements: the time did not suffice for all")
                break
            why = self._one(statement)
            if why is None:
                self.number += 1
            else:
                self.left_out.append(f"{statement}: {why}")

    def _one(self, asked: Asked) -> str | None:
        """Plan a statement on both copies, and run it where it writes; return why it cannot be judged."""
        was = self._before.plan(readings(asked.text), asked.settings)
        if not isinstance(was, Planned):
            told = "it took too long" if was.error is None else str(was.error)
            return f"it cannot be planned before the migration either: {told}"
        now = self._after.plan([was.text], asked.settings)
        if not isinstance(now, Planned):
            if now.error is None:
                return "it took too long to plan"
            self.broken.append(Broken(asked=asked, said=now.error))
            return None
        self.unserved += plans.unserved(asked, was, now, self._comparison)
        self.read |= plans.tables(was.plan, self._comparison)
        one = writing(asked, was, now, self._comparison)
        if one is not None:
            self.writes.add((one.operation, one.table))
            found = tried(one, self._before, self._after, self._comparison)
            self.broken += [] if found is None else [found]
        return None

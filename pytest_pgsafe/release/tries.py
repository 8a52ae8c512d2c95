"""Everything of the release that is tried on both copies."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ..compare.values import Comparison
from ..server.connection import Connection
from ..works.side import Side
from . import names, refused
from .parameters import readings
from .prepared import Preparing
from .values import Asked, Broken, Planned, Released
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
    broken: list[Broken] = []
    writes: set[tuple[str, str]] = set()
    left_out: list[str] = []
    number = 0
    try:
        probed = [found for some in (names, refused) for found in some.tried(comparison, *sides)]
        with Preparing(sides[0]) as one, Preparing(sides[1]) as two:
            for at, statement in enumerate(asked):
                if time.monotonic() - started > budget:
                    left_out.append(
                        f"{len(asked) - at} of {len(asked)} statements: {budget:g} s did not suffice for all"
                    )
                    break
                found = _tried(statement, one, two, comparison, writes)
                if isinstance(found, str):
                    left_out.append(f"{statement}: {found}")
                    continue
                number += 1
                if found is not None:
                    broken.append(found)
    finally:
        for side, values in zip(sides, held, strict=True):
            side.put_back(values)
    return Released(
        statements=number, broken=tuple(broken), writes=frozenset(writes), probes=len(probed),
        probed=tuple(one for one in probed if one is not None), left_out=tuple(left_out),
        seconds=round(time.monotonic() - started, 3),
    )  # fmt: skip


def called_for(comparison: Comparison) -> bool:
    """Tell whether the changes call for anything that nobody asked for."""
    return next(iter(names.questions(comparison)), None) is not None or refused.called_for(comparison)


def _tried(
    asked: Asked, before: Preparing, after: Preparing, comparison: Comparison, writes: set[tuple[str, str]]
) -> Broken | str | None:
    """Plan a statement on both copies, and run it where it writes; None for what works as before.

    :param writes: gets what it writes.
    :returns: what is broken, or why it cannot be told.
    """
    text = tuple(readings(asked.text))
    was = before.plan(text, asked.settings)
    if not isinstance(was, Planned):
        told = "it took too long" if was.error is None else str(was.error)
        return f"it cannot be planned before the migration either: {told}"
    now = after.plan([was.text], asked.settings)
    if not isinstance(now, Planned):
        if now.error is None:
            return "it took too long to plan"
        return Broken(asked=asked, said=now.error)
    one = writing(asked, was, now, comparison)
    if one is None:
        return None
    writes.add((one.operation, one.table))
    return tried(one, before, after, comparison)

"""Everything that is tried on both copies."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from ..compare.values import Comparison
from ..migrate.values import Trace
from ..server.connection import Connection
from ..snapshot.values import NotVerified
from . import access, code, defaults, published, secluded, skipped, writes
from .side import Side
from .values import Attempt, Otherwise, Secluded, Tried, Unpublished

#: Seconds for all of it; what is not reached by then is said.
BUDGET = 30.0


def gather(
    comparison: Comparison,
    before: Connection,
    after: Connection,
    *,
    trace: Trace | None = None,
    budget: float = BUDGET,
) -> Tried:
    """Try on the copy after what may have broken, and on the copy before what failed there.

    Every statement is rolled back, and sequences are put back. Nobody else is on either copy.

    :param trace: of the migration: its statements that may have done nothing are looked at too.
    """
    started = time.monotonic()
    sides = Side(before, comparison.before.catalog), Side(after, comparison.after.catalog)
    number = 0
    attempts: list[Attempt] = []
    unpublished: list[Unpublished] = []
    chosen, left = writes.choose(comparison)
    untried = [*left, *_without_superuser(sides[1], chosen, comparison)]
    held = [side.sequences() for side in sides]
    otherwise: list[Otherwise] = []
    hidden: list[Secluded] = []
    try:
        if trace is not None:
            made = list(skipped.tried(trace.statements, sides[1]))
            otherwise = [one for one in made if one is not None]
            hidden = list(secluded.tried(trace.statements, trace.role, sides[1]))
            number += len(made) + len(hidden)
        for some in (code, published, access, defaults):
            for found in some.tried(comparison, *sides):
                number += 1
                if isinstance(found, Unpublished):
                    unpublished.append(found)
                else:
                    attempts += _kept(found)
        for at, one in enumerate(chosen):
            if time.monotonic() - started > budget:
                reason = f"its rows were not written: {budget:g} s did not suffice for all tables"
                untried += [NotVerified(object=other.before, reason=reason) for other in chosen[at:]]
                break
            for attempt in writes.tried(one, *sides, comparison):
                number += 1
                attempts += _kept(attempt)
    finally:
        for side, values in zip(sides, held, strict=True):
            if values:
                side.put_back(values)
    return Tried(
        number=number,
        attempts=tuple(attempts),
        unpublished=tuple(unpublished),
        otherwise=tuple(otherwise),
        secluded=tuple(hidden),
        untried=tuple(untried),
        seconds=round(time.monotonic() - started, 3),
    )


def _without_superuser(side: Side, chosen: Sequence[writes.Write], comparison: Comparison) -> Iterator[NotVerified]:
    """Yield what only a superuser can try: a row's own key is freed in silence, and every role is taken on."""
    if side.superuser:
        return
    why = "pgsafe is no superuser of the server that holds the copy"
    for one in chosen:
        if "INSERT" in one.events:
            yield NotVerified(object=one.before, reason=f"no row was inserted: {why}")
    if access.may_have_changed(comparison):
        yield NotVerified(object="works", reason=f"what other roles may do was not tried: {why}")


def _kept(attempt: Attempt | None) -> Iterator[Attempt]:
    """Yield what worked before and does not now: an error, or no row written where one was."""
    if attempt is not None and attempt.before.worked and (attempt.after.said is not None or attempt.before.rows):
        yield attempt

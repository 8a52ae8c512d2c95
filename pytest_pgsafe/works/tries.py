"""Everything that is tried on both copies."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

from ..catalog.values import Grant
from ..compare.values import Action, Comparison
from ..migrate.values import Trace
from ..server.connection import Connection
from ..snapshot.values import NotVerified
from . import (
    access,
    code,
    defaults,
    exposure,
    led,
    predicates,
    published,
    roles,
    secluded,
    shown,
    skipped,
    stamped,
    writes,
)
from .reached import reached
from .side import Side
from .values import (
    Attempt,
    Exposed,
    Led,
    Otherwise,
    Secluded,
    Seen,
    Selected,
    Shown,
    Stamped,
    Tried,
    Unpublished,
    Unwritten,
)

_Kind = TypeVar("_Kind")
_OWNERS = """
SELECT m.oid, pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(m.lomowner))
FROM pg_catalog.pg_largeobject_metadata m WHERE m.oid IN ({})
"""

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
    found = _Found()
    through = reached(comparison)
    chosen, left = writes.choose(comparison, through)
    used, unused = roles.choose(comparison, through, *sides)
    for gap in (*left, *unused, *_without_superuser(sides[1], chosen, comparison)):
        found.add(gap)
    held = [side.sequences() for side in sides]
    try:
        for one in _looked_at(comparison, *sides, trace, used):
            number += 1
            found.add(one)
        chosen = (*chosen, *(write for one in used for write in roles.writes(one)))
        for at, write in enumerate(chosen):
            if time.monotonic() - started > budget:
                reason = f"its rows were not written: {budget:g} s did not suffice for all tables"
                for name in dict.fromkeys(other.before for other in chosen[at:]):
                    found.add(NotVerified(object=name, reason=reason))
                break
            for attempt in writes.tried(write, *sides, comparison):
                number += 1
                found.add(attempt)
    finally:
        for side, values in zip(sides, held, strict=True):
            if values:
                side.put_back(values)
    return Tried(
        number=number,
        attempts=found.of(Attempt),
        unpublished=found.of(Unpublished),
        otherwise=found.of(Otherwise),
        secluded=found.of(Secluded),
        shown=found.of(Shown),
        exposed=found.of(Exposed),
        seen=found.of(Seen),
        selected=found.of(Selected),
        unwritten=found.of(Unwritten),
        led=found.of(Led),
        stamped=found.of(Stamped),
        untried=found.of(NotVerified),
        prepared=_prepared(sides[1]),
        owned=_owned(comparison, sides[1]),
        seconds=round(time.monotonic() - started, 3),
    )


class _Found:
    """What was found, of all kinds."""

    def __init__(self) -> None:
        self._all: list[object] = []

    def add(self, one: object) -> None:
        """Keep it, but for what worked as before."""
        if one is not None and (not isinstance(one, Attempt) or _is_worse(one)):
            self._all.append(one)

    def of(self, kind: type[_Kind]) -> tuple[_Kind, ...]:
        """Return those of a kind, in order."""
        return tuple(one for one in self._all if isinstance(one, kind))


def _looked_at(
    comparison: Comparison, before: Side, after: Side, trace: Trace | None, used: Sequence[roles.Used]
) -> Iterator[object]:
    statements = () if trace is None else trace.statements
    yield from skipped.tried(statements, before, after)
    yield from secluded.tried(statements, None if trace is None else trace.role, after)
    for some in (code, published, access, defaults, led, predicates, shown, exposure):
        yield from some.tried(comparison, before, after)
    for table in used:
        yield from roles.tried(table, before, after, comparison)
    yield from stamped.tried(comparison, statements, after)


def _prepared(side: Side) -> tuple[str, ...]:
    query = "SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database() ORDER BY gid"
    with side.trying():
        return tuple(str(gid) for (gid,) in side.rows(query))


def _owned(comparison: Comparison, after: Side) -> frozenset[tuple[str, str]]:
    """Return the large objects with their owners of which a grant went: the catalog has no entry for each of them."""
    gone = (change.old for change in comparison.by_kind.get((Action.DROPPED, "grant"), ()))
    numbers = sorted({one.object for one in gone if isinstance(one, Grant) and one.object_kind == "large object"})
    if not numbers:
        return frozenset()
    with after.trying():
        return frozenset((str(oid), str(owner)) for oid, owner in after.rows(_OWNERS.format(", ".join(numbers))))


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


def _is_worse(attempt: Attempt) -> bool:
    """Tell whether it worked before and does not now: an error, or no row written where one was."""
    return attempt.before.worked and bool(attempt.after.error is not None or attempt.before.rows)

"""From the locks that a migration took, in their order: who of others is worth putting beside it (pure).

What is plausible decides: who writes a row looks its parent up, a transaction writes a parent and then its children, or
reads a table and then writes to it. That somebody locks two tables in an order that nothing suggests is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from ..catalog.values import Catalog
from ..migrate.values import Lock, Statement, Trace
from ..reading.script import statements
from ..reading.values import Cited, Place
from ..retry.points import flat
from ..retry.values import Sent
from .conflicts import conflict
from .values import Hold, Inversion, Taken, Wanted

READS, LOOKS_UP, WRITES = "AccessShareLock", "RowShareLock", "RowExclusiveLock"
#: Of so many relations that one statement locks somebody is in the way, at most.
AT_ONCE = 3
_STRONG = frozenset({"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"})


def taken(trace: Trace, locks: Iterable[Lock], place: Callable[[str], Place | None]) -> tuple[Taken, ...]:
    """Return the locks in the order in which they were taken.

    :param locks: those of the trace that concern others, by their names before the migration.
    :param place: where a statement stands in the migration's files.
    """
    moments = sent(trace.statements, place)
    found = {
        Taken(
            at=moments[lock.number], number=lock.number, relation=lock.relation, mode=lock.mode,
            transaction=lock.transaction or f"statement {lock.number}", patience=_patience(lock, trace),
        )
        for lock in locks
        if lock.number is not None
    }  # fmt: skip
    return tuple(sorted(found, key=lambda one: (one.number, one.relation, one.mode)))


def _patience(lock: Lock, trace: Trace) -> float | None:
    """Return its lock_timeout, where it was seen, or nothing in the run sets one."""
    if lock.patience is not None or any("lock_timeout" in one.text.lower() for one in trace.statements):
        return lock.patience
    return 0.0


def sent(ran: Sequence[Statement], place: Callable[[str], Place | None]) -> Sequence[Sent]:
    """Return the statements of a run, so that each is known again when it is sent again."""
    times: Counter[str] = Counter()
    found: list[Sent] = []
    for statement in ran:
        text = flat(statement.text)
        times[text] += 1
        where = next((at for part in statements(statement.text) if (at := place(flat(part))) is not None), None)
        found.append(Sent(text=text, occurrence=times[text], cited=Cited.of(statement.text.rstrip("; \n"), where)))
    return found


def holds(locks: Sequence[Taken]) -> tuple[Hold, ...]:
    """Return who is in the way of each relation's strong locks, once for each relation and mode.

    Of a statement with many relations those of three are returned.
    """
    found: dict[tuple[str, str], Hold] = {}
    at: Counter[int] = Counter()
    for one in locks:
        if one.mode == "AccessExclusiveLock":
            hold = Hold(
                taken=one, held=Wanted(relation=one.relation, mode=READS),
                who=f"a query, a pg_dump or an open transaction that has read {one.relation}",
            )  # fmt: skip
        elif one.mode in _STRONG or _waits_for_writers(one):
            hold = Hold(
                taken=one, held=Wanted(relation=one.relation, mode=WRITES),
                who=f"an open transaction that has written to {one.relation}",
            )  # fmt: skip
        else:
            continue
        # A statement about a partitioned table locks all partitions: some of them stand for all.
        if (one.relation, one.mode) not in found and at[one.number] < AT_ONCE:
            at[one.number] += 1
            found[one.relation, one.mode] = hold
    return tuple(found.values())


def _waits_for_writers(one: Taken) -> bool:
    """Tell whether a weak lock is that of a statement that waits for all who are at work there."""
    return "concurrently" in one.at.text.lower()


def inversions(
    locks: Sequence[Taken], catalogs: Sequence[Catalog], oids: Mapping[str, int] | None
) -> Iterator[Inversion]:
    """Yield transactions of others that take locks in the other order, the most plausible first.

    :param catalogs: where the foreign keys stand, by the names before the migration.
    :param oids: of the tables in production, in whose order pg_dump locks them; None where they are not known.
    """
    keys = {
        (key.table, key.references)
        for catalog in catalogs
        for key in catalog.constraints.values()
        if key.form == "foreign key" and key.references is not None and key.references != key.table
    }
    pairs = [
        pair for _, group in groupby(_by_transaction(locks), lambda one: one.transaction) for pair in _pairs(group)
    ]
    for first, second in pairs:
        yield from _of_keys(first, second, keys)
    for first, second in pairs:
        yield from _of_one_table(first, second)
    dumps = [found for first, second in pairs for found in _of_dump(first, second, oids or {})]
    # All of a transaction are one.
    yield from {found.first.transaction: found for found in reversed(dumps)}.values()


def _by_transaction(locks: Sequence[Taken]) -> Sequence[Taken]:
    return sorted(locks, key=lambda one: (one.transaction, one.number))


def _pairs(locks: Iterable[Taken]) -> Iterator[tuple[Taken, Taken]]:
    """Yield each two locks of a transaction in their order; of one statement the order is not known, so both."""
    together = list(locks)
    for first in together:
        for second in together:
            if first is not second and first.number <= second.number:
                yield first, second


def _of_keys(first: Taken, second: Taken, keys: Collection[tuple[str, str]]) -> Iterator[Inversion]:
    """Yield who goes from a child to its parent, or from a parent to its child.

    :param keys: child and parent of each foreign key.
    """
    one, other = first.relation, second.relation
    if (other, one) in keys:
        does = f"a transaction that inserts a row into {other}, and looks up its row of {one} for the foreign key"
        yield from _inverted(first, second, (WRITES, LOOKS_UP), does)
    if (one, other) in keys:
        does = f"a transaction that writes a row of {other}, and then one of {one} that belongs to it"
        yield from _inverted(first, second, (WRITES, WRITES), does)


def _of_one_table(first: Taken, second: Taken) -> Iterator[Inversion]:
    """Yield who has read a table and writes to it then, where the migration makes a lock of it stronger."""
    if first.relation == second.relation and first.number < second.number and not conflict(first.mode, READS):
        does = f"a transaction that reads {first.relation}, and then writes to it"
        yield from _inverted(first, second, (READS, WRITES), does)


def _of_dump(first: Taken, second: Taken, oids: Mapping[str, int]) -> Iterator[Inversion]:
    one, other = oids.get(first.relation, 0), oids.get(second.relation, 0)
    if first.relation != second.relation and 0 < other < one:
        does = f"pg_dump, which locks {second.relation} before {first.relation}"
        for found in _inverted(first, second, (READS, READS), does):
            yield replace(found, who="dump")


def _inverted(first: Taken, second: Taken, modes: tuple[str, str], does: str) -> Iterator[Inversion]:
    """Yield it if the one has to wait for what the other holds, both ways."""
    held, wants = modes
    if conflict(second.mode, held) and conflict(first.mode, wants):
        yield Inversion(
            first=first, second=second, who="writer", does=does,
            held=Wanted(relation=second.relation, mode=held), wants=Wanted(relation=first.relation, mode=wants),
        )  # fmt: skip

"""Which of the rows that changed were not meant to: those that did not fulfil a predicate before."""

from __future__ import annotations

import psycopg

from ..errors import SnapshotError
from ..server.connection import Connection
from .plan import Plan
from .samples import Place
from .session import encoded, reason

__all__ = ["outside_of"]

#: Places that are asked for at once.
_BATCH = 5000


def outside_of(
    predicate: str, before: Connection, after: Connection, plan: Plan, column: int
) -> list[tuple[Place | None, Place | None]]:
    """Return the places of the rows of ``pgsafe_d`` whose column changed and that did not fulfil the predicate.

    :param predicate: SQL over the table's columns, as they were before; what is NULL is not fulfilled.
    :param column: its number among the flags of ``pgsafe_d``.
    :raises SnapshotError: the predicate cannot be evaluated.
    """
    text = (
        "SELECT b_rel::pg_catalog.int8, b_tid::pg_catalog.text, a_rel::pg_catalog.int8, a_tid::pg_catalog.text"  # noqa: S608
        f" FROM pg_temp.pgsafe_d WHERE c{column} ORDER BY b_rel, b_tid"
    )
    rows = after.execute(encoded(after, text), prepare=False).fetchall()
    pairs = {(old_rel, old): (new_rel, new) for old_rel, old, new_rel, new in rows}
    found: list[tuple[Place | None, Place | None]] = []
    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH]
        inside = _fulfilling(predicate, before, plan, [row[1] for row in batch])
        found += [((rel, tid), pairs[rel, tid]) for rel, tid, _, _ in batch if (rel, tid) not in inside]
    return found


def _fulfilling(predicate: str, before: Connection, plan: Plan, tids: list[str]) -> set[Place]:
    places = ", ".join(f'"{tid}"' for tid in tids)
    text = (
        # A line of its own, for a predicate that ends in a comment. By its bare name columns can be told by the table.
        f"SELECT tableoid::pg_catalog.int8, ctid::pg_catalog.text FROM {plan.source}"  # noqa: S608
        f" WHERE ctid = ANY ('{{{places}}}'::pg_catalog.tid[]) AND (\n{predicate}\n)"
    )
    try:
        with before.transaction(force_rollback=True):
            before.execute("SET LOCAL search_path TO DEFAULT")
            return {(rel, tid) for rel, tid in before.execute(encoded(before, text), prepare=False).fetchall()}
    except psycopg.Error as error:
        raise SnapshotError(
            f"[expect] values: the predicate for {plan.table} cannot be evaluated: {reason(error)}",
            looked_at=[predicate],
            remedies=["write it over the columns of the table, as they are before the migration"],
        ) from error

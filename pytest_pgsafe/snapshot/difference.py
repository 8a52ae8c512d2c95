"""Which rows of a table differ between two databases that are both alive: exact counts, and some of the rows.

Sums over buckets of keys tell where rows differ and in which columns. The hashes of those rows alone are piped from
the before side into a temporary table of the after side, and joined there by two independent 64-bit hashes of the key
(or, without a key, of the whole row, copy by copy). Nothing but sums and samples is held in this process.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg.pq import TransactionStatus

from ..server.capabilities import EVENT_TRIGGERS_OFF
from ..server.connection import Connection, version
from .align import as_text
from .joined import Where, bucket_sums, counts, differing_rows, join
from .outside import outside_of
from .plan import Plan
from .samples import Place, Shown
from .session import UNFOUND, encoded, failed, moment, widen
from .values import TableDifference

__all__ = ["difference"]

_BUCKETS = 4096
#: Counts and sums of one side, at most: past what a processor keeps at hand, grouping costs more than hashing.
_SUMS = 1 << 14


def difference(
    before: Connection,
    after: Connection,
    plan_before: Plan,
    plan_after: Plan,
    *,
    samples: int = 5,
    mask: Callable[[str], bool] | None = None,
    values: Literal["values", "keys", "none"] = "values",
    where: Mapping[str, str] | None = None,
) -> TableDifference:
    """Compare the rows of one table on two databases.

    The plans pair their columns and keys by position, as :func:`~.align.align` makes them. Values are compared in the
    plans' forms; if one of them does not cast, by their texts. Rows whose key is no longer unique after count as
    added, but for the one that is nearest to the row before.

    :param after: a scratch copy: a temporary table is made and rolled back. Not in a read-only transaction.
    :param samples: rows for each list, at most.
    :param mask: says of ``schema.table.column`` (of the before side) that its values are not to be shown.
    :param values: ``keys`` shows which rows, not what they hold; ``none`` gives no samples.
    :param where: predicates by column of the before side: changed rows that do not fulfil them there are counted apart.
    :raises SnapshotError: one side cannot be read, or a predicate cannot be evaluated.
    """
    if len(plan_before.columns) != len(plan_after.columns) or len(plan_before.key) != len(plan_after.key):
        raise ValueError("the plans do not pair their columns")
    try:
        with moment(before), before.transaction(force_rollback=True), _writing(after):

            def compared(ours: Plan, theirs: Plan) -> TableDifference:
                sides = _Sides(before, after, ours, theirs)
                with before.transaction(force_rollback=True), after.transaction(force_rollback=True):
                    return sides.compare(samples if values != "none" else 0, mask, where, shown=values == "values")

            def comparable() -> TableDifference:
                try:
                    return compared(plan_before, plan_after)
                except psycopg.DataError:
                    return compared(as_text(plan_before), as_text(plan_after))

            try:
                return comparable()
            except UNFOUND:
                if not (widen(before) and widen(after)):
                    raise
                return comparable()
    except psycopg.Error as error:
        raise failed(f"the rows of {plan_before.table} side by side", error) from error


@contextmanager
def _writing(connection: Connection) -> Generator[None, None, None]:
    """Hold one REPEATABLE READ transaction that may make temporary tables, and roll it back."""
    idle = connection.info.transaction_status != TransactionStatus.INTRANS
    with connection.transaction(force_rollback=True):
        if idle:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE")
        row = connection.execute("SELECT pg_catalog.current_setting('is_superuser')").fetchone()
        if row == ("on",):
            # The database's own event triggers have no say in our temporary tables.
            connection.execute("SET LOCAL session_replication_role = replica")
            if EVENT_TRIGGERS_OFF.known_to(version(connection)):
                # Those that are ENABLE ALWAYS have none either.
                connection.execute("SET LOCAL event_triggers = off")
        connection.execute("SET LOCAL work_mem = '64MB'")
        yield


@dataclass(frozen=True)
class _Sides:
    before: Connection
    after: Connection
    plan_before: Plan
    plan_after: Plan

    def compare(
        self,
        samples: int,
        mask: Callable[[str], bool] | None,
        predicates: Mapping[str, str] | None,
        *,
        shown: bool,
    ) -> TableDifference:
        where = self._where()
        if not where.buckets:
            return TableDifference(
                before=self.plan_before.table,
                after=self.plan_after.table,
                key=self.plan_before.key,
                gone=0,
                added=0,
                changed={},
                nulled={},
            )
        self._gather(where)
        gone, added, again, *each = self._row(counts(where))
        changed, nulled = each[::2], each[1::2]
        names = [self.plan_before.columns[place].name for place in where.columns]
        differs = [at for at, count in enumerate(changed) if count]
        show = Shown(
            self.before, self.after, self.plan_before, self.plan_after, mask or (lambda _: False), values=shown
        )
        outside = {
            at: outside_of(predicates[names[at]], self.before, self.after, self.plan_before, at)
            for at in differs
            if predicates and names[at] in predicates
        }
        return TableDifference(
            before=self.plan_before.table,
            after=self.plan_after.table,
            key=self.plan_before.key,
            gone=gone,
            added=added,
            duplicated=again,
            changed={names[at]: changed[at] for at in differs},
            nulled={names[at]: nulled[at] for at in differs if nulled[at]},
            gone_samples=show.rows(self._places("a_tid IS NULL", samples), None),
            added_samples=show.rows(self._places("b_tid IS NULL", samples), None),
            changed_samples={
                names[at]: show.rows(self._places(f"c{at}", samples), [where.columns[at]]) for at in differs if samples
            },
            outside={names[at]: len(places) for at, places in outside.items() if places},
            outside_samples={
                names[at]: show.rows(places[:samples], [where.columns[at]])
                for at, places in outside.items()
                if places and samples
            },
        )

    def _row(self, text: str) -> tuple[Any, ...]:
        row = self.after.execute(encoded(self.after, text), prepare=False).fetchone()
        assert row is not None
        return row

    def _where(self) -> Where:
        """Sum both sides by bucket, at once, and keep what differs."""
        keyed = bool(self.plan_before.key)
        width = len(self.plan_before.columns) if keyed else 0
        count = _BUCKETS
        while count > 16 and count * (2 * width + 2) > _SUMS:
            count //= 2
        mask = count - 1

        def read(side: tuple[Connection, Plan]) -> dict[int, list[Any]]:
            text = encoded(side[0], bucket_sums(side[1], mask))
            return {row[0]: list(row[1:3]) + row[3] for row in side[0].execute(text, prepare=False).fetchall()}

        with ThreadPoolExecutor(max_workers=2) as pool:
            sides = ((self.before, self.plan_before), (self.after, self.plan_after))
            old, new = list(pool.map(read, sides))
        nothing = [0, None] + [None] * (2 * width)
        buckets: list[int] = []
        columns: set[int] = set()
        for bucket in sorted({*old, *new}):
            one, other = old.get(bucket, nothing), new.get(bucket, nothing)
            if one != other:
                buckets.append(bucket)
                columns.update(
                    place for place in range(width) if one[2 + 2 * place :][:2] != other[2 + 2 * place :][:2]
                )
        return Where(mask, tuple(buckets), tuple(sorted(columns)))

    def _gather(self, where: Where) -> None:
        """Bring the differing buckets' rows of both sides into temporary tables, and join them into a third."""
        hashes = "".join(f", h{at} pg_catalog.int8" for at in range(len(where.columns)))
        columns = f"s pg_catalog.int8, s2 pg_catalog.int8, rel pg_catalog.oid, tid pg_catalog.tid{hashes}"
        after = self.after
        after.execute(encoded(after, f"CREATE TEMPORARY TABLE pgsafe_b ({columns}) ON COMMIT DROP"))
        source = encoded(self.before, f"COPY ({differing_rows(self.plan_before, where)}) TO STDOUT (FORMAT binary)")
        target = encoded(after, "COPY pg_temp.pgsafe_b FROM STDIN (FORMAT binary)")
        with self.before.cursor().copy(source) as rows, after.cursor().copy(target) as table:
            for data in rows:
                table.write(data)
        for text in (
            f"CREATE TEMPORARY TABLE pgsafe_a ({columns}) ON COMMIT DROP",
            f"INSERT INTO pg_temp.pgsafe_a {differing_rows(self.plan_after, where)}",
            "ANALYZE pg_temp.pgsafe_b",
            "ANALYZE pg_temp.pgsafe_a",
        ):
            after.execute(encoded(after, text), prepare=False)
        twice = self._row(
            "SELECT EXISTS (SELECT FROM pg_temp.pgsafe_a GROUP BY s, s2 HAVING pg_catalog.count(*) > 1)"
            " OR EXISTS (SELECT FROM pg_temp.pgsafe_b GROUP BY s, s2 HAVING pg_catalog.count(*) > 1)"
        )[0]
        after.execute(encoded(after, join(len(where.columns), twice=twice)), prepare=False)

    def _places(self, condition: str, limit: int) -> list[tuple[Place | None, Place | None]]:
        if not limit:
            return []
        rows = self.after.execute(
            encoded(
                self.after,
                "SELECT b_rel::pg_catalog.int8, b_tid::pg_catalog.text, a_rel::pg_catalog.int8, a_tid::pg_catalog.text"  # noqa: S608
                f" FROM pg_temp.pgsafe_d WHERE {condition} ORDER BY b_rel, b_tid, a_rel, a_tid LIMIT {limit}",
            ),
            prepare=False,
        ).fetchall()
        return [
            ((b_rel, b_tid) if b_tid is not None else None, (a_rel, a_tid) if a_tid is not None else None)
            for b_rel, b_tid, a_rel, a_tid in rows
        ]

"""The statements by which the rows of two databases are compared. Names in them are quoted by the server."""

# ruff: noqa: S608 (statements of nothing but numbers and names that quote_ident wrote)

from __future__ import annotations

from dataclasses import dataclass

from .digest import key_hash, row_hash
from .plan import Plan

__all__ = ["Where", "bucket_sums", "counts", "differing_rows", "join"]


@dataclass(frozen=True)
class Where:
    """What has to be looked at: the buckets (by mask) with a difference, and the columns (by place)."""

    mask: int
    buckets: tuple[int, ...]
    columns: tuple[int, ...]

    @property
    def condition(self) -> str:
        if len(self.buckets) > self.mask:
            return ""
        numbers = ", ".join(map(str, self.buckets))
        return f" WHERE (r.s OPERATOR(pg_catalog.&) {self.mask}) = ANY ('{{{numbers}}}'::pg_catalog.int8[])"


def _hashed(plan: Plan, seed: str) -> str:
    """Return the hash that rows are joined by: of the key, or of the whole row."""
    if plan.key:
        return key_hash(plan, "t", seed)
    return row_hash([column.form.hash(f"t.{column.name}", seed) for column in plan.columns])


def bucket_sums(plan: Plan, mask: int) -> str:
    """Return for each bucket of keys its rows and sum; with a key, each column's count of values and sum."""
    columns = plan.columns if plan.key else ()
    inner = "".join(f", t.{column.name} AS c{at}" for at, column in enumerate(columns))
    sums = ", ".join(
        f"pg_catalog.count(r.c{at}), pg_catalog.sum({column.form.hash(f'r.c{at}', 'r.s')})"
        for at, column in enumerate(columns)
    )
    return (
        f"SELECT (r.s OPERATOR(pg_catalog.&) {mask})::pg_catalog.int4, pg_catalog.count(*), pg_catalog.sum(r.s),"
        f" ARRAY[{sums}]::pg_catalog.numeric[]"
        f" FROM (SELECT {_hashed(plan, '0')} AS s{inner} FROM {plan.source} t OFFSET 0) r GROUP BY 1"
    )


def differing_rows(plan: Plan, where: Where) -> str:
    """Return the differing buckets' rows: both hashes, the place, and the hashes of the columns that matter."""
    hashes = "".join(
        f", {plan.columns[place].form.hash(f't.{plan.columns[place].name}', '0')} AS h{at}"
        for at, place in enumerate(where.columns)
    )
    return (
        f"SELECT r.* FROM (SELECT {_hashed(plan, '0')} AS s, {_hashed(plan, '1')} AS s2,"
        f" t.tableoid AS rel, t.ctid AS tid{hashes} FROM {plan.source} t) r{where.condition}"
    )


def join(width: int, *, twice: bool) -> str:
    """Return the statement that makes a table of the pairs that differ: both places, and a flag for each column.

    :param twice: hashes repeat: there is no key, or it is not unique any more. Then the copies are numbered, and those
        that have most in common come first.
    """
    left, right = "pg_temp.pgsafe_b", "pg_temp.pgsafe_a"
    numbered = ""
    if twice:
        common = " + ".join(f"(a.h{at} IS NOT DISTINCT FROM f.h{at})::pg_catalog.int4" for at in range(width)) or "0"
        one = "SELECT DISTINCT ON (s, s2) * FROM pg_temp.pgsafe_b ORDER BY s, s2, rel, tid"
        left = (
            "(SELECT *, pg_catalog.row_number() OVER (PARTITION BY s, s2 ORDER BY rel, tid) AS n FROM pg_temp.pgsafe_b)"
        )
        right = (
            "(SELECT a.*, pg_catalog.row_number() OVER ("
            f"PARTITION BY a.s, a.s2 ORDER BY {common} DESC, a.rel, a.tid) AS n"
            f" FROM pg_temp.pgsafe_a a LEFT JOIN ({one}) f ON f.s = a.s AND f.s2 = a.s2)"
        )
        numbered = " AND b.n = a.n"
    both = "b.tid IS NOT NULL AND a.tid IS NOT NULL"
    flags = "".join(
        f", ({both} AND b.h{at} IS DISTINCT FROM a.h{at}) AS c{at},"
        f" ({both} AND b.h{at} IS NOT NULL AND a.h{at} IS NULL) AS n{at}"
        for at in range(width)
    )
    differs = " OR ".join(
        ["b.tid IS NULL", "a.tid IS NULL", *(f"b.h{at} IS DISTINCT FROM a.h{at}" for at in range(width))]
    )
    # Hashes that do not repeat leave no row that is there once more.
    again = "EXISTS (SELECT FROM pg_temp.pgsafe_b x WHERE x.s = a.s AND x.s2 = a.s2)" if twice else "false"
    return (
        "CREATE TEMPORARY TABLE pgsafe_d ON COMMIT DROP AS"
        f" SELECT b.rel AS b_rel, b.tid AS b_tid, a.rel AS a_rel, a.tid AS a_tid{flags},"
        f" b.tid IS NULL AND {again} AS again"
        f" FROM {left} b FULL JOIN {right} a ON b.s = a.s AND b.s2 = a.s2{numbered} WHERE {differs}"
    )


def counts(where: Where) -> str:
    each = "".join(
        f", pg_catalog.count(*) FILTER (WHERE c{at}), pg_catalog.count(*) FILTER (WHERE n{at})"
        for at in range(len(where.columns))
    )
    return (
        "SELECT pg_catalog.count(*) FILTER (WHERE a_tid IS NULL), pg_catalog.count(*) FILTER (WHERE b_tid IS NULL),"
        f" pg_catalog.count(*) FILTER (WHERE again){each} FROM pg_temp.pgsafe_d"
    )

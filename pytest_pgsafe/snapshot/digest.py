"""The content of tables as numbers: one scan counts the rows, counts each column's NULLs and sums its values' hashes.

With a key, each value's hash is seeded by the hash of its row's key, so that values that change places change the sum;
the sum of the keys' own hashes says which rows there are. Without one, values are summed as they are, and a hash of
each whole row is summed beside them, so that duplicates count and a row's values belong together. A NULL adds nothing
to a column's sum: it is counted, and wherever it moves, a value that is seeded by another row appears or goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from ..server.connection import Connection
from .expressions import xor
from .parallel import cut, share
from .plan import Plan
from .session import UNREADABLE, failed, query, reason
from .values import ColumnContent, NotVerified, TableContent

__all__ = ["key_hash", "read_content", "read_contents", "row_hash"]

#: What is read by one query: many small tables, or a piece of a big one.
_BATCH_BYTES = 16 << 20
#: Columns for each table, on average.
_BATCH_COLUMNS = 10
_BATCH_TABLES = 100
#: The number of tables that are read together grows with theirs, so that the number of queries hardly does. A query
#: holds the locks of its tables and their indexes while it runs, and a server has room for some 7,000 by default.
_BATCHES = 100
_MOST_TABLES = 200
#: A table is cut into pieces of at least so many bytes when there are several connections.
_PIECE_BYTES = 4 << 20


@dataclass(frozen=True)
class _Part:
    """A plan, or the part of it in a range of blocks; ``last`` None is open."""

    plan: Plan
    first: int | None = None
    last: int | None = None

    @property
    def condition(self) -> str:
        bounds = [("ctid >=", self.first), ("ctid <", self.last)]
        terms = [f"{operator} '({block},0)'::pg_catalog.tid" for operator, block in bounds if block is not None]
        return f" WHERE {' AND '.join(terms)}" if terms else ""


def read_content(connection: Connection, plan: Plan) -> TableContent:
    """Read one table.

    :raises psycopg.Error: as the server says it; no privilege and hidden rows among them.
    """
    return _read(connection, [_Part(plan)])[0]


def read_contents(
    connections: Sequence[Connection], plans: Sequence[Plan]
) -> tuple[dict[str, TableContent], tuple[NotVerified, ...]]:
    """Read many tables, small ones together and big ones in pieces, on several connections at once.

    :param connections: at least one; several have to see the same snapshot.
    :returns: contents by table, in the order of ``plans``; and the tables that could not be read.
    :raises SnapshotError: the server failed, rather than one table.
    """
    found: dict[str, TableContent] = {}
    missing: dict[str, NotVerified] = {}
    for part, content in share(connections, _tasks(connections[0], plans, len(connections)), _attempt):
        name = part.plan.table
        if isinstance(content, NotVerified):
            missing[name] = content
        else:
            found[name] = _add(found[name], content) if name in found else content
    order = [plan.table for plan in plans]
    return (
        {name: found[name] for name in order if name in found and name not in missing},
        tuple(missing[name] for name in order if name in missing),
    )


def key_hash(plan: Plan, alias: str, seed: str = "0") -> str:
    """Return the SQL of a row's seed: the hash of its key, every column of it seeded by its place."""
    hashes = [column.form.hash(f"{alias}.{column.name}", seed) for column in plan.key_columns]
    if len(hashes) == 1:
        # Where a key was one only before, it may be NULL now; a NULL seed would hide the row's values.
        return f"coalesce({hashes[0]}, pg_catalog.hashint4extended(-1, 1))"
    return row_hash(hashes)


def row_hash(hashes: Sequence[str]) -> str:
    """Return the SQL of a whole row's hash from those of its values, NULLs among them."""
    return f"pg_catalog.hashint4extended(1, {xor([_nullable(at, each) for at, each in enumerate(hashes)])})"


def _place(at: int, value: str) -> str:
    return f"pg_catalog.hashint4extended({at + 2}, {value})"


def _nullable(at: int, value: str) -> str:
    # A negative number tells a NULL in this place from any value in any place.
    return f"coalesce({_place(at, value)}, pg_catalog.hashint4extended({-at - 2}, 1))"


def _statement(part: _Part, number: int) -> str:
    plan = part.plan
    names = [f"c{at}" for at in range(len(plan.columns))]
    if plan.key:
        seed = key_hash(plan, "t")
        inner = [
            f"{seed} AS s",
            *(f"t.{column.name} AS {name}" for column, name in zip(plan.columns, names, strict=True)),
        ]
        sums = [column.form.hash(f"r.{name}", "r.s") for column, name in zip(plan.columns, names, strict=True)]
        rows = "r.s"
    else:
        hashed = [column.form.hash(f"t.{column.name}", "0") for column in plan.columns]
        inner = [f"{value} AS {name}" for value, name in zip(hashed, names, strict=True)]
        sums = [f"r.{name}" for name in names]
        rows = row_hash(sums)
    counts = ", ".join(f"pg_catalog.count(r.{name})" for name in names)
    totals = ", ".join(f"pg_catalog.sum({value})" for value in sums)
    # OFFSET 0 keeps the planner from computing the seed once more for every column.
    return (
        f"SELECT {number} AS n, pg_catalog.count(*), ARRAY[{counts}]::pg_catalog.int8[],"  # noqa: S608 (quoted names)
        f" ARRAY[{totals}]::pg_catalog.numeric[], pg_catalog.sum({rows})"
        f" FROM (SELECT {', '.join(inner)} FROM {plan.source} t{part.condition} OFFSET 0) r"
    )


def _read(connection: Connection, parts: Sequence[_Part]) -> list[TableContent]:
    text = " UNION ALL ".join(_statement(part, number) for number, part in enumerate(parts))
    found = {row[0]: row for row in query(connection, text)}
    return [_content(part.plan, found[number]) for number, part in enumerate(parts)]


def _content(plan: Plan, row: tuple[Any, ...]) -> TableContent:
    _, rows, counts, sums, digest = row
    return TableContent(
        rows=rows,
        key=plan.key,
        columns={
            column.name: ColumnContent(nulls=rows - count, digest=int(total or 0))
            for column, count, total in zip(plan.columns, counts, sums, strict=True)
        },
        digest=int(digest or 0),
    )


def _attempt(connection: Connection, parts: list[_Part]) -> list[tuple[_Part, TableContent | NotVerified]]:
    try:
        return list(zip(parts, _read(connection, parts), strict=True))
    except UNREADABLE as error:
        if len(parts) == 1:
            return [(parts[0], NotVerified(object=parts[0].plan.table, reason=reason(error)))]
        # One of them cannot be read: halves find it in few steps.
        middle = len(parts) // 2
        return _attempt(connection, parts[:middle]) + _attempt(connection, parts[middle:])
    except psycopg.errors.LockNotAvailable:
        raise
    except psycopg.Error as error:
        what = parts[0].plan.table if len(parts) == 1 else f"{len(parts)} tables from {parts[0].plan.table} on"
        raise failed(what, error) from error


def _add(first: TableContent, second: TableContent) -> TableContent:
    return TableContent(
        rows=first.rows + second.rows,
        key=first.key,
        columns={
            name: ColumnContent(
                nulls=content.nulls + second.columns[name].nulls, digest=content.digest + second.columns[name].digest
            )
            for name, content in first.columns.items()
        },
        digest=first.digest + second.digest,
    )


def _tasks(connection: Connection, plans: Sequence[Plan], sessions: int) -> Iterator[list[_Part]]:
    """Yield what is read by one query each, the largest first, so that several sessions end at one time."""
    big = [plan for plan in plans if sessions > 1 and plan.heap and plan.size > 2 * _PIECE_BYTES]
    blocks, block_size = _blocks(connection, big)
    tables = min(max(_BATCH_TABLES, len(plans) // _BATCHES), _MOST_TABLES)
    batch: list[_Part] = []
    size = columns = 0
    for plan in sorted(plans, key=lambda plan: -plan.size):
        if plan.table in blocks:
            starts = cut(blocks[plan.table], sessions, max(1, _PIECE_BYTES // block_size))
            for start, end in zip(starts, [*starts[1:], None], strict=True):
                # The last piece is open: the table may have grown, and rows beyond are not of this snapshot.
                yield [_Part(plan, start or None, end)]
            continue
        size, columns = size + plan.size, columns + len(plan.columns)
        if batch and (len(batch) >= tables or size > _BATCH_BYTES or columns > tables * _BATCH_COLUMNS):
            yield batch
            batch, size, columns = [], plan.size, len(plan.columns)
        batch.append(_Part(plan))
    if batch:
        yield batch


def _blocks(connection: Connection, plans: Sequence[Plan]) -> tuple[Mapping[str, list[int]], int]:
    """Return the blocks of each table, of its partitions one by one, and the bytes of a block."""
    if not plans:
        return {}, 1
    rows = connection.execute(
        "SELECT n.name, pg_catalog.pg_relation_size(c.relid)"
        " OPERATOR(pg_catalog./) pg_catalog.current_setting('block_size')::pg_catalog.int8,"
        " pg_catalog.current_setting('block_size')::pg_catalog.int8"
        " FROM pg_catalog.unnest(%s::pg_catalog.text[]) n(name),"
        " LATERAL (SELECT pg_catalog.to_regclass(n.name)::pg_catalog.oid AS relid"
        " UNION SELECT relid FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass(n.name)) WHERE isleaf) c",
        ([plan.table for plan in plans],),
    ).fetchall()
    found: dict[str, list[int]] = {}
    for name, blocks, _ in rows:
        found.setdefault(name, []).append(blocks or 0)
    return found, rows[0][2] if rows else 1

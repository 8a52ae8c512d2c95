"""Denormalised columns against their source: how many rows agree, and which do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from psycopg import sql

from ..catalog.names import parts
from ..catalog.values import Catalog, Constraint
from ..errors import ConfigError
from ..server.connection import Connection
from .key import choose_key
from .session import joining
from .values import DenormalizedContent, DenormalizedRule, RowSample


class NoPathError(ConfigError):
    """No foreign keys, or no single way of them, lead from a copy to its source."""


#: Foreign keys that a copy may be away from its source.
MAXIMUM_HOPS = 4


def read(connection: Connection, catalog: Catalog, rule: DenormalizedRule, *, samples: int = 5) -> DenormalizedContent:
    """Compare a copy with what stands at the end of its foreign keys, row by row.

    A row without a source (a NULL key, an orphan) agrees when its copy is NULL.

    :param rule: with full names, ``schema.table.column``.
    :raises NoPathError: no or no single way leads from the copy to the source.
    """
    joins = path(catalog, rule)
    with joining(connection):
        return _read(connection, catalog, rule, joins, samples)


def _read(
    connection: Connection, catalog: Catalog, rule: DenormalizedRule, joins: tuple[Constraint, ...], samples: int
) -> DenormalizedContent:
    copy, source = catalog.columns[rule.column], catalog.columns[rule.source]
    key = choose_key(catalog, copy.table)
    from_ = _joins(copy.table, joins)
    left, right = _column(0, copy.column), _column(len(joins), source.column)
    counted = connection.execute(
        sql.SQL("SELECT count(*), count(*) FILTER (WHERE {l} IS DISTINCT FROM {r}) FROM {f}").format(
            l=left, r=right, f=from_
        )
    ).fetchone()
    assert counted is not None
    rows, drifted = counted
    found: tuple[RowSample, ...] = ()
    if drifted:
        shown = [left, right, *(_column(0, name) for name in key)]
        query = sql.SQL("SELECT {c} FROM {f} WHERE {l} IS DISTINCT FROM {r} ORDER BY {o} LIMIT {n}").format(
            c=sql.SQL(", ").join([sql.SQL("{}::text").format(one) for one in shown]),
            f=from_,
            l=left,
            r=right,
            o=sql.SQL(", ").join([_column(0, name) for name in key] or [left, right]),
            n=sql.Literal(samples),
        )
        found = tuple(
            RowSample(key=dict(zip(key, values, strict=True)), before={rule.column: mine}, after={rule.source: theirs})
            for mine, theirs, *values in connection.execute(query)
        )
    return DenormalizedContent(rows=rows, drifted=drifted, samples=found)


def path(catalog: Catalog, rule: DenormalizedRule) -> tuple[Constraint, ...]:
    """Find the foreign keys that lead from a copy to its source: the shortest way, or the one that ``via`` begins.

    Where several keys lead to the same table (who assigned, who reported), the one whose name the copy's begins with is
    meant: ``assigned_to_name`` is read through ``assigned_to_id``.

    :raises NoPathError: with the ways that there are.
    """
    copy, source = catalog.columns[rule.column], catalog.columns[rule.source]
    if copy.table == source.table:
        return ()
    ways = list(_ways(catalog, copy.table, source.table))
    if rule.via is not None:
        bare = rule.via.rsplit(".", 1)[-1]
        ways = [way for way in ways if bare in way[0].columns or way[0].name.endswith(f".{bare}")]
    shortest = [way for way in ways if len(way) == min(map(len, ways))]
    if len(shortest) > 1:
        shared = [max(_shared(copy.column, name) for name in way[0].columns) for way in shortest]
        shortest = [way for way, length in zip(shortest, shared, strict=True) if length == max(shared)]
    if len(shortest) == 1:
        return shortest[0]
    shown = [" -> ".join(key.name for key in way) for way in ways]
    raise NoPathError(
        f"[[denormalized]] {rule.name}: "
        + (f"{len(shortest)} ways lead" if shortest else "no foreign key leads")
        + f" from {copy.table} to {source.table}",
        looked_at=shown or [f"the foreign keys of {copy.table}, {MAXIMUM_HOPS} steps deep"],
        remedies=['name the foreign key column that it is read through: via = "…_id"'],
    )


def _ways(catalog: Catalog, start: str, end: str) -> Iterator[tuple[Constraint, ...]]:
    keys: dict[str, list[Constraint]] = {}
    for constraint in catalog.constraints.values():
        if constraint.references is not None:
            keys.setdefault(constraint.table, []).append(constraint)
    level: list[tuple[Constraint, ...]] = [(key,) for key in keys.get(start, [])]
    for _ in range(MAXIMUM_HOPS):
        yield from (way for way in level if way[-1].references == end)
        level = [
            (*way, key)
            for way in level
            for key in keys.get(way[-1].references or "", [])
            if key.references not in {start, *(step.references for step in way)}
        ]


def _shared(one: str, other: str) -> int:
    """Return how many characters two names begin with in common."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _joins(table: str, keys: Sequence[Constraint]) -> sql.Composed:
    joined = sql.SQL("{} AS t0").format(_identifier(table))
    for number, key in enumerate(keys):
        on = sql.SQL(" AND ").join(
            [
                sql.SQL("{} = {}").format(_column(number, mine), _column(number + 1, theirs))
                for mine, theirs in zip(key.columns, key.reference_columns, strict=True)
            ]
        )
        joined += sql.SQL(" LEFT JOIN {} AS {} ON {}").format(
            _identifier(key.references or ""), sql.Identifier(f"t{number + 1}"), on
        )
    return joined


def _column(table: int, quoted: str) -> sql.Identifier:
    return sql.Identifier(f"t{table}", *parts(quoted))


def _identifier(name: str) -> sql.Identifier:
    return sql.Identifier(*parts(name))

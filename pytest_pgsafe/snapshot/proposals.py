"""Columns that seem to be denormalised: copies, counts and sums that the data itself shows.

Rows of each table are joined to what their foreign keys point at, and every pair of columns of one family of types is
compared. Chance decides: a pair has to agree far more often than it does when the rows are shuffled, so that a flag
that is nearly always true, or a column that is nearly always NULL, is no copy of another one.
"""

# ruff: noqa: S608 (names that quote_ident wrote)

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import psycopg

from ..catalog.names import bare
from ..catalog.values import Catalog, Column, Constraint, Table
from ..server.connection import Connection
from .agreement import agrees
from .expressions import base_type, underlying
from .likeness import alike, relates
from .paths import NoPathError, path
from .plan import foreign_below
from .session import encoded, reason
from .values import DenormalizedRule, NotVerified, Proposal

__all__ = ["propose"]

#: Rows of a table that are looked at.
ROWS = 10_000
#: Above so many bytes a table is sampled by blocks; below it is read from its beginning.
_BIG = 64 << 20
#: How much better than chance a pair has to agree, from 0 (as chance) to 1 (in every row): where names say so too, and
#: where the data alone does.
_NAMED, _UNNAMED = 0.4, 0.95
#: Fewer rows that do not agree when they are shuffled prove nothing.
_FEWEST = 5

_NUMBERS = frozenset({"smallint", "integer", "bigint", "numeric", "real", "double precision"})
_TEXTS = frozenset({"text", "character varying", "character", '"char"', "name"})
_TIMES = frozenset({"date", "timestamp without time zone", "timestamp with time zone"})


@dataclass(frozen=True)
class _Pair:
    """A column, and the SQL of what it may be, in one statement."""

    column: Column
    #: Its type, no domain.
    own: str
    kind: Literal["copy", "count", "sum", "min", "max"]
    #: A column's or, of a count, a table's name; and its SQL and type.
    source: str
    value: str
    type: str
    named: bool


def propose(
    connection: Connection, catalog: Catalog, *, timeout: str = "20s", only: Collection[str] | None = None
) -> tuple[tuple[Proposal, ...], tuple[NotVerified, ...]]:
    """Look for denormalised columns; the database is only read.

    :param connection: in autocommit, with pinned settings.
    :param timeout: of each statement: one for each foreign key, and one for each way back.
    :param only: the columns that are looked at; all of them if not given.
    :returns: the rules that seem to hold, by column, the likeliest for each; and what could not be looked at.
    """
    missing: list[NotVerified] = []
    found: dict[str, list[tuple[float, bool, float, Proposal]]] = {}
    foreign = foreign_below(catalog)
    keys = [one for one in catalog.constraints.values() if one.form == "foreign key" and one.parent is None]
    for key in sorted(keys, key=lambda one: one.name):
        if key.references is None or {key.table, key.references} & foreign or key.table not in catalog.tables:
            continue
        for table, pairs, source in (
            (key.table, _copies(catalog, key, keys), _towards(catalog, key)),
            (key.references, _aggregates(catalog, key, keys), _back(catalog, key)),
        ):
            asked = [pair for pair in pairs if only is None or pair.column.name in only]
            if not asked:
                continue
            try:
                for better, pair, rows, agreeing in _measured(connection, asked, source, timeout):
                    if better >= (_NAMED if pair.named else _UNNAMED):
                        rule = _rule(catalog, pair, key)
                        proposal = Proposal(
                            rule=rule, rows=rows, agreeing=agreeing, sampled=_estimate(catalog.tables[table]) > rows
                        )
                        likeness = relates(pair.column.column, bare(pair.source), key.columns)
                        found.setdefault(rule.column, []).append((better, pair.named, likeness, proposal))
            except psycopg.Error as error:
                missing.append(NotVerified(object=key.name, reason=reason(error)))
    best = [max(several, key=lambda one: (one[1], round(one[0], 2), one[2]))[-1] for several in found.values()]
    return tuple(sorted(best, key=lambda one: one.rule.column)), tuple(missing)


def _copies(catalog: Catalog, key: Constraint, keys: Sequence[Constraint]) -> list[_Pair]:
    """Return which columns of the table that refers may be which columns of the row that it refers to."""
    return [
        _Pair(column, ours, "copy", source.name, f"p.{source.column}", theirs, alike(column.column, source, key))
        for column, ours in _candidates(catalog, key.table, keys)
        for source, theirs in _columns(catalog, key.references or "")
        if source.column not in key.reference_columns
        and not any(source.table == one.table and source.column in one.columns for one in keys)
        and column.name != source.name
        and _family(ours) == _family(theirs)
    ]


def _aggregates(catalog: Catalog, key: Constraint, keys: Sequence[Constraint]) -> list[_Pair]:
    """Return which columns of the table that is referred to may sum up the rows that refer to it."""
    child = key.table.rpartition(".")[2]
    found: list[_Pair] = []
    for column, ours in _candidates(catalog, key.references or "", keys):
        if base_type(ours) in {"smallint", "integer", "bigint"}:
            named = alike(column.column, child, key)
            found.append(_Pair(column, ours, "count", key.table, "coalesce(a.n, 0)", "bigint", named))
        for number, (source, theirs) in enumerate(_columns(catalog, key.table)):
            if any(source.table == one.table and source.column in one.columns for one in keys):
                continue
            named = alike(column.column, source, key)
            if base_type(ours) in _NUMBERS and base_type(theirs) in _NUMBERS:
                found.append(_Pair(column, ours, "sum", source.name, f"a.s{number}", "numeric", named))
            if base_type(ours) in _TIMES and base_type(theirs) in _TIMES:
                found.append(_Pair(column, ours, "min", source.name, f"a.l{number}", theirs, named))
                found.append(_Pair(column, ours, "max", source.name, f"a.h{number}", theirs, named))
    return found


def _candidates(catalog: Catalog, table: str, keys: Sequence[Constraint]) -> Iterator[tuple[Column, str]]:
    """Yield columns that may be denormalised: neither keys nor computed, nor unique by themselves."""
    alone = {index.columns for index in catalog.indexes.values() if index.table == table and index.unique}
    for column, type_ in _columns(catalog, table):
        part = any(key.table == table and column.column in key.columns for key in keys)
        primary = any(
            index.table == table and index.primary and column.column in index.columns
            for index in catalog.indexes.values()
        )
        if not (part or primary or column.generated or column.identity or (column.column,) in alone):
            yield column, type_


def _columns(catalog: Catalog, table: str) -> list[tuple[Column, str]]:
    return [
        (column, underlying(catalog.types, column.type))
        for column in sorted(catalog.columns.values(), key=lambda one: one.number)
        if column.table == table and column.generated != "virtual"
    ]


def _family(type_: str) -> str:
    base = base_type(type_)
    families = {"number": _NUMBERS, "text": _TEXTS, "time": _TIMES}
    return next((name for name, types in families.items() if base in types), base)


def _towards(catalog: Catalog, key: Constraint) -> str:
    on = " AND ".join(f"p.{theirs} = f.{ours}" for ours, theirs in zip(key.columns, key.reference_columns, strict=True))
    return f"{_sample(catalog.tables[key.table])} f LEFT JOIN {key.references} p ON {on}"


def _back(catalog: Catalog, key: Constraint) -> str:
    """Return rows of the table that is referred to, each with the sums of those that refer to it."""
    values = ["pg_catalog.count(*) AS n"]
    for number, (column, type_) in enumerate(_columns(catalog, key.table)):
        if base_type(type_) in _NUMBERS:
            values.append(f"pg_catalog.sum((c.{column.column})::pg_catalog.numeric) AS s{number}")
        if base_type(type_) in _TIMES:
            values.append(f"pg_catalog.min(c.{column.column}) AS l{number}")
            values.append(f"pg_catalog.max(c.{column.column}) AS h{number}")
    groups = ", ".join(f"c.{name}" for name in key.columns)
    names = ", ".join(f"c.{name} AS g{number}" for number, name in enumerate(key.columns))
    on = " AND ".join(f"a.g{number} = f.{name}" for number, name in enumerate(key.reference_columns))
    inner = f"SELECT {names}, {', '.join(values)} FROM {key.table} c GROUP BY {groups}"
    table = catalog.tables[key.references or ""]
    return f"{_sample(table)} f LEFT JOIN ({inner}) a ON {on}"


def _estimate(table: Table) -> float:
    """Return how many rows a table has, as far as the planner knows; else by its size."""
    return table.estimated_rows if table.estimated_rows > 0 else table.size / 100


def _sample(table: Table) -> str:
    sample = ""
    if table.size > _BIG:
        percent = min(100.0, max(0.001, 200.0 * ROWS / max(1.0, _estimate(table))))
        sample = f" TABLESAMPLE SYSTEM ({percent:.3f}) REPEATABLE (0)"
    return f"(SELECT tableoid AS rel, ctid AS tid, * FROM {table.name}{sample} LIMIT {ROWS})"


def _measured(
    connection: Connection, pairs: Sequence[_Pair], source: str, timeout: str
) -> Iterator[tuple[float, _Pair, int, int]]:
    """Yield how much better than chance each pair agrees, with the rows that were looked at and those that agree."""
    # A target list has 1,664 places: two for each pair, and a column for each side.
    for start in range(0, len(pairs), 300):
        part = pairs[start : start + 300]
        copies = dict.fromkeys(pair.column.column for pair in part)
        values = list(dict.fromkeys(pair.value for pair in part))
        columns = [f"f.{name} AS c{at}" for at, name in enumerate(copies)]
        columns += [f"{value} AS v{at}" for at, value in enumerate(values)]
        columns += [f"pg_catalog.lag({value}, 1, {value}) OVER w AS o{at}" for at, value in enumerate(values)]
        counted: list[str] = []
        places = {name: at for at, name in enumerate(copies)}
        for pair in part:
            copy, at = f"j.c{places[pair.column.column]}", values.index(pair.value)
            for value in (f"j.v{at}", f"j.o{at}"):
                same = agrees(pair.kind, copy, pair.own, value, pair.type)
                counted.append(f"pg_catalog.count(*) FILTER (WHERE {same})")
        # The order of hashes is as good as any, and the same at every reading.
        shuffled = "WINDOW w AS (ORDER BY pg_catalog.hashtextextended(f.tid::pg_catalog.text, 0), f.rel, f.tid)"
        text = (
            f"SELECT pg_catalog.count(*), {', '.join(counted)}"
            f" FROM (SELECT {', '.join(columns)} FROM {source} {shuffled}) j"
        )
        with connection.transaction(force_rollback=True):
            connection.execute("SELECT pg_catalog.set_config('statement_timeout', %s, true)", (timeout,))
            row = connection.execute(encoded(connection, text), prepare=False).fetchone()
        assert row is not None
        for number, pair in enumerate(part):
            agreeing, chance = row[1 + 2 * number], row[2 + 2 * number]
            if row[0] - chance >= _FEWEST:
                yield (agreeing - chance) / (row[0] - chance), pair, row[0], agreeing


def _rule(catalog: Catalog, pair: _Pair, key: Constraint) -> DenormalizedRule:
    """Return the rule, with ``via`` only where the way would not be found."""
    rule = DenormalizedRule(column=pair.column.name, source=pair.source, kind=pair.kind)
    try:
        found: Iterable[Constraint] = path(catalog, rule)
    except NoPathError:
        found = ()
    if [one.name for one in found] == [key.name]:
        return rule
    return DenormalizedRule(column=rule.column, source=rule.source, kind=rule.kind, via=f"{key.table}.{key.columns[0]}")

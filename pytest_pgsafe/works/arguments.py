"""Arguments with which a function can be called: values of rows that there are, found by names and types."""

# ruff: noqa: S608 (names that quote_ident wrote)

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import psycopg

from ..catalog.names import bare, unquoted
from ..catalog.values import Catalog, Column
from ..snapshot.expressions import literal
from .side import Side

#: Calls of one function.
CALLS = 3
#: Of each argument that a caller gives: its name, its type, and the type as a cast writes it.
_GIVEN = """
SELECT coalesce(a.name, ''), a.type::pg_catalog.int8, pg_catalog.format('%I.%I', n.nspname, t.typname)
FROM pg_catalog.pg_proc p
CROSS JOIN LATERAL (
    SELECT (p.proargnames)[u.at] AS name, u.type, u.at, pg_catalog.row_number() OVER (ORDER BY u.at) AS number
    FROM ROWS FROM (
        pg_catalog.unnest(coalesce(p.proallargtypes, p.proargtypes::pg_catalog.oid[])), pg_catalog.unnest(p.proargmodes)
    ) WITH ORDINALITY u (type, mode, at)
    WHERE coalesce(u.mode, 'i') IN ('i', 'b')
) a
JOIN pg_catalog.pg_type t ON t.oid = a.type JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE p.oid = {} AND a.number <= p.pronargs - p.pronargdefaults - (p.provariadic <> 0)::pg_catalog.int4
ORDER BY a.at
"""
#: Decoration of parameters' names.
_AFFIX = re.compile(r"^(?:p|v|in|arg|the|my)?_+|_+(?:in|arg|param)?$")
_WORDS = frozenset({"text", "character varying", "character", "name"})
_NUMBERS = frozenset({"smallint", "integer", "bigint", "numeric"})
_LIKE = {"text": _WORDS, "varchar": _WORDS, "bpchar": _WORDS, "name": _WORDS, "int2": _NUMBERS, "int4": _NUMBERS,
         "int8": _NUMBERS, "numeric": _NUMBERS}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """What a function is called with."""

    #: As SQL, with a cast each.
    values: tuple[str, ...]
    #: For people: where each comes from.
    shown: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Parameter:
    name: str
    oid: int
    #: With its schema, as a cast writes it.
    type: str


def arguments(side: Side, function: str, reads: Iterable[str]) -> tuple[Arguments, ...]:
    """Return what a function may be called with, from rows that there are; nothing where a value is not to be had.

    :param reads: tables that its body names.
    """
    near = frozenset(reads)
    with side.trying():
        said = side.rows(_GIVEN.format(side.catalog.functions[function].oid))
    parameters = [_Parameter(name=str(name), oid=int(str(oid)), type=str(type_)) for name, oid, type_ in said]
    if not parameters:
        return (Arguments(values=(), shown=()),)
    sources = [_source(side.catalog, one, near) for one in parameters]
    columns = [source for source in sources if source is not None]
    if len(columns) < len(sources):
        return ()
    return tuple(_rows(side, parameters, columns))


def _source(catalog: Catalog, parameter: _Parameter, near: frozenset[str]) -> tuple[str, str] | None:
    """Return the table and the expression over its row that fit a parameter best."""
    if parameter.type in catalog.tables:
        return parameter.type, "t"
    best = max(
        ((_fits(catalog, column, parameter, near), column.name) for column in catalog.columns.values()), default=(0, "")
    )
    if not best[0]:
        return None
    column = catalog.columns[best[1]]
    return column.table, f"t.{column.column}"


def _fits(catalog: Catalog, column: Column, parameter: _Parameter, near: frozenset[str]) -> int:
    wanted = _LIKE.get(bare(parameter.type), frozenset[str]()) if parameter.type.startswith("pg_catalog.") else ()
    if column.type_oid != parameter.oid and column.type.partition("(")[0] not in wanted:
        return 0
    if column.table not in catalog.tables or catalog.tables[column.table].form == "foreign table":
        return 0
    name, own, table = _AFFIX.sub("", parameter.name.lower()), unquoted(column.column), unquoted(bare(column.table))
    called = name == own or (own == "id" and name in {f"{table}_id", f"{table.removesuffix('s')}_id"})
    if not called and column.table not in near:
        return 0
    return 4 * called + 2 * (column.table in near) + _is_key(catalog, column)


def _is_key(catalog: Catalog, column: Column) -> bool:
    return any(
        one.form == "primary key" and one.table == column.table and one.columns == (column.column,)
        for one in catalog.constraints.values()
    )


def _rows(side: Side, parameters: Sequence[_Parameter], sources: Sequence[tuple[str, str]]) -> Iterator[Arguments]:
    held: dict[str, list[tuple[object, ...]]] = {}
    for table in dict.fromkeys(table for table, _ in sources):
        wanted = [expression for of, expression in sources if of == table]
        shown = ", ".join(f"{one}::pg_catalog.text" for one in wanted)
        known = " AND ".join(f"{one} IS NOT NULL" for one in wanted if one != "t") or "true"
        try:
            with side.trying():
                held[table] = side.rows(f"SELECT {shown} FROM {table} t WHERE {known} LIMIT {CALLS}")
        except psycopg.Error:
            return
    for at in range(min(map(len, held.values()), default=0)):
        rows = {table: iter(some[at]) for table, some in held.items()}
        values = [str(next(rows[table])) for table, _ in sources]
        yield Arguments(
            values=tuple(f"{literal(value)}::{one.type}" for value, one in zip(values, parameters, strict=True)),
            shown=tuple(f"{table}{one[1:]} of a row" for table, one in sources),
        )

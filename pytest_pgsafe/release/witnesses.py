"""Rows of the copy before that the release may have written, and that may not fit the new schema."""

# ruff: noqa: S608 (names that quote_ident or the catalog wrote)

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import psycopg

from ..catalog.names import bare, split, unquoted
from ..catalog.values import Catalog, Column, Constraint
from ..compare.values import Comparison
from ..snapshot.expressions import literal
from ..works.side import Side
from ..works.writes import rows_of

_LENGTH = re.compile(r"character(?: varying)?\((\d+)\)")
_CHECK = re.compile(r"CHECK \((?P<expression>.*)\)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Witness:
    """A row of a table before the migration."""

    #: The values of its columns as PostgreSQL writes them, by bare names.
    values: Mapping[str, str | None]
    #: What is particular about it, for people; None of any row.
    why: str | None = None
    #: The migration gave such rows other values: whether the release still writes the old ones is not known.
    gone: bool = False
    #: Which objects' change makes it so.
    about: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Particular:
    """Which rows are looked for: by a condition on the table before."""

    where: str
    why: str
    about: tuple[str, ...]
    gone: bool = True


def witnesses(side: Side, comparison: Comparison, table: str) -> Iterator[Witness]:
    """Yield a row of a table, then one of each kind that the migration has made impossible, as far as there are some.

    :param side: the copy before.
    :param table: by its name before.
    """
    found = _row(side, table, None)
    if found is None:
        return
    yield found
    for one in _particular(comparison, table):
        found = _row(side, table, one)
        if found is not None:
            yield found


def _row(side: Side, table: str, one: _Particular | None) -> Witness | None:
    names = [column.column for column in side.written(table)]
    shown = ", ".join(f"pgsafe_t.{name}::pg_catalog.text" for name in names)
    where = "" if one is None else f" WHERE {one.where}"
    try:
        with side.trying():
            rows = side.rows(f"SELECT {shown} FROM {rows_of(side.catalog, table)} pgsafe_t{where} LIMIT 1")
    except psycopg.Error:
        return None
    if not rows:
        return None
    values = {name: None if value is None else str(value) for name, value in zip(names, rows[0], strict=True)}
    return (
        Witness(values=values) if one is None else Witness(values=values, why=one.why, gone=one.gone, about=one.about)
    )


def _particular(comparison: Comparison, table: str) -> Iterator[_Particular]:
    before, after = comparison.before.catalog, comparison.after.catalog
    for column in (column for column in before.columns.values() if column.table == table):
        there = comparison.columns.get(column.name)
        if there is not None:
            yield from _of_column(column, after.columns[there], before, after)
    yield from _of_checks(comparison, table)
    yield from _of_keys(comparison, table)


def _of_column(was: Column, now: Column, before: Catalog, after: Catalog) -> Iterator[_Particular]:
    about = (was.name,)
    if now.not_null and not was.not_null:
        yield _Particular(where=f"pgsafe_t.{was.column} IS NULL", why=f"its {was.column} is NULL", about=about)
    length = _LENGTH.fullmatch(now.type)
    if length is not None and now.type != was.type:
        where = f"pg_catalog.length(pgsafe_t.{was.column}::pg_catalog.text) > {length[1]}"
        yield _Particular(where=where, why=f"its {was.column} is longer than {length[1]} characters", about=about)
    old, new = before.types.get(was.type), after.types.get(now.type)
    if old is not None and old.labels and new is not None:
        gone = [label for label in old.labels if label not in new.labels]
        if gone:
            labels = ", ".join(literal(label) for label in gone)
            where = f"pgsafe_t.{was.column}::pg_catalog.text IN ({labels})"
            yield _Particular(where=where, why=f"its {was.column} is a label that went", about=(*about, was.type))


def constraints(comparison: Comparison, form: str) -> Iterator[Constraint]:
    """Yield the constraints of a form, by what they are after, that are new or changed."""
    names = {new: old for old, new in comparison.objects.get("constraints", {}).items()}
    for one in comparison.after.catalog.constraints.values():
        if one.form == form and (one.name not in names or comparison.by_object.get(names[one.name])):
            yield one


def _of_checks(comparison: Comparison, table: str) -> Iterator[_Particular]:
    there = comparison.tables.get(table)
    kept = {bare(old): bare(new) for old, new in comparison.columns.items() if _table(old) == split(table)}
    for one in constraints(comparison, "check"):
        if one.table != there:
            continue
        # By the names of the table before.
        found = _CHECK.fullmatch(one.definition.removesuffix(" NO INHERIT"))
        if found is not None and all(kept.get(name) == name for name in one.columns):
            where = f"NOT ({found['expression']})"
            yield _Particular(
                where=where, why=f"it does not fit {unquoted(bare(one.name))}", about=(one.name,), gone=one.validated
            )


def _of_keys(comparison: Comparison, table: str) -> Iterator[_Particular]:
    there = comparison.tables.get(table)
    before = comparison.before.catalog
    names = {new: old for old, new in (*comparison.tables.items(), *comparison.columns.items())}
    for one in constraints(comparison, "foreign key"):
        child = names.get(one.table)
        if one.references != there or child is None or child not in before.tables:
            continue
        ours = [names.get(f"{there}.{name}") for name in one.reference_columns]
        theirs = [names.get(f"{one.table}.{name}") for name in one.columns]
        pairs = [(bare(our), bare(their)) for our, their in zip(ours, theirs, strict=True) if our and their]
        if len(pairs) == len(one.columns):
            equal = " AND ".join(f"pgsafe_c.{their} = pgsafe_t.{our}" for our, their in pairs)
            where = f"EXISTS (SELECT FROM {child} pgsafe_c WHERE {equal})"
            yield _Particular(where=where, why=f"rows of {child} refer to it", about=(one.name,), gone=False)


def _table(column: str) -> tuple[str, ...]:
    return split(column)[:-1]

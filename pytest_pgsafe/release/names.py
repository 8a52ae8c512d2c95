"""What statements of the release may name, and what went or is called otherwise: each is asked for by its old name."""

# ruff: noqa: S608 (names that quote_ident wrote, and literals of our own)

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..catalog.names import split
from ..catalog.values import Catalog
from ..compare.values import Comparison
from ..snapshot.expressions import literal
from ..works.side import Side
from .values import Probed

_NAME = re.compile(r'"(?:[^"]|"")+"|\S+')


@dataclass(frozen=True, kw_only=True)
class Question:
    """A statement that is planned on both copies."""

    #: By its name before.
    object: str
    text: str


def tried(comparison: Comparison, before: Side, after: Side) -> Iterator[Probed | None]:
    """Plan statements that name what changed as it was called before; None for what can still be planned."""
    for question in questions(comparison):
        with after.trying():
            now = after.end(f"EXPLAIN {question.text}")
        if now.error is None:
            yield None
            continue
        with before.trying():
            was = before.end(f"EXPLAIN {question.text}")
        if was.worked:
            yield Probed(
                kind="name", object=question.object, statement=question.text, said=now.error, about=(question.object,)
            )


def questions(comparison: Comparison) -> Iterator[Question]:
    """Yield what there is to be asked."""
    gone = {name for name in comparison.before.catalog.schemas if name not in comparison.after.catalog.schemas}
    told: set[str] = set()
    for question in _each(comparison):
        schema = split(question.object)[0]
        if schema not in gone:
            yield question
        elif schema not in told:
            # One stands for all that is in it.
            told.add(schema)
            yield Question(object=schema, text=question.text)


def _each(comparison: Comparison) -> Iterator[Question]:
    yield from _relations(comparison)
    yield from _columns(comparison)
    yield from _functions(comparison)
    yield from _types(comparison)
    yield from _sequences(comparison)


def _relations(comparison: Comparison) -> Iterator[Question]:
    """Yield tables and views of which nothing, or something else, is called so now."""
    before = comparison.before.catalog
    written = _written(before)
    for kind, collection in (("tables", before.tables), ("views", before.views)):
        there = comparison.objects.get(kind, {})
        for name in collection:
            if there.get(name) == name or (name in before.tables and before.tables[name].partition_bound is not None):
                continue
            columns = written.get(name) or _shown_by(before, name)
            some = ", ".join(columns)
            yield Question(object=name, text=f"SELECT {some} FROM {name}")
            if kind == "tables" and columns and _is_there(comparison.after.catalog, name):
                yield Question(object=name, text=f"INSERT INTO {name} ({some}) SELECT {some} FROM {name}")
                yield Question(object=name, text=f"UPDATE {name} SET {columns[0]} = {columns[0]}")
                yield Question(object=name, text=f"DELETE FROM {name}")


def _columns(comparison: Comparison) -> Iterator[Question]:
    """Yield the columns of a table that is still called so which went, are called otherwise or are of another type."""
    before, after = comparison.before.catalog, comparison.after.catalog
    for name, column in before.columns.items():
        table = column.table
        if comparison.tables.get(table) != table or before.tables[table].partition_bound is not None:
            continue
        there = comparison.columns.get(name)
        if there != name:
            yield Question(object=name, text=f"SELECT {column.column} FROM {table}")
        elif after.columns[name].type != column.type and column.type in _KNOWN | before.types.keys():
            yield Question(object=name, text=f"SELECT FROM {table} WHERE {column.column} = NULL::{column.type}")
    for name, view in before.views.items():
        now = after.views.get(name)
        if now is not None and now.columns != view.columns:
            yield Question(object=name, text=f"SELECT {', '.join(_shown_by(before, name))} FROM {name}")


#: Types of which drivers send typed parameters.
_KNOWN = frozenset({
    "smallint", "integer", "bigint", "boolean", "uuid", "date", "timestamp without time zone",
    "timestamp with time zone", "double precision", "real", "numeric", "bytea", "jsonb",
})  # fmt: skip


def _functions(comparison: Comparison) -> Iterator[Question]:
    for name, function in comparison.before.catalog.functions.items():
        if name in comparison.after.catalog.functions or function.returns in {"trigger", "event_trigger"}:
            continue
        called, _, arguments = name.partition("(")
        types = [one.strip() for one in arguments.removesuffix(")").split(",") if one.strip()]
        text = f"SELECT {literal(name)}::pg_catalog.regprocedure"
        if function.form == "function" and all(one.replace(" ", "").replace(".", "").isalnum() for one in types):
            # One with a default for a further argument can be called as before.
            text = f"SELECT {called}({', '.join(f'NULL::{one}' for one in types)})"
        yield Question(object=name, text=text)


def _types(comparison: Comparison) -> Iterator[Question]:
    after = comparison.after.catalog.types
    for name, type_ in comparison.before.catalog.types.items():
        if name not in after:
            yield Question(object=name, text=f"SELECT NULL::{name}")
        elif any(label not in after[name].labels for label in type_.labels):
            for label in type_.labels:
                if label not in after[name].labels:
                    yield Question(object=name, text=f"SELECT {literal(label)}::{name}")


def _sequences(comparison: Comparison) -> Iterator[Question]:
    for name, sequence in comparison.before.catalog.sequences.items():
        lasts = sequence.column is None or sequence.column in comparison.columns
        if lasts and name not in comparison.after.catalog.sequences:
            yield Question(object=name, text=f"SELECT pg_catalog.nextval({literal(name)}::pg_catalog.regclass)")


def _written(catalog: Catalog) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for column in sorted(catalog.columns.values(), key=lambda one: one.number):
        if column.generated is None and column.identity != "always":
            found.setdefault(column.table, []).append(column.column)
    return found


def _shown_by(catalog: Catalog, view: str) -> list[str]:
    """Return the columns of a view, without their types."""
    columns = catalog.views[view].columns if view in catalog.views else ()
    return [found[0] for found in map(_NAME.match, columns) if found is not None]


def _is_there(catalog: Catalog, name: str) -> bool:
    return name in catalog.tables or name in catalog.views

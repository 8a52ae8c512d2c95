"""The way back once the new schema is used: rows that it admits and the old one does not, and what becomes of them."""

# ruff: noqa: S608 (names that the catalog wrote, and literals of our own)

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from ..catalog.names import split
from ..catalog.values import Catalog, Column
from ..checks.values import NewRows, Unkept
from ..compare.values import Comparison
from ..migrate import backwards
from ..migrate.run import FailedRun
from ..migrate.tools import Migration
from ..server.address import Address
from ..server.connection import Connection, connect
from ..snapshot.expressions import literal
from ..snapshot.key import choose_key
from ..snapshot.session import encoded
from .judged import Judged
from .restored import Restored

_WIDTH = re.compile(r"(?:character varying|character)\((?P<width>\d+)\)")
_WORDS = re.compile(r"'((?:[^']|'')*)'::")
#: The first number that a type does not hold.
_BEYOND = {"smallint": 1 << 15, "integer": 1 << 31}
_HOLDS = {"smallint": {"integer", "bigint", "numeric"}, "integer": {"bigint", "numeric"}}
#: Of a column's text, so much is made.
_LONGEST = 10_000


@dataclass(frozen=True, kw_only=True)
class _Admitted:
    """A value that a column may hold after, and may not before."""

    #: Names before and after.
    before: Column
    after: Column
    #: For people, and as SQL.
    written: str
    value: str | None


def admitted(comparison: Comparison) -> tuple[_Admitted, ...]:
    """Return a value for each column that admits one which it did not (pure)."""
    old, new = comparison.before.catalog, comparison.after.catalog
    bound = {
        f"{key.table}.{name}" for key in new.constraints.values() if key.form == "foreign key" for name in key.columns
    } | {
        f"{key.references}.{name}"
        for key in new.constraints.values()
        if key.references is not None
        for name in key.reference_columns
    }
    found: list[_Admitted] = []
    for name, there in comparison.columns.items():
        before, after = old.columns[name], new.columns[there]
        table = new.tables.get(after.table)
        if table is None or table.form != "table" or table.parents or there in bound or after.generated is not None:
            continue
        said = next(_values(comparison, before, after), None)
        if said is not None:
            found.append(_Admitted(before=before, after=after, written=said[0], value=said[1]))
    return tuple(found)


def _values(comparison: Comparison, before: Column, after: Column) -> Iterator[tuple[str, str | None]]:
    old, new = comparison.before.catalog, comparison.after.catalog
    if before.not_null and not after.not_null and not _refuses_null(new, after):
        yield "NULL", None
    width = _WIDTH.fullmatch(before.type)
    if width is not None and int(width["width"]) < _LONGEST:
        wider = _WIDTH.fullmatch(after.type)
        if after.type in {"text", "character varying"} or (wider and int(wider["width"]) > int(width["width"])):
            yield f"{int(width['width']) + 1} characters", "x" * (int(width["width"]) + 1)
    if after.type in _HOLDS.get(before.type, ()):
        yield f"{_BEYOND[before.type]:,}", str(_BEYOND[before.type])
    enums = old.types.get(before.type), new.types.get(after.type)
    if enums[0] is not None and enums[1] is not None and enums[0].form == enums[1].form == "enum":
        yield from ((f"the label {label}", label) for label in enums[1].labels if label not in enums[0].labels)
    yield from _words(comparison, before, after)


def _refuses_null(catalog: Catalog, column: Column) -> bool:
    key = {name for one in catalog.constraints.values() if one.table == column.table and one.form == "primary key"
           for name in one.columns}  # fmt: skip
    return column.column in key


def _words(comparison: Comparison, before: Column, after: Column) -> Iterator[tuple[str, str | None]]:
    """Yield words that CHECKs of a column name now and did not."""
    said = [
        {
            word
            for one in side.constraints.values()
            if one.form == "check" and one.table == column.table and one.columns == (column.column,)
            for word in _WORDS.findall(one.definition)
        }
        for side, column in ((comparison.before.catalog, before), (comparison.after.catalog, after))
    ]
    if said[0]:
        yield from ((f"'{word}'", word.replace("''", "'")) for word in sorted(said[1] - said[0]))


@dataclass(frozen=True, kw_only=True)
class _Row:
    admitted: _Admitted
    #: Values of its key, by bare names before.
    key: dict[str, str]


def write(comparison: Comparison, copy: Address) -> tuple[_Row, ...]:
    """Give one row of each such column its value, each another row; what the new schema refuses is left out.

    :param copy: of the migrated database.
    """
    rows: list[_Row] = []
    with connect(copy, read_only=False) as session:
        for at, one in enumerate(admitted(comparison)):
            table = one.after.table
            key = choose_key(comparison.before.catalog, one.before.table)
            names = [comparison.columns.get(f"{one.before.table}.{name}") for name in key]
            if not key or None in names or one.before.column in key:
                continue
            shown = ", ".join(f"t.{split(name or '')[-1]}::pg_catalog.text" for name in names)
            value = "NULL" if one.value is None else literal(one.value)
            place = f"SELECT t.ctid FROM ONLY {table} t ORDER BY t.ctid OFFSET {at} LIMIT 1"
            text = f"UPDATE ONLY {table} t SET {one.after.column} = {value} WHERE t.ctid = ({place}) RETURNING {shown}"
            try:
                with session.transaction():
                    # Triggers and references are not what is asked about.
                    session.execute("SET LOCAL session_replication_role = replica")
                    written = session.execute(encoded(session, text), prepare=False).fetchone()
            except psycopg.Error:
                continue
            if written is not None:
                values = dict(zip(key, (str(part) for part in written), strict=True))
                rows.append(_Row(admitted=one, key=values))
    return tuple(rows)


@dataclass(frozen=True, kw_only=True)
class Used:
    """A migrated copy that holds such rows."""

    copy: Address
    rows: tuple[_Row, ...]


@contextmanager
def prepared(judged: Judged) -> Generator[Used | None]:
    """Hold a copy of the migrated database with rows that only the new schema admits; None if it admits no other."""
    comparison, server = judged.evidence.comparison, judged.restored.server
    if not admitted(comparison):
        yield None
        return
    copy = server.clone(judged.migrated.after, "new-rows")
    try:
        rows = write(comparison, copy)
        yield Used(copy=copy, rows=rows) if rows else None
    finally:
        server.drop(copy)


def go_back(used: Used, rollback: Migration, restored: Restored) -> NewRows:
    """Run the way back on a copy that holds such rows, and say what became of them."""
    said = tuple(f"{row.admitted.written} in {row.admitted.after.name}" for row in used.rows)
    applied = backwards.resolve(rollback, restored.before, used.copy)
    if applied is None:
        return NewRows(written=said)
    try:
        restored.runner.run(applied, used.copy, observed=True)
    except FailedRun as error:
        told = [one.error for one in error.trace.statements if one.error is not None]
        return NewRows(written=said, failed=told[-1] if told else error.message)
    with connect(used.copy) as session:
        unkept = tuple(one for row in used.rows if (one := _unkept(session, row)) is not None)
    return NewRows(written=said, unkept=unkept)


def _unkept(session: Connection, row: _Row) -> Unkept | None:
    column = row.admitted.before
    where = " AND ".join(f"t.{name} = {literal(value)}" for name, value in row.key.items())
    text = f"SELECT t.{column.column}::pg_catalog.text FROM ONLY {column.table} t WHERE {where}"
    try:
        found = session.execute(encoded(session, text), prepare=False).fetchone()
    except psycopg.Error:
        return None
    if found is not None and found[0] == row.admitted.value:
        return None
    now = "the row is gone" if found is None else "NULL" if found[0] is None else "another value"
    return Unkept(column=column.name, written=row.admitted.written, now=now)

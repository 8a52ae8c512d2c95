"""What the bookkeeping tables of migration tools say is applied already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from psycopg import sql

from ..server.connection import Connection
from .tables import TABLES, BookkeepingTable, By, readable


@dataclass(frozen=True, kw_only=True)
class Book:
    """One bookkeeping table."""

    #: ``schema.table``, each part as ``quote_ident`` writes it.
    table: str
    #: The tools that write such a table.
    tool: str
    #: What its rows are: versions, the last version alone, names of files, or SHA-256 of their content.
    by: By
    applied: tuple[str, ...] = ()
    #: Everything up to this version counts as applied too.
    baseline: str | None = None
    #: CRC-32 of the repeatable files that were applied, by their names.
    repeatable: Mapping[str, int] = field(default_factory=dict[str, int])
    #: Why nobody can tell from it what is applied.
    trouble: str | None = None


_FIND = b"""
select n.nspname::text, c.relname::text, quote_ident(n.nspname) || '.' || quote_ident(c.relname),
       array_agg(a.attname::text)
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
  join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
 where c.relkind in ('r', 'p') and c.relname = any (%s::text[])
   and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
 group by 1, 2, 3
 order by 3
"""


def read(session: Connection) -> tuple[Book, ...]:
    """Return the bookkeeping tables of a database, by name.

    :raises psycopg.Error: a table cannot be read.
    """
    names = sorted({one.name for one in TABLES if one.reading is not None})
    books: list[Book] = []
    for schema, table, name, columns in session.execute(_FIND, (names,)).fetchall():
        form = readable(table, columns)
        if form is not None:
            books.append(_read(session, form, sql.Identifier(schema, table), name))
    return tuple(books)


def _read(session: Connection, form: BookkeepingTable, table: sql.Identifier, name: str) -> Book:
    assert form.reading is not None
    rows = session.execute(sql.SQL(form.reading.query).format(table)).fetchall()
    broken = [str(text) for text, whole in rows if not whole]
    trouble = f"{', '.join(broken[:3])} is marked as failed or half applied" if broken else None
    if form.tool == "Liquibase" and rows:
        trouble = "Liquibase's changesets may be parts of a file"
    baseline: str | None = None
    repeatable: dict[str, int] = {}
    if form.tool == "Flyway":
        again = sql.SQL("select script, checksum from {} where version is null and success order by installed_rank")
        repeatable = {str(script): int(crc) for script, crc in session.execute(again.format(table)) if crc is not None}
        begun = sql.SQL("select version::text from {} where type = 'BASELINE' order by installed_rank desc limit 1")
        row = session.execute(begun.format(table)).fetchone()
        baseline = None if row is None else str(row[0])
    return Book(
        table=name, tool=form.tool, by=form.reading.by, applied=tuple(str(text) for text, _ in rows), baseline=baseline,
        repeatable=repeatable, trouble=trouble,
    )  # fmt: skip

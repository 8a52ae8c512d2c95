"""What the bookkeeping tables of migration tools say is applied already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psycopg import sql

from ..server.connection import Connection
from .tables import every, readable
from .tools.tables import BookkeepingTable, By

if TYPE_CHECKING:
    from typing_extensions import LiteralString


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
    names = sorted({one.name for one in every() if one.reading is not None})
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
    repeatable = _asked(session, form.reading.repeatable, table)
    begun = _asked(session, form.reading.baseline, table)
    return Book(
        table=name,
        tool=form.tool,
        by=form.reading.by,
        applied=tuple(str(text) for text, _ in rows),
        baseline=str(begun[0][0]) if begun else None,
        repeatable={str(script): int(crc) for script, crc in repeatable if crc is not None},
        trouble=form.reading.doubt if rows and form.reading.doubt is not None else trouble,
    )


def _asked(session: Connection, query: LiteralString | None, table: sql.Identifier) -> list[tuple[Any, ...]]:
    return [] if query is None else session.execute(sql.SQL(query).format(table)).fetchall()

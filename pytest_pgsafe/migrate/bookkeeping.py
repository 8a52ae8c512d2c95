"""What the bookkeeping tables of migration tools say is applied already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from psycopg import sql

from ..server.connection import Connection

if TYPE_CHECKING:
    from typing_extensions import LiteralString

By = Literal["version", "up to", "name", "hash"]


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


@dataclass(frozen=True, kw_only=True)
class _Form:
    """A kind of table: its names, columns that tell it from others, and how it is read: (text, whole) for each row."""

    tool: str
    tables: tuple[str, ...]
    columns: frozenset[str]
    by: By
    query: LiteralString


def _form(tool: str, tables: str, columns: str, by: By, query: LiteralString) -> _Form:
    return _Form(tool=tool, tables=tuple(tables.split()), columns=frozenset(columns.split()), by=by, query=query)


_FLYWAY = (
    "select version::text, success from (select distinct on (version) version, type, success from {} "
    "where version is not null and type <> 'BASELINE' order by version, installed_rank desc) as last "
    "where type not like 'UNDO%' and type <> 'DELETE'"
)
#: The first that fits is meant.
_FORMS = (
    _form("golang-migrate", "schema_migrations", "version dirty", "up to", "select version::text, not dirty from {}"),
    _form("dbmate, Rails, Ecto, Supabase", "schema_migrations", "version",
          "version", "select version::text, true from {}"),
    _form("Flyway", "flyway_schema_history schema_version", "installed_rank version type script checksum success",
          "version", _FLYWAY),
    _form("goose", "goose_db_version", "id version_id is_applied", "version",
          "select version_id::text, true from (select distinct on (version_id) version_id, is_applied from {} "
          "order by version_id, id desc) as last where is_applied and version_id > 0"),
    _form("sqlx", "_sqlx_migrations", "version success", "version", "select version::text, success from {}"),
    _form("refinery", "refinery_schema_history", "version name", "version", "select version::text, true from {}"),
    _form("Postgrator", "schemaversion", "version md5", "version",
          "select version::text, true from {} where version > 0"),
    _form("Atlas", "atlas_schema_revisions", "version applied total", "version",
          "select version::text, applied = total from {}"),
    _form("MyBatis", "changelog", "id applied_at description", "version", "select id::text, true from {}"),
    _form("Knex", "knex_migrations", "name batch", "name", "select name::text, true from {}"),
    _form("node-pg-migrate", "pgmigrations", "name run_on", "name", "select name::text, true from {}"),
    _form("sql-migrate", "gorp_migrations", "id applied_at", "name", "select id::text, true from {}"),
    _form("yoyo", "_yoyo_migration", "migration_id", "name", "select migration_id::text, true from {}"),
    _form("Sequelize", "SequelizeMeta", "name", "name", "select name::text, true from {}"),
    _form("Prisma", "_prisma_migrations", "migration_name finished_at rolled_back_at", "name",
          "select migration_name::text, finished_at is not null from {} where rolled_back_at is null"),
    _form("Drizzle", "__drizzle_migrations", "hash created_at", "hash", "select hash::text, true from {}"),
    _form("Liquibase", "databasechangelog", "id author filename", "name", "select filename::text, true from {}"),
)  # fmt: skip
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
    names = sorted({name for form in _FORMS for name in form.tables})
    books: list[Book] = []
    for schema, table, name, columns in session.execute(_FIND, (names,)).fetchall():
        form = next((one for one in _FORMS if table in one.tables and one.columns <= set(columns)), None)
        if form is not None:
            books.append(_read(session, form, sql.Identifier(schema, table), name))
    return tuple(books)


def _read(session: Connection, form: _Form, table: sql.Identifier, name: str) -> Book:
    rows = session.execute(sql.SQL(form.query).format(table)).fetchall()
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
        table=name, tool=form.tool, by=form.by, applied=tuple(str(text) for text, _ in rows), baseline=baseline,
        repeatable=repeatable, trouble=trouble,
    )  # fmt: skip

"""Ways back that a tool knows itself: how far they go, and when there is none."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from ..errors import MigrationError
from ..server.address import Address
from ..server.connection import connect
from .tools import Migration
from .values import Trace

if TYPE_CHECKING:
    from typing_extensions import LiteralString

#: How tools say that a migration has no way back: Alembic's ``raise NotImplementedError`` in ``downgrade``, Django,
#: Rails, Doctrine, Liquibase, Ecto.
_NONE = re.compile(
    r"in downgrade\b[\s\S]*?^(?P<alembic>NotImplementedError.*)$"
    r"|^.*?(?P<other>\b(?:[\w.]*IrreversibleError|(?:ActiveRecord::|[\w\\]*)IrreversibleMigration\w*"
    r"|RollbackImpossibleException|Ecto\.MigrationError\b.*cannot reverse)\b.*)$",
    re.MULTILINE,
)
_TABLE = """
select n.nspname::text from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
 where c.relname = %(name)s and n.nspname = coalesce(%(schema)s, n.nspname) and c.relkind = 'r'
 order by n.nspname = 'public' desc, n.nspname limit 1
"""


class NoWayBackError(MigrationError):
    """The migration says itself that it cannot be undone."""


def none(trace: Trace) -> str | None:
    """Return what a run printed to say that there is no way back; None if it did not."""
    found = _NONE.search(trace.output)
    if found is None:
        return None
    return " ".join((found["alembic"] or found["other"]).split())[:300]


def resolve(rollback: Migration, before: Address, after: Address) -> Migration | None:
    """Return the way back to where ``before`` is; None if nothing is to be undone.

    :param before: the copy as it was restored, ``after`` the migrated one.
    :raises MigrationError: how far to go back cannot be told.
    """
    try:
        return rollback.back_to(partial(_rows, before), partial(_rows, after))
    except psycopg.Error as error:
        raise MigrationError(f"the bookkeeping of the migration tool cannot be read: {error}") from error


def at(migration: Migration, address: Address) -> tuple[str, ...] | None:
    """Return the revisions that a copy is at; None if its tool tells by itself that nothing is to be done."""
    return migration.at(partial(_rows, address))


def _rows(address: Address, table: str, query: LiteralString) -> list[tuple[object, ...]] | None:
    schema, _, name = table.rpartition(".")
    with connect(address) as session:
        found = session.execute(_TABLE, {"name": name, "schema": schema or None}).fetchone()
        if found is None:
            return None
        return session.execute(sql.SQL(query).format(sql.Identifier(str(found[0]), name))).fetchall()

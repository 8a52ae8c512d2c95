"""Ways back that a tool knows itself: how far they go, and when there is none."""

from __future__ import annotations

import re
from dataclasses import replace

import psycopg
from psycopg import sql

from ..errors import MigrationError
from ..server.address import Address
from ..server.connection import Connection, connect
from .sources import Alembic, Django, Migration
from .values import Trace

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
 where c.relname = %s and c.relkind = 'r' order by n.nspname = 'public' desc, n.nspname limit 1
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
        if isinstance(rollback, Alembic) and rollback.back:
            return replace(rollback, revision=_revision(before))
        if isinstance(rollback, Django) and rollback.back:
            targets = _targets(_applied(before), _applied(after))
            return replace(rollback, targets=targets) if targets else None
    except psycopg.Error as error:
        raise MigrationError(f"the bookkeeping of the migration tool cannot be read: {error}") from error
    return rollback


def _revision(before: Address) -> str:
    with connect(before) as session:
        rows = _rows(session, "alembic_version", "select version_num::text from {} order by 1")
    if len(rows) > 1:
        raise MigrationError(
            "how far to go back cannot be told: the source has several revisions",
            looked_at=[", ".join(str(revision) for (revision,) in rows)],
            remedies=['say it: rollback = "cmd:alembic downgrade REVISION"'],
        )
    return str(rows[0][0]) if rows else "base"


def _applied(address: Address) -> list[tuple[str, str]]:
    """Return app and name of what is applied, in the order in which it was."""
    with connect(address) as session:
        rows = _rows(session, "django_migrations", "select app::text, name::text from {} order by id")
    return [(str(app), str(name)) for app, name in rows]


def _targets(before: list[tuple[str, str]], after: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return where each app goes back to, the one that was migrated last first."""
    there = dict(before)
    known = set(before)
    apps = dict.fromkeys(app for app, name in reversed(after) if (app, name) not in known)
    return tuple((app, there.get(app, "zero")) for app in apps)


def _rows(session: Connection, table: str, query: str) -> list[tuple[object, ...]]:
    found = session.execute(_TABLE, (table,)).fetchone()
    if found is None:
        return []
    name = sql.Identifier(str(found[0]), table).as_string(session)
    return session.execute(query.replace("{}", name).encode()).fetchall()

"""Which files of a folder are left to be run: found out before the first step, or in the restored source."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg

from ..copy.source import Source, unreachable
from ..errors import ConfigError, MigrationError
from ..migrate import bookkeeping
from ..migrate.applied import Pending, pending
from ..migrate.tools import Migration
from ..server.address import Address
from ..server.connection import connect

#: The checks that have nothing to judge when nothing is pending.
_CHECKS = (
    "migrate", "rows", "values", "foreign_keys", "denormalized", "schema", "sequences", "privileges", "locks",
    "cost", "works", "traffic", "retry", "old_release", "rollback",
)  # fmt: skip


def early(
    migration: Migration | None, rollback: Migration | None, source: Source, revision: str | None
) -> Pending | None:
    """Return what is pending, None if it takes the restored source to tell.

    :raises ConfigError: it cannot be told, or the option has no effect.
    :raises SourceError: the source's bookkeeping cannot be read.
    """
    if migration is None or not migration.folder:
        if revision is not None:
            raise ConfigError(
                f"--pgsafe-from={revision} leaves out files of a folder, and the migration is none",
                remedies=["leave it out: Alembic, Django and other tools read from the copy itself what is applied"],
            )
        return Pending(migration=migration, rollback=rollback)
    if revision is not None:
        return pending(migration, rollback, revision=revision, books=())
    if source.address is None:
        return None
    try:
        with connect(source.address, statement_timeout="60s", lock_timeout="10s") as session:
            books = bookkeeping.read(session)
    except psycopg.Error as error:
        raise unreachable(source.address, error) from error
    return pending(migration, rollback, revision=None, books=books)


def late(migration: Migration | None, rollback: Migration | None, before: Address) -> Pending:
    """Return what is pending, by the bookkeeping in the restored source.

    :raises ConfigError: it cannot be told.
    :raises MigrationError: the bookkeeping cannot be read.
    """
    assert migration is not None
    try:
        with connect(before) as session:
            books = bookkeeping.read(session)
    except psycopg.Error as error:
        raise MigrationError(f"the bookkeeping of the migration tool cannot be read: {error}") from error
    return pending(migration, rollback, revision=None, books=books)


def unused(reason: str) -> Mapping[str, str]:
    """Return why each check has nothing to judge."""
    return dict.fromkeys(_CHECKS, reason)

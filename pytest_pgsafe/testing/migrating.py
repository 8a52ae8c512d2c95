"""How a copy in a test is migrated: all the way, to a revision, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..config.values import Settings
from ..copy import restoring
from ..errors import ConfigError, MigrationError
from ..migrate import backwards
from ..migrate.applied import named, pending
from ..migrate.run import run
from ..migrate.sessions import terminate
from ..migrate.tools import Migration
from ..migrate.values import Trace
from ..rehearsal.pending import late
from ..server.address import Address
from ..server.base import Server
from ..server.connection import connect

_NO_MIGRATION = ("name it: --pgsafe-migration=X, [migration] in pgsafe.toml, or @pytest.mark.pgsafe(migration=X)",)


@dataclass(frozen=True, kw_only=True)
class Ways:
    """The migration and its way back, as they were configured for a test."""

    settings: Settings
    migration: Migration | None
    rollback: Migration | None
    #: What a command must not be able to reach by its environment.
    source: Address | None = None
    #: The copy is empty: no file is applied there, and no role of the source's is on its server.
    empty: bool = False

    def left(self, address: Address) -> tuple[Path, ...] | None:
        """Return the files of a migration that are not applied in a copy; None if its tool knows that by itself.

        :raises ConfigError: it cannot be told.
        """
        migration = self.migration
        if migration is None or not migration.files:
            return None
        if self.empty or not migration.folder:
            return migration.files
        revision = self.settings.from_rev
        told = (
            late(migration, None, address)
            if revision is None
            else pending(migration, None, revision=revision, books=())
        )
        return () if told.migration is None else told.migration.files

    def forward(self, to: str | None, left: Sequence[Path] | None) -> Migration:
        """Return the part of the migration that leads to a revision; None is the last.

        :raises ConfigError: there is no migration, or no such revision.
        :raises MigrationError: nothing is left to be run.
        """
        migration = self.migration
        if migration is None:
            raise ConfigError("no migration is configured", remedies=_NO_MIGRATION)
        if migration.files:
            return migration.only(_until(migration, to, () if left is None else left))
        return migration if to is None else migration.to(to)

    def back(self) -> Migration:
        """Return the way back.

        :raises ConfigError: there is none.
        """
        if self.rollback is None:
            raise ConfigError(
                "no way back is configured", remedies=["--pgsafe-rollback=X, or rollback in [migration] of pgsafe.toml"]
            )
        return self.rollback

    def run(self, migration: Migration, server: Server, address: Address, *, observe: bool) -> Trace:
        """Run a migration on a copy, as a rehearsal does. Sessions on the copy are ended before and after.

        :raises FailedRun: with the trace.
        :raises MigrationError: the tool ran nothing, and does not say so itself.
        """
        terminate(server, address.dbname)
        with connect(address) as connection:
            role = restoring.owner(connection, server) if self.empty else self.settings.role
            role = role or restoring.owner(connection, server)
        before = backwards.at(migration, address)
        settings = self.settings
        trace = run(
            migration, server, address,
            role=role, transaction=settings.transaction, env=settings.env, deadline=settings.timeout,
            lock_wait=settings.lock_wait,
            network=settings.network,
            folder=settings.folder, source=self.source, observed=observe,
        )  # fmt: skip
        if before is not None and before == backwards.at(migration, address):
            raise MigrationError(
                f"nothing was migrated: {migration} left the copy at {', '.join(before) or 'no revision'}",
                remedies=["name a later revision, or begin with an earlier copy of the source"],
            )
        return trace


def _until(migration: Migration, to: str | None, left: Sequence[Path]) -> tuple[Path, ...]:
    if to is not None:
        found = named(migration.files, to)
        if len(found) != 1:
            raise ConfigError(
                f"migrate(to={to!r}): " + ("it means several files" if found else "no file of the migration is meant"),
                looked_at=[file.name for file in (found or migration.files)][:20],
            )
        if found[0] not in left:
            raise MigrationError(f"nothing is left to be migrated: {found[0].name} is applied already")
        return tuple(left[: left.index(found[0]) + 1])
    if not left:
        raise MigrationError(
            "nothing is left to be migrated: every file is applied already",
            looked_at=[file.name for file in migration.files][:20],
        )
    return tuple(left)

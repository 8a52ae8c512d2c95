"""How a run's migration, its way back and its hooks are run on a copy: all of them under the same settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ..config.values import Settings
from ..migrate.run import run as migrate
from ..migrate.tools import Migration
from ..migrate.values import Trace
from ..server.address import Address
from ..server.base import Server
from . import hooks
from .steps import Steps

When = Literal["after_restore", "before_migration", "after_migration"]


@dataclass(frozen=True, kw_only=True)
class Runner:
    settings: Settings
    server: Server
    #: Who runs the migration.
    role: str
    #: What must not be reached.
    source: Address | None

    def run(
        self, migration: Migration, copy: Address, *, observed: bool = False,
        via: Callable[[Address], Address] | None = None, deadline: float | None = None,
        running: Callable[[Callable[[], None]], None] = lambda _: None,
    ) -> Trace:  # fmt: skip
        """Run a migration, or a way back.

        :param via: tells the address by which it comes to the copy.
        :param deadline: seconds, where it is to be less than what is configured.
        :param running: is given what kills a command outright.
        :raises FailedRun: with what was seen.
        """
        return migrate(
            migration,
            self.server,
            copy,
            role=self.role,
            transaction=self.settings.transaction,
            env=self.settings.env,
            deadline=min(self.settings.timeout, self.settings.timeout if deadline is None else deadline),
            lock_wait=self.settings.lock_wait,
            network=self.settings.network,
            folder=self.settings.folder,
            source=self.source,
            observed=observed,
            via=via,
            running=running,
        )

    def forth(self, migration: Migration, copy: Address) -> None:
        """Run a migration with the hooks before and after it."""
        self.hook("before_migration", copy)
        self.run(migration, copy)
        self.hook("after_migration", copy)

    def hook(self, when: When, copy: Address) -> None:
        """Run hooks.

        :raises FailedRun: one failed.
        """
        hooks.run(
            when, getattr(self.settings.hooks, when), self.settings, self.server, copy, role=self.role,
            source=self.source,
        )  # fmt: skip

    def hooked(self, when: When, copy: Address, steps: Steps) -> bool:
        """Run hooks as a step of its own, and tell whether there are any.

        :raises Stopped: one failed.
        """
        if not getattr(self.settings.hooks, when):
            return False
        with steps.step(when):
            self.hook(when, copy)
        return True

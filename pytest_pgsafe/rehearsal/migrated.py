"""The migration, run on a clone of the restored copy; of a failed one what it left, and whether anything leads back."""

from __future__ import annotations

from dataclasses import dataclass

from ..compare.values import Comparison
from ..errors import MigrationError
from ..migrate import backwards
from ..migrate.run import FailedRun
from ..migrate.tools import Migration
from ..migrate.values import Trace
from ..server.address import Address
from ..snapshot.since import Since, begin
from ..snapshot.values import NotVerified
from . import aftermath
from .known import Known, Stage
from .restored import Restored


@dataclass(frozen=True, kw_only=True)
class Migrated:
    """The migration as it ran."""

    migration: Migration
    #: The clone that it ran on.
    after: Address
    trace: Trace
    #: When the clone was equal to the copy before.
    since: Since | None = None


def migrate(restored: Restored, migration: Migration) -> Stage[Migrated]:
    """Run the migration with the hooks before and after it."""
    runner, steps = restored.runner, restored.steps
    with steps.step("clone"):
        after = restored.server.clone(restored.before, "after") if restored.ready is None else restored.ready
        since = begin(after, restored.facts, ours=restored.server.owns_cluster)
    runner.hooked("before_migration", after, steps)
    with steps.step("migrate"):
        try:
            trace = runner.run(migration, after, observed=True)
        except FailedRun as error:
            yield Known(trace=error.trace)
            yield Known(comparison=_aftermath(error, restored, after))
            raise
    yield Known(trace=trace)
    if not trace.observed:
        yield Known(not_verified=(NotVerified(object="locks", reason="no lock could be observed on this server"),))
    runner.hooked("after_migration", after, steps)
    return Migrated(migration=migration, after=after, trace=trace, since=since)


def _aftermath(error: FailedRun, restored: Restored, after: Address) -> Comparison | None:
    rollback = restored.plan.rollback
    return aftermath.tell(
        error, restored.before, after, restored.facts,
        restored=restored.seconds if restored.proven else None,
        back=None if rollback is None else lambda: _undo(rollback, after, restored),
    )  # fmt: skip


def _undo(rollback: Migration, after: Address, restored: Restored) -> None:
    """Run the way back of a migration that failed midway.

    :raises MigrationError: it failed, or there is none.
    """
    applied = backwards.resolve(rollback, restored.before, after)
    if applied is None:
        raise MigrationError("its tool has not noted anything that could be taken back")
    restored.runner.run(applied, after)

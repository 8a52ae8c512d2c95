"""The stages before the migration: the backup, and the copy that is restored of it, proven and made harmless."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from ..backup.take import Backup
from ..checks.restored import computed_again, not_restored, stored_by_server
from ..checks.values import Finding
from ..compare import not_carried, not_restored_with_extensions, unknown
from ..compare.restored import refuse
from ..config.values import Settings
from ..copy import calibration, restoring
from ..copy.backups import backup_of
from ..copy.likeness import Likeness, likeness
from ..copy.repositories import recovered_from
from ..copy.vacuous import emptied, out_of_date, without_content
from ..migrate import isolation
from ..pitr.engines.recover import Restored as Recovered
from ..server.address import Address
from ..server.base import Server
from ..server.connection import Connection, connect
from ..snapshot.foreign_keys import checked_by_restore
from ..snapshot.since import begin, take_since
from ..snapshot.take import take as read_facts
from ..snapshot.values import NotVerified, Snapshot
from .known import Known, Stage
from .preflight import Plan
from .running import Runner
from .steps import Steps

_SUBSCRIPTIONS = """
select pg_catalog.quote_ident(u.subname) from pg_catalog.pg_subscription u
join pg_catalog.pg_database d on d.oid = u.subdbid where d.datname = pg_catalog.current_database() order by 1
"""


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A run whose server is there."""

    settings: Settings
    plan: Plan
    steps: Steps
    server: Server
    #: A private folder where the backup of the source is left, or found if another process took it.
    backups: Path


@dataclass(frozen=True, kw_only=True)
class Restored:
    """A copy of the source, as it was before the migration: it is never migrated itself, its clones are."""

    settings: Settings
    plan: Plan
    steps: Steps
    server: Server
    before: Address
    #: Of ``before``.
    facts: Snapshot
    #: Runs a migration, its way back or its hooks on a clone.
    runner: Runner
    #: What a copy has of the source's server.
    like: Likeness
    #: None where the source is built from files.
    backup: Backup | None
    #: What a restore has to equal: the source, where its facts are known.
    reference: Snapshot
    #: Of the restore alone, without the proof.
    seconds: float
    #: A clone of it that was made when it was kept, for the migration; None where one is to be made.
    ready: Address | None = None

    @property
    def proven(self) -> bool:
        """Whether it was proven equal to the source."""
        return self.backup is not None and self.backup.facts is not None


def take(begun: Begun) -> Stage[Backup | None]:
    """Take the backup of the source, or open the one that is the source; None if there is none."""
    source, limit, now = begun.plan.source, begun.settings.max_age, datetime.now(timezone.utc)
    if source.kind == "sql":
        begun.steps.skip("backup", "the source is built from .sql files")
        yield Known(not_verified=tuple(out_of_date(None, limit, now)))
        return None
    with begun.plan.turn(), begun.steps.step("backup"):
        upgrade = begun.plan.major is not None
        backup = backup_of(source, begun.backups, begun.server.programs, restored_next=True, upgrade=upgrade)
        recovered = recovered_from(begun.backups, backup, source, begun.server, begun.plan.choice.origin)
        yield Known(recovered=recovered, taken=_taken(backup, recovered))
        yield Known(not_verified=tuple(out_of_date(backup, limit, datetime.now(timezone.utc), recovered)))
        yield Known(not_verified=tuple(emptied(backup.facts, recovered)))
        return backup


def restore(begun: Begun, backup: Backup | None) -> Stage[Restored]:
    """Fill ``before``, prove it equal to the source, and make it harmless."""
    settings, plan, server = begun.settings, begun.plan, begun.server
    source = None if backup is None else backup.facts
    catalog = None if source is None else source.catalog
    with begun.steps.step("restore"):
        started = time.monotonic()
        names = () if source is not None else restoring.role_names(plan.source, backup)
        like = likeness(
            catalog, () if settings.source is None else settings.source.settings,
            archive=None if backup is None else backup.archive, role=settings.role,
        )  # fmt: skip
        like = replace(like, own_defaults=plan.major is not None)
        yield Known(like=like)
        owners = restoring.owner_names(plan.source, backup)
        prepared = restoring.prepare(server, catalog, names, owners=owners, like=like)
        yield Known(not_verified=prepared.not_verified)
        left_out = restoring.fill(plan.source, backup, prepared, server)
        if backup is not None and backup.manifest is not None:
            left_out = (*backup.manifest.stored, *left_out)
        notes = stored_by_server(left_out)
        yield Known(notes=notes)
        seconds = time.monotonic() - started
        unmade = restoring.finish(catalog, prepared, server)
        yield Known(not_verified=unmade)
        with connect(prepared.address) as connection:
            role = settings.role or restoring.owner(connection, server)
            # A role that may not log in is given leave, which is not to look like the migration's doing.
            server.address(prepared.address.dbname, user=role)
            facts = read_facts(connection, source=source)
        yield Known(not_verified=facts.not_verified)
        if backup is not None and source is not None:
            source = _counted(source, facts)
            backup = replace(backup, facts=source)
        reference = facts if source is None else source
        yield Known(reference=reference)
        gaps = without_content(facts, plan.source.kind)
        # That nothing was restored as nothing is proven; what a migration does to rows is not.
        yield Known(not_verified=tuple(gaps) if plan.migration is not None else ())
        if source is None:
            yield Known(source_version=str(plan.source.version or facts.server_version))
            yield Known(not_verified=(_without_facts(plan, backup),))
        else:
            yield Known(source_version=source.server_version)
            yield from _prove(begun, source, facts, prepared, notes=notes, unmade={gap.object for gap in unmade})
        restored_as = begin(prepared.address, facts, ours=server.owns_cluster)
        with connect(prepared.address, read_only=False) as connection:
            yield Known(not_verified=unsubscribed(connection))
            if isolation.isolate(connection):
                # Servers and subscriptions differ from the source's from here on, on purpose.
                facts, _ = take_since(connection, restored_as)
    runner = Runner(settings=settings, server=server, role=role, source=plan.source.address)
    facts = hooked(begun, runner, prepared.address, facts)
    yield Known(functions={name: function.definition for name, function in facts.catalog.functions.items()})
    return Restored(
        settings=settings, plan=plan, steps=begun.steps, server=server, before=prepared.address, facts=facts,
        runner=runner, like=like, backup=backup, reference=reference, seconds=seconds,
    )  # fmt: skip


def unsubscribed(connection: Connection) -> tuple[NotVerified, ...]:
    """Return what has to be said of the subscriptions that the copy loses when it is isolated."""
    found = connection.execute(_SUBSCRIPTIONS).fetchall()
    return tuple(NotVerified(object=str(name), reason="a subscription: the copy has none") for (name,) in found)


def hooked(begun: Begun, runner: Runner, copy: Address, facts: Snapshot) -> Snapshot:
    """Run the hooks ``after_restore`` on a copy; return its facts behind them."""
    if not begun.settings.hooks.after_restore:
        return facts
    before = begin(copy, facts, ours=begun.server.owns_cluster)
    runner.hooked("after_restore", copy, begun.steps)
    with connect(copy) as connection:
        behind, _ = take_since(connection, before)
    return behind


def _counted(source: Snapshot, facts: Snapshot) -> Snapshot:
    """Return a source's facts with the foreign keys that were left to its restore.

    Between equal tables they hold what they hold in the copy; tables that are not equal end the run.
    """
    left = checked_by_restore(source.catalog) - source.foreign_keys.keys() - {gap.object for gap in source.not_verified}
    counted = {name: facts.foreign_keys[name] for name in left if name in facts.foreign_keys}
    return replace(source, foreign_keys=dict(sorted({**source.foreign_keys, **counted}.items())))


def _taken(backup: Backup, recovered: Recovered | None) -> datetime | None:
    """Return the moment of what is restored, in UTC; None where a dump does not say it."""
    if recovered is not None:
        return recovered.until.astimezone(timezone.utc)
    return None if backup.manifest is None else backup.manifest.taken_at.astimezone(timezone.utc)


def _without_facts(plan: Plan, backup: Backup | None) -> NotVerified:
    reason = f"a source of kind {plan.source.kind} has no facts"
    if backup is not None:
        reason += "; which indexes are INVALID there is not known, and the copy has none of them"
    return NotVerified(object="restore", reason=reason)


def _prove(
    begun: Begun, source: Snapshot, facts: Snapshot, prepared: restoring.Prepared,
    *, notes: Sequence[Finding], unmade: Collection[str],
) -> Stage[None]:  # fmt: skip
    noted = {note.object for note in notes}
    not_carried_over = tuple(gap for gap in not_carried(source.catalog, facts.catalog) if gap.object not in unmade)
    yield Known(
        compared=facts,
        notes=(*stored_by_server(unknown.of_servers(source, facts, noted)), *computed_again(source, facts)),
        not_verified=(
            *source.not_verified,
            *not_carried_over,
            *not_restored_with_extensions(source, facts),
            *unknown.of_objects(source, facts, noted),
        ),
    )
    changes, own = calibration.without_own(restoring.unequal(source, facts, prepared), begun.server)
    yield Known(notes=stored_by_server(own), findings=not_restored(changes))
    refuse(changes, "the restored copy is not equal to the source")

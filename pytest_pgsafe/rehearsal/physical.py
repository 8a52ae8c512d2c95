"""A copy that is the recovered cluster itself: nothing is dumped, and nothing restored but by who kept the backup.

It is what a restored copy is: one database, harmless to others, on a server that is shut in. And it is what a restore
never is: INVALID indexes, bloat, statistics, OIDs and columns that were dropped are the source's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone

from ..copy import restoring
from ..copy.alone import Alone, load_again
from ..copy.likeness import give, likeness
from ..copy.repositories import cluster_of_repository, equals, readable
from ..copy.source import Source
from ..copy.vacuous import emptied, out_of_date, without_content
from ..migrate import isolation
from ..pitr.engines.recover import Restored as Recovered
from ..server.address import Address
from ..server.base import Server
from ..server.connection import connect
from ..server.extensions import check_extensions
from ..snapshot.take import take as read_facts
from ..snapshot.values import NotVerified, Snapshot
from . import restored
from .known import Known, Stage
from .preflight import Plan
from .restored import Begun, Restored, hooked, unsubscribed
from .running import Runner
from .steps import Steps

#: Their rows held passwords, which would still stand in their files, and in the segment that is written now.
_LEFT = (
    "vacuum (full) pg_catalog.pg_foreign_server, pg_catalog.pg_user_mapping, pg_catalog.pg_subscription",
    "select pg_catalog.pg_switch_wal()",
)
_EXTENSIONS = "select extname::text from pg_catalog.pg_extension"


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A cluster that a scratch server has taken over."""

    alone: Alone
    recovered: Recovered


def begin(plan: Plan, steps: Steps, *, restoring: bool = False) -> tuple[Server, Taken | None]:
    """Start the scratch server: an empty one, or the source's cluster, recovered, with one database left in it.

    :param restoring: an empty one is only restored into, as :meth:`.preflight.Plan.start` has it.
    :raises Stopped: a step of it failed.
    """
    source = plan.source
    if not plan.physical:
        with steps.step("server"):
            return plan.start(restoring=restoring), None
    assert source.repository is not None
    assert plan.choice.copy is not None
    with ExitStack() as held:
        with plan.turn(), steps.step("backup"):
            found = held.enter_context(cluster_of_repository(source.repository, jobs=source.jobs))
        with steps.step("server"):
            return plan.choice.copy(found[0].template), Taken(alone=found[0], recovered=found[1])


def copied(begun: Begun, taken: Taken | None) -> Stage[Restored]:
    """Make the copy of the source: restored from a backup, or what the server holds already."""
    if taken is not None:
        return (yield from _adopt(begun, taken))
    backup = yield from restored.take(begun)
    return (yield from restored.restore(begun, backup))


def _adopt(begun: Begun, taken: Taken) -> Stage[Restored]:
    """Make the copy harmless, and read what it holds; it is the reference of itself."""
    settings, plan, server = begun.settings, begun.plan, begun.server
    alone, recovered = taken.alone, taken.recovered
    address = server.address(alone.dbname)
    with begun.steps.step("restore"), readable():
        yield Known(recovered=recovered, physical=True, taken=recovered.until.astimezone(timezone.utc))
        yield Known(
            not_verified=(
                *out_of_date(None, settings.max_age, datetime.now(timezone.utc), recovered),
                *alone.not_verified,
            )
        )
        configured = () if settings.source is None else settings.source.settings
        like = likeness(None, configured, role=settings.role)
        yield Known(like=like, not_verified=(*load_again(server, alone.loads), *_not_proven(alone)))
        _, refused = give(like, server, address)
        yield Known(not_verified=refused)
        with connect(address, read_only=False) as connection:
            needed = [str(name) for (name,) in connection.execute(_EXTENSIONS)]
            check_extensions(needed, server.extensions(), plan.choice.origin)
            _compare(plan.source, address)
            yield Known(not_verified=unsubscribed(connection))
            isolation.isolate(connection)
            for statement in _LEFT:
                connection.execute(statement.encode())
            role = settings.role or restoring.owner(connection, server)
        # A role that may not log in is given leave, which is not to look like the migration's doing.
        server.address(alone.dbname, user=role)
        facts = _facts(address)
        yield Known(
            not_verified=facts.not_verified, compared=facts, reference=facts, source_version=str(server.version)
        )
        yield Known(not_verified=tuple(emptied(facts, recovered)))
        gaps = without_content(facts, plan.source.kind)
        yield Known(not_verified=tuple(gaps) if plan.migration is not None else ())
    runner = Runner(settings=settings, server=server, role=role, source=None)
    behind = hooked(begun, runner, address, facts)
    yield Known(functions={name: function.definition for name, function in behind.catalog.functions.items()})
    return Restored(
        settings=settings, plan=plan, steps=begun.steps, server=server, before=address, facts=behind, runner=runner,
        like=like, backup=None, reference=facts, seconds=recovered.recovered.seconds,
    )  # fmt: skip


def _facts(address: Address) -> Snapshot:
    with connect(address) as connection:
        return read_facts(connection)


def _compare(source: Source, address: Address) -> None:
    """Hold what was recorded against the copy, while its servers and subscriptions are the source's.

    :raises BackupError: with the differences.
    """
    assert source.repository is not None
    recorded = source.repository.facts
    if recorded is not None:
        equals(recorded, _facts(address))


def _not_proven(alone: Alone) -> Iterator[NotVerified]:
    """Say what a restore proves and a physical copy does not."""
    pages = "each page fits its checksum" if alone.pages else "the cluster has no page checksums"
    yield NotVerified(
        object="restore",
        reason=f"the copy is physical: {pages}, and the recovery reached its end; that rows fulfil CHECK and NOT NULL "
        "constraints, and that indexes agree with their tables, only a restore would prove",
    )

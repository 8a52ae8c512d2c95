"""The step that runs the migration once more while others work on the tables that it locks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..checks.blame.places import places
from ..checks.locking import concerns, table_before
from ..checks.values import Evidence
from ..reading.values import Place
from ..traffic.order import holds, inversions, sent, taken
from ..traffic.tries import Scene, try_all
from ..traffic.values import Taken
from .judged import Judged
from .known import Known, Stage
from .retried import forth, unseen

#: Seconds that all of it may take in any case; and no more than this part of what the rehearsal has taken.
LEAST, PART = 20.0, 0.5
_NOTHING = "nothing is to be tried: the migration keeps nobody out of a table that was there before"


def go(judged: Judged) -> Stage[Evidence]:
    """Put those beside the migration who may suffer by it; return the evidence with what came of it."""
    restored = judged.restored
    if restored.settings.traffic.clients == 0:
        return judged.evidence
    reason = unseen(judged)
    locks = () if reason is not None else _taken(judged)
    if reason is None and not locks and not restored.settings.traffic.scripts:
        reason = _NOTHING
    if reason is not None:
        yield Known(unused={"traffic": reason})
        return judged.evidence
    with restored.steps.step("traffic"):
        before, after = judged.evidence.comparison.before.catalog, judged.evidence.comparison.after.catalog
        # What the application does is known then.
        scripted = bool(restored.settings.traffic.scripts)
        orders = () if scripted else tuple(inversions(locks, (before, after), _production(judged)))
        found = try_all(holds(locks), orders, _scene(judged, locks), budget=_budget(judged))
    yield Known(traffic=found)
    if not found.probes:
        yield Known(unused={"traffic": _NOTHING})
    return replace(judged.evidence, traffic=found)


def _taken(judged: Judged) -> tuple[Taken, ...]:
    """Return the locks that keep others out, and those of statements that wait for others."""
    evidence, found_at = judged.evidence, places(judged.migrated.migration, judged.migrated.trace)

    def place(text: str) -> Place | None:
        return next(found_at.get(text, iter(())), None)

    tables = evidence.comparison.before.catalog.tables
    locks = [
        replace(lock, relation=table_before(evidence, lock.relation))
        for lock in judged.migrated.trace.locks
        if concerns(evidence, lock)
        or ("CONCURRENTLY" in lock.statement.upper() and table_before(evidence, lock.relation) in tables)
    ]
    return taken(judged.migrated.trace, locks, place)


def _scene(judged: Judged, locks: tuple[Taken, ...]) -> Scene:
    catalog = judged.evidence.comparison.before.catalog
    return Scene(
        ground=forth(judged),
        migration=judged.migrated.migration,
        facts=judged.evidence.comparison.before,
        locks=locks,
        oids={one.name: one.oid for one in (*catalog.tables.values(), *catalog.views.values())},
        clients=judged.restored.settings.traffic.clients,
        scripts=judged.restored.settings.traffic.scripts,
        first=next(iter(sent(judged.migrated.trace.statements, lambda _: None)), None),
    )


def _production(judged: Judged) -> Mapping[str, int] | None:
    """Return the OIDs of the source's tables; None where they are not known."""
    if judged.restored.plan.source.kind != "database":
        return None
    return {name: table.oid for name, table in judged.restored.reference.catalog.tables.items()}


def _budget(judged: Judged) -> float:
    budget = judged.restored.settings.traffic.budget
    if budget is not None:
        return budget
    return max(LEAST, PART * sum(step.seconds for step in judged.restored.steps.done))

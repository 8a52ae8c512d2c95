"""The step that breaks the migration off and runs it again, before its way back is gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..checks.blame.explained import places
from ..checks.bookkeeping import keeps_books
from ..checks.values import Evidence
from ..migrate.tables import every
from ..migrate.tools import Migration
from ..reading.values import Place
from ..retry.between import PLAIN
from ..retry.points import points, units
from ..retry.tries import Ground, attempt_all
from ..retry.values import Point, Retried, Unit
from .judged import Judged
from .known import Known, Stage

#: Seconds that all points together may take in any case; and no more than this part of what the rehearsal has taken.
LEAST, PART = 3.0, 0.5
#: Seconds that a run may take in any case; it is a hang beyond that and ten times what it took uninterrupted.
PATIENCE = 60.0


def go(judged: Judged) -> Stage[Evidence]:
    """Try the points worth trying, and return the evidence with what came of them."""
    settings = judged.restored.settings
    if settings.retry.points == 0:
        return judged.evidence
    reason = _nothing(judged)
    found: tuple[Point, ...] = ()
    if reason is None:
        effective = _units(judged)
        found = points(
            effective,
            files=judged.migrated.migration.folder and not settings.transaction,
            handled=not judged.migrated.migration.files,
        )
        if not found:
            reason = "nothing is to be tried: wherever it is broken off, all of it is left or nothing"
    if reason is not None:
        yield Known(unused={"retry": reason})
        return judged.evidence
    with judged.restored.steps.step("retry"):
        retried = _tried(judged, found)
    yield Known(retried=retried)
    if not retried.attempts:
        yield Known(unused={"retry": f"nothing was tried: {'; '.join(retried.left_out)}"})
    return replace(judged.evidence, retried=retried)


def _nothing(judged: Judged) -> str | None:
    """Return why nothing can be tried."""
    restored, trace = judged.restored, judged.migrated.trace
    if not trace.observed:
        return "nothing was tried: the statements of the migration cannot be seen on this server"
    if restored.server.address().parameters.get("sslmode") not in PLAIN:
        return "nothing was tried: the server is reached by TLS alone, and statements cannot be seen in it"
    return None


def _units(judged: Judged) -> tuple[Unit, ...]:
    found_at = places(judged.migrated.migration)

    def place(text: str) -> Place | None:
        return next(found_at.get(text, iter(())), None)

    return units(judged.migrated.trace.statements, books={one.name.lower() for one in every()}, place=place)


def _tried(judged: Judged, found: tuple[Point, ...]) -> Retried:
    restored, migrated = judged.restored, judged.migrated
    runner = restored.runner
    comparison = judged.evidence.comparison
    catalog = comparison.after.catalog
    records = tuple(table for table in catalog.tables if keeps_books(catalog, table))
    budget = restored.settings.retry.budget
    if budget is None:
        budget = max(LEAST, PART * sum(step.seconds for step in restored.steps.done))
    ground = Ground(
        server=restored.server,
        before=restored.before,
        end=judged.evidence.comparison.after,
        run=lambda migration, copy, via, deadline: runner.run(migration, copy, via=via, deadline=deadline),
        prepare=lambda copy: runner.hook("before_migration", copy),
        finish=lambda copy: runner.hook("after_migration", copy),
        written=tuple(
            table
            for table, rows in comparison.rows.items()
            if table in comparison.before.catalog.tables and any((rows.gone, rows.added, *rows.changed.values()))
        ),
        patience=min(restored.settings.timeout, PATIENCE + 10 * migrated.trace.seconds),
    )
    return attempt_all(
        found, _rest(migrated.migration, transaction=restored.settings.transaction), migrated.migration, ground,
        most=restored.settings.retry.points, budget=budget,
        remembers=not migrated.migration.files and bool(records), records=records,
    )  # fmt: skip


def _rest(migration: Migration, *, transaction: bool) -> Callable[[Point], Migration]:
    """Return what runs again after a point: of a folder the files that had not ended."""

    def rest(point: Point) -> Migration:
        if not migration.folder or transaction:
            return migration
        names = [file.name for file in migration.files]
        begun = names.index(point.unit.cited.file) if point.unit.cited.file in names else 0
        return migration.only(migration.files[begun:])

    return rest

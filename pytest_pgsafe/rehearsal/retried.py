"""The step that breaks the migration off and runs it again, before its way back is gone."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial

from ..checks.blame.places import places
from ..checks.bookkeeping import keeps_books
from ..checks.values import Evidence
from ..config.values import Settings
from ..errors import MigrationError
from ..migrate import backwards
from ..migrate.tables import every
from ..migrate.tools import Migration
from ..migrate.values import Trace
from ..reading.values import Place
from ..retry.between import PLAIN
from ..retry.points import points, units
from ..retry.tries import Copy, Ground, attempt_all
from ..retry.values import Point, Retried
from ..server.address import Address
from ..server.base import Server
from ..server.connection import connect
from ..snapshot.since import begin, take_since
from ..snapshot.values import Snapshot
from .fresh import fresh
from .judged import Judged
from .known import Known, Stage
from .restored import Restored
from .running import Runner

#: Seconds that all points together may take in any case; and no more than this part of what the rehearsal has taken.
LEAST, PART = 3.0, 0.5
#: Seconds that a run may take in any case; it is a hang beyond that and ten times what it took uninterrupted.
PATIENCE = 60.0


def go(judged: Judged) -> Stage[Evidence]:
    """Try the points worth trying, of the way back as well if that is wanted; return the evidence with what came."""
    settings = judged.restored.settings
    if settings.retry.points == 0:
        return judged.evidence
    reason = unseen(judged)
    if reason is not None:
        yield Known(unused={"retry": reason})
        return judged.evidence
    found = _points(judged.migrated.trace, judged.migrated.migration, settings)
    retried = Retried()
    if found:
        with judged.restored.steps.step("retry"):
            retried = _tried(judged, found)
    if settings.retry.back and judged.restored.plan.rollback is not None:
        with judged.restored.steps.step("retry_back"):
            retried = _with_back(judged, judged.restored.plan.rollback, retried)
    yield Known(retried=retried)
    if not retried.attempts:
        reason = "nothing is to be tried: wherever it is broken off, all of it is left or nothing"
        if retried.left_out:
            reason = f"nothing was tried: {'; '.join(retried.left_out)}"
        yield Known(unused={"retry": reason})
    return replace(judged.evidence, retried=retried)


def unseen(judged: Judged) -> str | None:
    """Return why nothing can be tried: the statements of a run cannot be seen."""
    restored, trace = judged.restored, judged.migrated.trace
    if not trace.observed:
        return "nothing was tried: the statements of the migration cannot be seen on this server"
    if restored.server.address().parameters.get("sslmode") not in PLAIN:
        return "nothing was tried: the server is reached by TLS alone, and statements cannot be seen in it"
    return None


def _points(trace: Trace, migration: Migration, settings: Settings) -> tuple[Point, ...]:
    found_at = places(migration, trace)

    def place(text: str) -> Place | None:
        return next(found_at.get(text, iter(())), None)

    effective = units(trace.statements, books={one.name.lower() for one in every()}, place=place)
    return points(effective, files=migration.folder and not settings.transaction, handled=not migration.files)


def _tried(judged: Judged, found: tuple[Point, ...]) -> Retried:
    restored, migrated, comparison = judged.restored, judged.migrated, judged.evidence.comparison
    written = (table for table, rows in comparison.rows.items() if any((rows.gone, rows.added, *rows.changed.values())))
    ground = replace(
        forth(judged), written=tuple(table for table in written if table in comparison.before.catalog.tables)
    )
    return _all(restored, found, migrated.migration, ground)


@contextmanager
def _before(restored: Restored, name: str) -> Generator[Copy]:
    with fresh(restored, name) as copy:
        made = _copy(copy.server, copy.address, copy.runner)
        yield replace(
            made,
            prepare=partial(copy.runner.hook, "before_migration", copy.address),
            finish=partial(copy.runner.hook, "after_migration", copy.address),
        )


@contextmanager
def _migrated(restored: Restored, after: Address, name: str) -> Generator[Copy]:
    clone = restored.server.clone(after, name)
    try:
        yield _copy(restored.server, clone, restored.runner)
    finally:
        restored.server.drop(clone)


def _copy(server: Server, address: Address, runner: Runner) -> Copy:
    def run(
        migration: Migration, via: Callable[[Address], Address], deadline: float,
        running: Callable[[Callable[[], None]], None],
    ) -> object:  # fmt: skip
        return runner.run(migration, address, via=via, deadline=deadline, running=running)

    return Copy(server=server, address=address, run=run)


def _with_back(judged: Judged, rollback: Migration, retried: Retried) -> Retried:
    """Try the way back as well: where it begins, the migration has ended."""
    restored, after = judged.restored, judged.migrated.after
    clone = restored.server.clone(after, "back")
    migrated = judged.evidence.comparison.after
    try:
        since = begin(clone, migrated, ours=restored.server.owns_cluster)
        applied = backwards.resolve(rollback, restored.before, clone)
        if applied is None:
            return retried
        trace = restored.runner.run(applied, clone, observed=True)
        with connect(clone) as session:
            end, _ = take_since(session, since)
        found = _points(trace, applied, restored.settings)
        if not found:
            return retried
        back = _all(
            restored,
            found,
            applied,
            _ground(restored, partial(_migrated, restored, after), migrated, (end, clone), trace.seconds),
        )
    except MigrationError as error:
        # That it fails is told by its own item.
        return replace(retried, left_out=(*retried.left_out, f"the way back: {error.message}"))
    finally:
        restored.server.drop(clone)
    return replace(
        back,
        attempts=(*retried.attempts, *(replace(one, back=True) for one in back.attempts)),
        left_out=(*retried.left_out, *(f"the way back: {text}" for text in back.left_out)),
    )


def forth(judged: Judged) -> Ground:
    """Return what the migration is tried on once more, with the hooks around it."""
    restored, migrated = judged.restored, judged.migrated
    return replace(
        _ground(
            restored, partial(_before, restored), restored.facts, (judged.evidence.comparison.after, migrated.after),
            migrated.trace.seconds,
        ),
        beside=os.cpu_count() or 1 if restored.server.layered else 1,
    )  # fmt: skip


def _ground(
    restored: Restored, copy: Callable[[str], AbstractContextManager[Copy]], facts: Snapshot,
    end: tuple[Snapshot, Address], seconds: float,
) -> Ground:  # fmt: skip
    return Ground(
        copy=copy,
        facts=facts,
        end=end[0],
        ended=end[1],
        patience=min(restored.settings.timeout, PATIENCE + 10 * seconds),
    )


def _all(restored: Restored, found: tuple[Point, ...], migration: Migration, ground: Ground) -> Retried:
    catalog = ground.end.catalog
    records = tuple(table for table in catalog.tables if keeps_books(catalog, table))
    budget = restored.settings.retry.budget
    if budget is None:
        budget = max(LEAST, PART * sum(step.seconds for step in restored.steps.done))
    return attempt_all(
        found, _rest(migration, transaction=restored.settings.transaction), migration, ground,
        most=restored.settings.retry.points, budget=budget, remembers=not migration.files and bool(records),
        records=records,
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

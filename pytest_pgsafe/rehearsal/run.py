"""The whole way: back up, restore, prove, clone, migrate, compare, judge, roll back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from ..checks import judge
from ..checks.values import Evidence
from ..config.values import Settings
from ..progress import SILENT, Progress
from ..server.connection import connect
from ..server.private import private_folder
from ..snapshot.values import Snapshot
from . import (
    announcements,
    baseline,
    beside,
    denormalized,
    kept,
    majors,
    next_major,
    pending,
    physical,
    released,
    retried,
    returning,
    stepwise,
)
from .judged import Judged, compare
from .known import Known, Stage, gathered
from .migrated import migrate
from .preflight import Plan, preflight
from .restored import Begun, Restored
from .rules import announced, resolve_rules
from .steps import Steps, Stopped
from .unjudged import nothing_to_judge
from .values import Result

#: What is done once the migration was judged, in order. A new stage is a module and its line here: it takes what is
#: there by then, yields what comes to be known, and returns the evidence with what it found added.
LATER: tuple[Callable[[Judged], Stage[Evidence]], ...] = (beside.go, retried.go, released.go, returning.go)


def rehearse(
    settings: Settings,
    progress: Progress = SILENT,
    plan: Plan | None = None,
    *,
    backups: Path | None = None,
    seen: Callable[[Snapshot], None] | None = None,
) -> Result:
    """Rehearse a migration, or without one the restore alone.

    A step that fails ends the run and stands in the result. Everything that was started or made is gone
    afterwards, also when the run is interrupted.

    :param progress: is told the name of each step before it begins.
    :param plan: what :func:`~.preflight.preflight` found, if it was called already.
    :param backups: a private folder where the backup of the source is left, or found if another process took it.
    :param seen: is given the source before the migration, once the rehearsal is over and if it came so far.
    :raises UsageError: nothing could be started.
    """
    plan = preflight(settings) if plan is None else plan
    steps = Steps(progress)
    with private_folder("rehearsal", swept=True) as folder:
        known = _known(settings, plan, steps, folder if backups is None else backups)
    if seen is not None and known.reference is not None:
        seen(known.reference)
    return known.explained(settings, steps)


def _known(settings: Settings, plan: Plan, steps: Steps, backups: Path) -> Known:
    """Run all stages on the scratch server, and return what is known when they end."""
    obtained = kept.obtain(settings, plan, steps, backups, Known(plan=plan))
    with ExitStack() as held:
        if obtained.base is not None:
            held.callback(obtained.base.release)
        if obtained.ended:
            return obtained.known
        known = obtained.known
        taken: physical.Taken | None = None
        try:
            if obtained.base is not None:
                server = kept.start(obtained, plan, steps)
            else:
                server, taken = physical.begin(plan, steps)
        except Stopped:
            return known
        held.enter_context(server)
        if known.server is None:
            described = server.describe()
            gaps = () if plan.major is not None else majors.gap(plan.source.version, described["version"])
            known = known.joined(Known(server=described, not_verified=gaps))
        begun = Begun(settings=settings, plan=plan, steps=steps, server=server, backups=backups)
        known = gathered(known, _stages(begun, obtained, taken))
        # Not after an interruption or a defect: nobody would be told what was left running.
        if settings.server.keep and known.result(settings, steps).verdict != "passed":
            known = replace(known, kept="\n".join(server.keep()))
    return known


def _stages(begun: Begun, obtained: kept.Obtained, taken: physical.Taken | None) -> Stage[None]:
    if obtained.base is not None:
        copy = yield from kept.recalled(begun, obtained)
    else:
        copy = yield from physical.copied(begun, taken)
    yield from next_major.go(begun, copy)
    copy = yield from _decide(copy)
    migration = copy.plan.migration
    if migration is None:
        return
    _check_rules(copy)
    copy = released.prepare(copy)
    migrated = yield from migrate(copy, migration)
    judged = yield from compare(copy, migrated)
    findings = judge(judged.evidence)
    yield Known(findings=findings)
    for stage in LATER:
        evidence = yield from stage(judged)
        judged = replace(judged, evidence=evidence)
        findings = judge(evidence)
        yield Known(findings=findings)
    if begun.settings.update:
        # Not before every effect is known, and then judged by what was written.
        with begun.steps.step("baseline"):
            section, written = baseline.update(begun.settings, findings)
            yield Known(baseline=written)
        rules = judged.evidence.rules
        findings = judge(replace(judged.evidence, rules=replace(rules, baseline=section)))
        yield Known(findings=findings)
    yield Known(
        findings=stepwise.blame(judged, findings),
        unused=dict(nothing_to_judge(judged.evidence, {finding.check for finding in findings})),
    )


def _decide(copy: Restored) -> Stage[Restored]:
    """Find out what is pending in the restored source, where that was not known before; nothing is said so."""
    plan, settings = copy.plan, copy.settings
    if not plan.decided:
        with copy.steps.step("pending"):
            found = pending.late(plan.migration, plan.rollback, copy.before)
            plan = replace(
                plan, migration=found.migration, rollback=found.rollback, left_out=found.reason, decided=True
            )
        yield Known(plan=plan)
    if plan.migration is None and plan.left_out is not None:
        copy.steps.skip("migrate", plan.left_out)
        yield Known(unused=pending.unused(plan.left_out))
        if settings.update:
            yield Known(baseline="nothing, since no migration was run")
    return replace(copy, plan=plan)


def _check_rules(copy: Restored) -> None:
    """Find out that the team's rules can be checked here, before anything is migrated."""
    rules = announced(copy.settings, copy.plan.migration)
    if rules.denormalized or rules.references or rules.foreign_keys or announcements.holds_sql(rules.expect):
        with copy.steps.step("rules"), connect(copy.before) as connection:
            resolved, catalog = resolve_rules(rules, copy.facts.catalog), copy.facts.catalog
            denormalized.check(resolved, catalog, connection)
            announcements.check(resolved, catalog, connection)

"""The migrated clone compared with the copy before, and all that the checks may look at."""

from __future__ import annotations

from dataclasses import dataclass

from ..checks.values import Evidence
from ..copy.comparing import compare_databases
from ..server.connection import connect
from ..snapshot.since import take_since
from . import judging
from .assumed import assumed
from .known import Known, Stage
from .migrated import Migrated
from .restored import Restored
from .rules import announced, predicates, resolve_rules


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What the stages after the migration go on with: each returns the evidence with what it found added."""

    restored: Restored
    migrated: Migrated
    evidence: Evidence


def compare(restored: Restored, migrated: Migrated) -> Stage[Judged]:
    """Compare the clone with the copy before the migration."""
    settings, facts, trace = restored.settings, restored.facts, migrated.trace
    with (
        restored.steps.step("compare"),
        connect(restored.before) as before,
        connect(migrated.after, read_only=False) as after,
    ):
        rules = resolve_rules(announced(settings, migrated.migration, trace), facts.catalog)
        now, reread = take_since(after, migrated.since)
        comparison = compare_databases(
            before, after, facts, now, settings.report.samples, where=predicates(rules, facts.catalog)
        )
        yield Known(
            rows=rules.source_rows,
            reread=reread,
            comparison=comparison,
            compared=facts,
            not_verified=(
                *comparison.not_verified,
                *judging.unmatched(settings.report.mask, comparison),
                *assumed(comparison, trace, restored.like.settings or ()),
            ),
        )
        evidence = judging.evidence(comparison, trace, rules, before, after)
        yield Known(tried=evidence.tried, not_verified=evidence.tried.untried, unused=judging.untried(evidence))
    return Judged(restored=restored, migrated=migrated, evidence=evidence)

"""Which revision did harm: run once more on a fresh clone, revision by revision, when the whole has error findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..checks import judge
from ..checks.values import Finding, Rules, Severity
from ..copy.comparing import compare_databases
from ..errors import StepError
from ..migrate.tools import Migration
from ..server.connection import connect
from ..snapshot.since import begin, take_since
from . import judging
from .fresh import fresh
from .judged import Judged
from .restored import Restored

_Key = tuple[str, str, str | None]


def blame(judged: Judged, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings, each with the revision that it came with, as far as that can be told.

    Nothing is run when there is one revision alone or no error among them. It is a help for people: what goes wrong in
    it changes no verdict, and is told as the reason of a skipped step.
    """
    revisions = [revision.name for revision in judged.migrated.trace.revisions]
    parts = judged.migrated.migration.parts(revisions)
    if len(parts) < 2 or not any(finding.severity is Severity.ERROR for finding in findings):
        return tuple(findings)
    try:
        with judged.restored.steps.optional("revisions"):
            came = _follow(parts, judged.restored, judged.evidence.rules)
    except StepError:
        return tuple(findings)
    return tuple(replace(finding, revision=came.get(_key(finding))) for finding in findings)


def _follow(parts: Sequence[tuple[str, Migration]], restored: Restored, rules: Rules) -> dict[_Key, str]:
    """Run part after part; return with which one each finding came to stay."""
    came: dict[_Key, str] = {}
    previous: set[_Key] = set()
    with fresh(restored, "stepwise") as copy:
        since = begin(copy.address, restored.facts, ours=copy.server.owns_cluster)
        copy.runner.hook("before_migration", copy.address)
        for name, part in parts:
            trace = copy.runner.run(part, copy.address, observed=True)
            with connect(restored.before) as one, connect(copy.address, read_only=False) as two:
                now, _ = take_since(two, since)
                comparison = compare_databases(one, two, restored.facts, now, "none")
                found = {_key(finding) for finding in judge(judging.evidence(comparison, trace, rules, one, two))}
            # What went away in between and came back is the later one's.
            came.update(dict.fromkeys(found - previous, name))
            previous = found
    return came


def _key(finding: Finding) -> _Key:
    return finding.code, finding.object, finding.aspect

"""Which revision did harm: run once more on a fresh clone, revision by revision, when the whole has error findings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..checks import judge
from ..checks.values import Finding, Rules, Severity
from ..errors import StepError
from ..migrate.sources import Alembic, Django, Migration, SqlFiles
from ..migrate.values import Trace
from ..server.address import Address
from ..server.base import Server
from ..server.connection import connect
from ..snapshot.take import take as read_facts
from ..snapshot.values import Snapshot
from . import judging
from .comparing import compare_databases
from .steps import Steps

_Key = tuple[str, str, str | None]


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What the whole run was judged against."""

    server: Server
    before: Address
    facts: Snapshot
    rules: Rules
    #: Runs a part of the migration on a clone.
    run: Callable[[Migration, Address], Trace]
    #: What is done on the clone before the first part.
    begin: Callable[[Address], None]


def blame(
    migration: Migration, trace: Trace | None, findings: Sequence[Finding], ground: Ground, steps: Steps
) -> tuple[Finding, ...]:
    """Return the findings, each with the revision that it came with, as far as that can be told.

    Nothing is run when there is one revision alone or no error among them. It is a help for people: what goes wrong in
    it changes no verdict, and is told as the reason of a skipped step.
    """
    parts = _parts(migration, trace)
    if len(parts) < 2 or not any(finding.severity is Severity.ERROR for finding in findings):
        return tuple(findings)
    try:
        with steps.optional("revisions"):
            came = _follow(parts, ground)
    except StepError:
        return tuple(findings)
    return tuple(replace(finding, revision=came.get(_key(finding))) for finding in findings)


def _parts(migration: Migration, trace: Trace | None) -> tuple[tuple[str, Migration], ...]:
    """Return the revisions that ran, each as a migration of its own."""
    if isinstance(migration, SqlFiles):
        return tuple((file.name, replace(migration, files=(file,))) for file in migration.files)
    names = () if trace is None else tuple(revision.name for revision in trace.revisions)
    if isinstance(migration, Alembic):
        return tuple((name, replace(migration, revision=name)) for name in names)
    if isinstance(migration, Django):
        pairs = [(name, name.partition(".")) for name in names]
        return tuple((name, replace(migration, target=(app, one))) for name, (app, _, one) in pairs)
    return ()


def _follow(parts: Sequence[tuple[str, Migration]], ground: Ground) -> dict[_Key, str]:
    """Run part after part; return with which one each finding came to stay."""
    came: dict[_Key, str] = {}
    previous: set[_Key] = set()
    clone = ground.server.clone(ground.before, "stepwise")
    try:
        ground.begin(clone)
        for name, part in parts:
            trace = ground.run(part, clone)
            with connect(ground.before) as one, connect(clone, read_only=False) as two:
                comparison = compare_databases(one, two, ground.facts, read_facts(two), "none")
                found = {
                    _key(finding) for finding in judge(judging.evidence(comparison, trace, ground.rules, one, two))
                }
            # What went away in between and came back is the later one's.
            came.update(dict.fromkeys(found - previous, name))
            previous = found
    finally:
        ground.server.drop(clone)
    return came


def _key(finding: Finding) -> _Key:
    return finding.code, finding.object, finding.aspect


def failed_in(migration: Migration, trace: Trace) -> str | None:
    """Return the revision in which a run ended, of a tool whose message does not name it."""
    if isinstance(migration, SqlFiles) or not trace.revisions:
        return None
    return trace.revisions[-1].name

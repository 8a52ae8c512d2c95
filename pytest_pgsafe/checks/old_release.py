"""What the release that is still running does: its statements on the migrated copy."""

from __future__ import annotations

from collections.abc import Iterator

from ..release.values import Broken
from ..works.values import Answer, Attempt
from .values import Check, Evidence, Finding, Severity
from .works import causes


def _fails(evidence: Evidence) -> Iterator[Finding]:
    for one in evidence.released.broken:
        because = reasons(evidence, one)
        how = "worked before" if one.run else "could be planned before"
        if one.why is not None:
            how += f" with the values of a row of {one.table} ({one.why})"
        # Whether the release still writes such values is not known: older ones may have.
        severity = Severity.WARNING if one.gone else None
        yield STATEMENT_FAILS.finding(
            because[0] if because else one.table or "statements",
            f"{one.asked} {how}, and fails: {one.said}",
            severity=severity,
            aspect=one.asked.shown,
            causes=because,
        )


def reasons(evidence: Evidence, one: Broken) -> tuple[str, ...]:
    """Return the objects whose change broke a statement."""
    if one.about:
        return one.about
    said = Attempt(
        kind="plan", object=one.table or "", statement=one.asked.shown, before=Answer(), after=Answer(error=one.said)
    )
    return causes(evidence, said)


def _tests(evidence: Evidence) -> Iterator[Finding]:
    own = evidence.released.own
    if own is not None and own.outcome == "failed":
        told = f"{own.command} passes on the copy before the migration, and fails on the migrated copy: {own.failed}"
        yield TESTS_FAIL.finding("old_release", told)


STATEMENT_FAILS = Check(
    code="PGS571",
    check="old_release",
    name="release-statement-fails",
    severity=Severity.ERROR,
    condition=(
        "A statement of [old_release] could be planned on the copy before the migration, and the server refuses it on "
        "the migrated copy; or it writes, ran with the values of a row there, and fails now. If that takes values that "
        "the migration has replaced everywhere (a NULL, a longer text, a label that went), it is a warning."
    ),
    effect=(
        "The release that is still running sends it until the last of its processes is gone, and again after a way "
        "back of the deployment: each time it is an error for somebody."
    ),
    remedy=(
        "Expand first, contract later: add the new column or table beside the old one (nullable, or with a default), "
        "deploy a release that writes both, fill what is old, deploy one that uses the new alone, and drop or require "
        "in a later migration. A renamed table can stay as a view of its old name meanwhile."
    ),
    judge=_fails,
)
TESTS_FAIL = Check(
    code="PGS577",
    check="old_release",
    name="release-tests-fail",
    severity=Severity.ERROR,
    is_effect=False,
    condition=(
        "[old_release] run, the own tests of the release that still runs, passes on a clone of the copy before the "
        "migration and fails on a clone of the migrated copy. What fails on both is not verified."
    ),
    effect="What these tests are about does not work any more for whoever is served by the old release.",
    remedy="Expand first, contract later: see what the output says, and keep what it needs until no such release runs.",
    judge=_tests,
)
CHECKS = (STATEMENT_FAILS, TESTS_FAIL)

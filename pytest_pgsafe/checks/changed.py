"""Objects that stay and were announced to be others: what that excuses, and whether they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..catalog.names import covers, is_pattern, split
from ..compare.identity import collection
from ..compare.values import Action
from ..config.expectations import Changed
from .announced import COLLECTIONS
from .bodies import stale
from .values import Check, Evidence, Finding, Severity


def excused(evidence: Evidence, finding: Finding, check: Check) -> Finding:
    """Return a finding as a note with the reason, if the change of its object was announced."""
    for expected in evidence.rules.changed:
        if expected.kind in check.excused_by and _meant(finding.object, expected) and not finding.standing:
            known = COLLECTIONS[expected.kind]
            if finding.object in collection(evidence.comparison.before.catalog, known):
                return replace(finding, severity=Severity.NOTE, reason=expected.reason, remedy=None)
    reasons = [_reason(evidence, cause, check) for cause in finding.causes]
    told = [reason for reason in reasons if reason is not None]
    if finding.causes and len(told) == len(reasons):
        return replace(finding, severity=Severity.NOTE, reason="; ".join(dict.fromkeys(told)), remedy=None)
    return finding


def _reason(evidence: Evidence, cause: str, check: Check) -> str | None:
    """Return why the change of what made a finding's object another was announced; None if it was not."""
    for expected in evidence.rules.changed:
        known = collection(evidence.comparison.before.catalog, COLLECTIONS[expected.kind])
        if expected.kind in check.excused_by and cause in known and _meant(cause, expected):
            return expected.reason
    return None


def _changes(evidence: Evidence) -> Iterator[Finding]:
    comparison = evidence.comparison
    for expected in evidence.rules.changed:
        known = collection(comparison.before.catalog, COLLECTIONS[expected.kind])
        names = [name for name in known if _meant(name, expected)]
        told = f"a change of {expected.kind} {expected.object} was announced"
        there = comparison.objects.get(COLLECTIONS[expected.kind], {})
        if not names:
            yield CHANGE_EXPECTED.finding(expected.object, f"{told}, but there was none before the migration")
        elif len(names) > 1 and not is_pattern(expected.object):
            shown = ", ".join(sorted(names)[:5])
            yield CHANGE_EXPECTED.finding(expected.object, f"{told}, but there are several: {shown}")
        elif not any(name in there for name in names):
            yield CHANGE_EXPECTED.finding(expected.object, f"{told}, but it is gone: say dropped")
        elif not any(_happened(evidence, expected.kind, name) or name in told_of(evidence) for name in names):
            yield CHANGE_EXPECTED.finding(expected.object, f"{told}, but it is as it was")


def _happened(evidence: Evidence, kind: str, name: str) -> bool:
    kinds = {kind, "sequence value"} if kind == "sequence" else {kind}
    return any(
        change.action is Action.CHANGED and change.kind in kinds
        for change in evidence.comparison.by_object.get(name, ())
    )


def told_of(evidence: Evidence) -> frozenset[str]:
    """Return what stayed as it was and works otherwise: since something else was changed."""
    return evidence.tried.objects | {one.before for one in stale(evidence.comparison)}


def _meant(name: str, expected: Changed) -> bool:
    if covers(name, expected.object):
        return True
    # A function may be named without its argument types.
    plain = expected.kind == "function" and "(" in name and "(" not in expected.object
    return plain and covers(".".join(split(name.partition("(")[0])), expected.object)


CHANGE_EXPECTED = Check(
    code="PGS008",
    check="schema",
    name="change-expected",
    severity=Severity.ERROR,
    is_effect=False,
    condition="[expect] changed announces that an object is another afterwards, and it is as it was, or there is none.",
    effect="The announcement would excuse a change that nobody reviewed, in a later migration.",
    remedy="Take the entry out of [expect] changed, or correct its name.",
    judge=_changes,
)
CHECKS = (CHANGE_EXPECTED,)

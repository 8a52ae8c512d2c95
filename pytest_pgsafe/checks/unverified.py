"""What was there and was not compared."""

from __future__ import annotations

from collections.abc import Iterator

from .values import Check, Evidence, Finding, Severity


def _unverified(evidence: Evidence) -> Iterator[Finding]:
    # The report always lists them; without strict that is all.
    if evidence.rules.strict:
        for item in evidence.comparison.not_verified:
            yield NOT_VERIFIED.finding(item.object, f"{item.object} was not verified: {item.reason}")


NOT_VERIFIED = Check(
    code="PGS001",
    check="values",
    name="not-verified",
    severity=Severity.ERROR,
    is_effect=False,
    condition=(
        "Under strict: something was there and was not compared. Without strict the report lists it, and nothing fails."
    ),
    effect="Nobody knows what the migration did to it.",
    remedy="Make it readable for the rehearsal; foreign tables are never scanned, so test them on their own server.",
    judge=_unverified,
)
CHECKS = (NOT_VERIFIED,)

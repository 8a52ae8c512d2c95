"""References that lead to other rows than before, behind a key that was replaced."""

from __future__ import annotations

from collections.abc import Iterator

from .evidence import count
from .values import Check, Evidence, Finding, Severity


def _elsewhere(evidence: Evidence) -> Iterator[Finding]:
    proven = {one.column for one in evidence.converted.values() if not isinstance(one, str) and one.held}
    for one in evidence.tried.led:
        if one.column not in proven:
            verb = "leads" if one.wrong == 1 else "lead"
            told = f"{count(one.wrong)} of {one.object} {verb} to another row of {one.references} than before"
            yield LEADS_ELSEWHERE.finding(one.object, f"{told}; its key was replaced", after=one.wrong)


LEADS_ELSEWHERE = Check(
    code="PGS304",
    check="foreign_keys",
    name="reference-leads-elsewhere",
    severity=Severity.ERROR,
    is_effect=False,
    condition=(
        "The column that a foreign key refers to was replaced (another type, another column), so that each reference "
        "is another value, and some lead to another row than before: the rows are known by another key of theirs, on "
        "both copies. The first 10,000 references are followed."
    ),
    effect="Rows belong to something else now. That values change was to be expected, so that nobody looks at which.",
    remedy=(
        "Fill the new references through the old ones. If they are meant to lead elsewhere, say where to: [expect] "
        "converted, with the column."
    ),
    judge=_elsewhere,
)
CHECKS = (LEADS_ELSEWHERE,)

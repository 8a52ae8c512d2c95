"""Effects: what a migration's findings say that it does, and what the baseline lists held against it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from .baseline import FILE_NAME, Entry, Section, written
from .values import ANNOUNCED, BEYOND, Check, Finding, Severity


def names(checks: Mapping[str, Check]) -> Mapping[str, str]:
    """Return the names of the checks whose effects can be listed, by code."""
    return {code: check.name for code, check in checks.items() if check.is_effect}


def effect(finding: Finding, checks: Mapping[str, Check]) -> str | None:
    """Return the effect that a finding tells of; None where it tells of none of the migration's."""
    if finding.standing or finding.code not in checks or not checks[finding.code].is_effect:
        return None
    aspect = "" if finding.aspect is None else f" ({finding.aspect})"
    text = f"{finding.code} {checks[finding.code].name} {finding.object}{aspect}"
    # A name may hold whatever it likes; an effect is a line.
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)


def observed(findings: Iterable[Finding], old: Section | None, migration: str, checks: Mapping[str, Check]) -> Section:
    """Return the section that says what was found, with the reasons and comments that people wrote before."""
    before = {} if old is None else {entry.effect: entry for entry in old.entries}
    found: dict[str, Entry] = {}
    wanting: set[str] = set()
    for finding in findings:
        text = effect(finding, checks)
        if text is None:
            continue
        reason = finding.reason
        if text in before and before[text].reason is not None:
            reason = before[text].reason
        elif reason is not None:
            # Only what a person wrote is a reason.
            reason = None if reason.startswith(ANNOUNCED) else " ".join(reason.split())
        if finding.severity is Severity.ERROR:
            wanting.add(text)
        if text not in found or found[text].reason is None:
            found[text] = Entry(effect=text, reason=reason, comments=before[text].comments if text in before else ())
    entries = tuple(found[text] for text in sorted(found))
    section = Section(
        migration=migration,
        entries=entries,
        comments=() if old is None else old.comments,
        rest=() if old is None else old.rest,
    )
    return written(section, wanting)


def held(
    findings: Iterable[Finding], section: Section, checks: Mapping[str, Check], *, rolled_back: bool
) -> Iterator[Finding]:
    """Yield the findings as a migration's section has them, what it does not list, and what did not happen.

    :param rolled_back: the way back was run, so that its effects are known.
    """
    entries = {entry.effect: entry for entry in section.entries}
    seen: set[str] = set()
    for finding in findings:
        text = effect(finding, checks)
        entry = None if text is None else entries.get(text)
        if text is None or (entry is not None and finding.severity is not Severity.ERROR):
            yield finding
        elif entry is not None and entry.reason is not None:
            yield replace(finding, severity=Severity.NOTE, reason=entry.reason, remedy=None)
        elif entry is not None:
            told = f"{finding.message}; {FILE_NAME} has no reason for it"
            where = f"line {entry.line}" if entry.line else f"[{section.migration}]"
            remedy = f"{finding.remedy} If it is meant, write why in {FILE_NAME}, {where}."
            yield replace(finding, message=told, remedy=remedy)
        elif finding.severity is Severity.ERROR:
            yield replace(finding, message=f"{finding.message}; {FILE_NAME} does not list it")
        else:
            yield finding
            if text not in seen:
                told = f"{FILE_NAME} does not list “{text}”: {finding.message}"
                yield UNLISTED.finding(finding.object, told, check=finding.check)
        if text is not None:
            seen.add(text)
    for entry in section.entries:
        happened = entry.effect in seen or f"{entry.effect} ({BEYOND})" in seen
        if not happened and (rolled_back or checks[entry.code].check != "rollback"):
            told = f"{FILE_NAME}, line {entry.line}, lists “{entry.effect}”, which did not happen"
            yield UNUSED.finding(entry.object, told, check=checks[entry.code].check)


UNLISTED = Check(
    code="PGS003",
    check="schema",
    name="effect-unlisted",
    severity=Severity.ERROR,
    is_effect=False,
    condition="The migration has a section in pgsafe.baseline, and has an effect that is not listed there.",
    effect="It does more than was reviewed.",
    remedy="Take it out of the migration, or write the baseline anew (--pgsafe-update) and have it reviewed.",
    judge=lambda _: (),
)
UNUSED = Check(
    code="PGS004",
    check="schema",
    name="effect-unused",
    severity=Severity.ERROR,
    is_effect=False,
    condition="The section of the migration in pgsafe.baseline lists an effect that did not happen.",
    effect="The line would excuse the effect, unreviewed, in a later version of the migration.",
    remedy="Take the line out, or write the baseline anew: --pgsafe-update.",
    judge=lambda _: (),
)
CHECKS = (UNLISTED, UNUSED)

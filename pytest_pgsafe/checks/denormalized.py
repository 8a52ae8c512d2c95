"""Denormalised columns: copies that disagree with their source, and copies dropped while they did."""

from __future__ import annotations

from collections.abc import Iterator

from ..snapshot.values import DenormalizedContent
from .evidence import count, unproven
from .values import Check, Evidence, Finding, Severity


def _pairs(evidence: Evidence) -> Iterator[tuple[str, str, DenormalizedContent, DenormalizedContent | None]]:
    for rule in evidence.rules.denormalized:
        found = evidence.denormalized.get(rule)
        if found is not None:
            yield rule.column, rule.source, *found


def _dropped(evidence: Evidence) -> Iterator[Finding]:
    for column, source, before, after in _pairs(evidence):
        if after is None and before.drifted:
            told = (
                f"{column} was dropped while it disagreed with {source} in {count(before.drifted)} of {before.rows:,}"
            )
            told += ": what it said there is lost, an announced drop does not cover that"
            yield COPY_LOST.finding(column, told, before=before.drifted, samples=before.samples)


def _drifted(evidence: Evidence) -> Iterator[Finding]:
    for column, source, before, after in _pairs(evidence):
        if after is None or not after.drifted:
            continue
        told = f"{column} disagrees with {source} in {count(after.drifted)} of {after.rows:,}"
        worse = after.drifted > before.drifted
        told += f", after {before.drifted:,} before the migration" if worse else ", as before the migration"
        if after.drifted < before.drifted:
            told = told.replace(", as before", f", after {before.drifted:,} before")
        yield COPY_DRIFTED.finding(
            column,
            told,
            severity=Severity.ERROR if worse else Severity.WARNING,
            before=before.drifted,
            after=after.drifted,
            samples=after.samples,
            standing=not worse,
        )


def _unverified(evidence: Evidence) -> Iterator[Finding]:
    for rule in evidence.rules.denormalized:
        found = evidence.denormalized.get(rule)
        if found is None:
            told = f"{rule.column} was not compared with {rule.source}: the rule names no column or no way between them"
        elif found[0].rows == 0 and (found[1] is None or found[1].rows == 0):
            told = f"{rule.column} was not verified against {rule.source}: there was no row to compare"
        else:
            continue
        yield COPY_UNVERIFIED.finding(rule.column, told, severity=unproven(evidence))


COPY_LOST = Check(
    code="PGS401",
    check="denormalized",
    name="copy-lost",
    severity=Severity.ERROR,
    condition=(
        "A denormalised column, or its source, was dropped while the two disagreed. An announced drop does not "
        "cover it."
    ),
    effect="What only the copy said (a price at the time, a corrected name) is lost and cannot be computed again.",
    remedy="Decide for each row which of the two is right, write it to the source, then drop the copy.",
    judge=_dropped,
)
COPY_DRIFTED = Check(
    code="PGS402",
    check="denormalized",
    name="copy-drifted",
    severity=Severity.ERROR,
    condition=(
        "A denormalised column disagrees with its source in more rows than before. As many as before are a warning."
    ),
    effect="Two places say different things, and which one is shown depends on the reader.",
    remedy="Update the copy from its source in the same migration.",
    judge=_drifted,
)
COPY_UNVERIFIED = Check(
    code="PGS403",
    check="denormalized",
    name="copy-unverified",
    severity=Severity.WARNING,
    condition="A rule in [[denormalized]] matched nothing: no such column, no foreign key between the two, or no row.",
    effect="The rule proves nothing, and looks as if it did.",
    remedy="Correct the rule's names, give via, or rehearse on data that has rows.",
    judge=_unverified,
)
CHECKS = (COPY_LOST, COPY_DRIFTED, COPY_UNVERIFIED)

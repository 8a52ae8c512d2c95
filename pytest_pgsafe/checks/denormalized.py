"""Denormalised columns: those that disagree with what they have to hold, and those dropped while they did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..snapshot.values import DenormalizedContent, DenormalizedLoss, DenormalizedRule
from .announced import values_rules
from .evidence import count, unproven
from .values import Check, Evidence, Finding, Severity


def _dropped(evidence: Evidence) -> Iterator[Finding]:
    for rule in evidence.rules.denormalized:
        before, after = evidence.denormalized.get(rule, (None, None))
        if before is None or after is not None:
            continue
        if rule.column not in evidence.comparison.columns:
            yield from _unreadable(evidence, rule, before, evidence.losses.get(rule))
        elif rule not in evidence.unread and before.drifted:
            told = f"{rule.source} was dropped while {rule.column} disagreed with it"
            told += f" in {count(before.drifted)} of {before.rows:,}: what it said there is lost"
            yield COPY_LOST.finding(rule.column, told, before=before.drifted, samples=before.samples)


def _unreadable(
    evidence: Evidence, rule: DenormalizedRule, before: DenormalizedContent, loss: DenormalizedLoss | None
) -> Iterator[Finding]:
    """Tell which values of a dropped column cannot be read through its source."""
    lost = before.drifted if loss is None else loss.drifted
    if lost:
        told = f"{rule.column} was dropped while it disagreed with {rule.expected} in {count(lost)} of {before.rows:,}"
        told += ": what it said there is lost, an announced drop does not cover that"
        samples = before.samples if loss is None else loss.drifted_samples
        yield COPY_LOST.finding(rule.column, told, before=lost, samples=samples)
    if loss is not None and loss.moved:
        told = f"{rule.column} was dropped, and in {count(loss.moved)} what it said cannot be read through"
        told += f" {rule.expected} any more, which agreed before"
        found = COPY_LOST.finding(
            rule.column, told, before=loss.moved, samples=loss.moved_samples, aspect="its source changed"
        )
        # Other values of the source were announced for all its rows: nobody wants the old ones back.
        reasons = [one.reason for one in values_rules(evidence, rule.source) if one.where is None]
        if rule.kind != "sql" and reasons:
            found = replace(found, severity=Severity.NOTE, reason=reasons[0], remedy=None)
        yield found


def _drifted(evidence: Evidence) -> Iterator[Finding]:
    for rule in evidence.rules.denormalized:
        before, after = evidence.denormalized.get(rule, (None, None))
        if before is None or after is None or not after.drifted:
            continue
        if after.broken is None:
            yield _more(rule, before, after)
            continue
        if after.broken:
            told = (
                f"{rule.column} disagrees with {rule.expected} in {count(after.broken)} that agreed before or are new"
            )
            yield COPY_DRIFTED.finding(
                rule.column, told, before=before.drifted, after=after.drifted, samples=after.broken_samples
            )
        standing = after.drifted - after.broken
        if standing:
            told = f"{rule.column} disagrees with {rule.expected} in {count(standing)} that disagreed before"
            told += f", of {before.drifted:,} that did" if before.drifted > standing else ""
            yield COPY_DRIFTED.finding(
                rule.column,
                told,
                severity=Severity.WARNING,
                before=before.drifted,
                after=standing,
                samples=before.samples,
                standing=True,
            )


def _more(rule: DenormalizedRule, before: DenormalizedContent, after: DenormalizedContent) -> Finding:
    """Compare numbers, where rows cannot be told apart or none disagreed before."""
    told = f"{rule.column} disagrees with {rule.expected} in {count(after.drifted)} of {after.rows:,}"
    worse = after.drifted > before.drifted
    same = after.drifted == before.drifted
    told += ", as before the migration" if same else f", after {before.drifted:,} before the migration"
    return COPY_DRIFTED.finding(
        rule.column,
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
        if rule in evidence.unread:
            told = f"{rule.column} was not verified against {rule.expected}: {evidence.unread[rule]}"
        elif found is None:
            told = f"{rule.column} was not compared with {rule.expected}: the rule names no column or no way between"
        elif found[0].rows == 0 and (found[1] is None or found[1].rows == 0):
            told = f"{rule.column} was not verified against {rule.expected}: there was no row to compare"
        else:
            continue
        yield COPY_UNVERIFIED.finding(rule.column, told, severity=unproven(evidence))


COPY_LOST = Check(
    code="PGS401",
    check="denormalized",
    name="copy-lost",
    severity=Severity.ERROR,
    condition=(
        "A denormalised column was dropped, and in some row its value cannot be read through its source; or its source "
        "was dropped while the two disagreed. An announced drop does not cover it."
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
        "A denormalised column disagrees with its source in rows that agreed before, or are new. Those that disagreed "
        "before are a warning."
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
    is_effect=False,
    condition=(
        "A rule in [[denormalized]] could not be checked: there was no row, what it reads is a foreign table, or it "
        "cannot be evaluated after the migration."
    ),
    effect="The rule proves nothing, and looks as if it did.",
    remedy="Correct the rule's names, give via, or rehearse on data that has rows.",
    judge=_unverified,
)
CHECKS = (COPY_LOST, COPY_DRIFTED, COPY_UNVERIFIED)

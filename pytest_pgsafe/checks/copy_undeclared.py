"""Columns that look denormalised, have no rule, and were dropped or rewritten."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from ..snapshot.values import DenormalizedRule
from .evidence import count
from .values import Check, Evidence, Finding, Severity, Undeclared


def _copy_undeclared(evidence: Evidence) -> Iterator[Finding]:
    for one in evidence.undeclared:
        rule, proposal = one.proposal.rule, one.proposal
        dropped = rule.column not in evidence.comparison.columns
        looked = "rows looked at" if proposal.sampled else "rows"
        told = f"{rule.column} was dropped and seems" if dropped else f"{rule.column} has other values and seemed"
        told += f" to be a copy: it agrees with {rule.expected} in {proposal.agreeing:,} of {proposal.rows:,} {looked}"
        told += ", and no rule says so"
        lost = _lost(one) if dropped else _drifted(one)
        severity = Severity.WARNING if lost else Severity.NOTE
        found = COPY_UNDECLARED.finding(rule.column, f"{told}{lost or ''}", severity=severity)
        yield replace(found, remedy=f"Write the rule, if it is one: {_line(rule)}") if lost else found


def _lost(column: Undeclared) -> str | None:
    """Return what a dropped column said that cannot be read any more; None where all of it can."""
    if column.loss is None:
        drifted = 0 if column.before is None else column.before.drifted
        return f"; in {count(drifted)} it says something else, which is lost" if drifted else None
    lost = column.loss.drifted + column.loss.moved
    return f"; in {count(lost)} what it said cannot be read there" if lost else None


def _drifted(column: Undeclared) -> str | None:
    if column.before is None or column.after is None or column.after.drifted <= column.before.drifted:
        return None
    return f"; it disagrees in {count(column.after.drifted)} now, and did in {column.before.drifted:,}"


def _line(rule: DenormalizedRule) -> str:
    keys = {"column": rule.column, "source" if rule.kind == "copy" else rule.kind: rule.source}
    keys |= {} if rule.via is None else {"via": rule.via}
    return f"[[denormalized]] {', '.join(f'{key} = {json.dumps(value)}' for key, value in keys.items())}"


COPY_UNDECLARED = Check(
    code="PGS404",
    check="denormalized",
    name="copy-undeclared",
    severity=Severity.WARNING,
    is_effect=False,
    condition=(
        "A column that was dropped, or has other values, agrees with a column, a count or a sum of another table as no "
        "chance would explain, and no rule in [[denormalized]] is about it; announced or not. It is a note where "
        "everything that it said can be read there."
    ),
    effect="Rows in which the copy and its source differ lose what only the copy said.",
    remedy="Write a rule in [[denormalized]]; pgsafe propose prints those that seem to hold.",
    judge=_copy_undeclared,
)
CHECKS = (COPY_UNDECLARED,)

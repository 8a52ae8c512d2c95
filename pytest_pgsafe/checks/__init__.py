"""Changes and trace in, findings out. A check is data and a pure function; each has a page in the documentation."""

from __future__ import annotations

from dataclasses import replace

from . import (
    constraints,
    contents,
    denormalized,
    expectations,
    foreign_keys,
    indexes,
    locks,
    objects,
    privileges,
    replaced,
    rollback,
    rows,
    sequences,
    tables,
    unverified,
)
from .bookkeeping import is_bookkeeping
from .values import Check, Evidence, Finding, Severity

__all__ = ["CHECKS", "judge"]

_MODULES = (
    unverified,
    expectations,
    rows,
    contents,
    foreign_keys,
    denormalized,
    constraints,
    indexes,
    tables,
    objects,
    replaced,
    sequences,
    privileges,
    locks,
    rollback,
)
#: Every check, by code.
CHECKS: tuple[Check, ...] = tuple(
    sorted((check for module in _MODULES for check in module.CHECKS), key=lambda one: one.code)
)
_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


def judge(evidence: Evidence) -> tuple[Finding, ...]:
    """Return all findings: errors first, then by code, object and message; the same evidence gives the same order.

    What migration tools do to their own tables is a note at most.
    """
    found = [_softened(evidence, finding) for check in CHECKS for finding in check.judge(evidence)]
    return tuple(sorted(found, key=lambda one: (_ORDER[one.severity], one.code, one.object, one.message)))


def _softened(evidence: Evidence, finding: Finding) -> Finding:
    if finding.severity is Severity.NOTE or not is_bookkeeping(evidence, finding.object):
        return finding
    return replace(finding, severity=Severity.NOTE, reason="a migration tool's own table may change", remedy=None)

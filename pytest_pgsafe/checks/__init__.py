"""Changes and trace in, findings out. A check is data and a pure function; each has a page in the documentation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..upgrade.values import Upgrade
from . import (
    admitted,
    announced,
    changed,
    constraints,
    contents,
    converted,
    copy_undeclared,
    cost,
    denormalized,
    effects,
    expectations,
    foreign_keys,
    hidden,
    indexes,
    led,
    lock_timeout,
    locks,
    major_extensions,
    major_order,
    major_settings,
    major_upgrade,
    majors,
    materialized,
    moves,
    objects,
    old_plans,
    old_probes,
    old_release,
    privileges,
    recoverability,
    replaced,
    restored,
    retry,
    rollback,
    rows,
    sequences,
    sessions,
    shown,
    siblings,
    statements,
    static,
    swallowed,
    tables,
    traffic,
    unindexed,
    unverified,
    without_effect,
    works,
)
from .blame.order import consequences
from .bookkeeping import is_bookkeeping, renamed_model
from .values import Check, Evidence, Finding, Severity

__all__ = ["BY_CODE", "CHECKS", "EVERY", "judge", "judge_upgrade"]

_MODULES = (
    unverified,
    effects,
    announced,
    changed,
    expectations,
    rows,
    materialized,
    contents,
    converted,
    moves,
    foreign_keys,
    led,
    denormalized,
    constraints,
    indexes,
    tables,
    hidden,
    swallowed,
    objects,
    replaced,
    sequences,
    privileges,
    sessions,
    locks,
    lock_timeout,
    unindexed,
    cost,
    statements,
    traffic,
    shown,
    admitted,
    siblings,
    works,
    without_effect,
    retry,
    old_plans,
    old_probes,
    old_release,
    rollback,
    copy_undeclared,
)
#: What judges a restore, the next major, statements by their text alone, or a recovery.
_ELSEWHERE = (
    restored, majors, major_settings, major_extensions, major_order, major_upgrade, static, recoverability,
)  # fmt: skip
#: Every check, by code.
CHECKS: tuple[Check, ...] = tuple(
    sorted((check for module in _MODULES for check in module.CHECKS), key=lambda one: one.code)
)
#: With those that judge no migration.
EVERY: tuple[Check, ...] = tuple(
    sorted(
        (check for checks in (CHECKS, *(module.CHECKS for module in _ELSEWHERE)) for check in checks),
        key=lambda one: one.code,
    )
)
#: The same, to look them up.
BY_CODE: Mapping[str, Check] = {check.code: check for check in CHECKS}
_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


def judge(evidence: Evidence) -> tuple[Finding, ...]:
    """Return all findings: errors first, causes before their consequences, then by code, object and message.

    The same evidence gives the same order.

    What migration tools do to their own tables is a note at most.
    """
    found = [_softened(evidence, finding, check) for check in CHECKS for finding in check.judge(evidence)]
    section = evidence.rules.baseline
    if section is not None:
        found = list(effects.held(found, section, BY_CODE, rolled_back=evidence.rollback is not None))
    follows = consequences(found, (evidence.comparison.before.catalog, evidence.comparison.after.catalog))

    def key(one: Finding) -> tuple[object, ...]:
        later, depth = follows(one)
        return _ORDER[one.severity], later, one.code, depth, one.object, one.message

    return tuple(sorted(found, key=key))


def judge_upgrade(upgrade: Upgrade) -> tuple[Finding, ...]:
    """Return what is said of moving to the next major: errors first."""
    found = (
        *major_settings.settings_gone(upgrade),
        *major_settings.defaults_changed(upgrade),
        *major_extensions.extensions_older(upgrade),
        *major_order.orders_differ(upgrade),
        *majors.names_missing(upgrade),
        *major_upgrade.refused(upgrade),
        *major_upgrade.failed(upgrade),
    )
    return tuple(sorted(found, key=lambda one: (_ORDER[one.severity], one.code, one.object, one.message)))


def _softened(evidence: Evidence, finding: Finding, check: Check) -> Finding:
    if check is contents.VALUES_CHANGED and renamed_model(evidence.comparison.before.catalog, finding.object):
        reason = "Django renames its content types and permissions with their models"
        return replace(finding, severity=Severity.NOTE, reason=reason, remedy=None, standing=True)
    if not is_bookkeeping(evidence, finding.object):
        return changed.excused(evidence, finding, check)
    if finding.severity is Severity.NOTE:
        return replace(finding, standing=True)
    reason = "a migration tool's own table may change"
    return replace(finding, severity=Severity.NOTE, reason=reason, remedy=None, standing=True)

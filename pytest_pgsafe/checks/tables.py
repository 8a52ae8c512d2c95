"""What protects a table's rows: NOT NULL, row security, policies, triggers, its write-ahead log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from ..catalog.names import bare
from ..catalog.values import Column, Index, Object, Policy, Type
from ..compare.values import Action, Change
from .equivalents import refuses_null
from .evidence import attribute, excused, inherited, of, say
from .firing import fires_less
from .strength import Strength, strength
from .values import Check, Evidence, Finding, Severity

#: Options of a view that keep rows from readers who may not see them, or bad rows from being written.
_VIEW_GUARDS = ("security_barrier", "security_invoker", "check_option")


def _nullable(evidence: Evidence) -> Iterator[Finding]:
    for change in attribute(evidence, "column", "not_null"):
        column = change.old
        if change.before and isinstance(column, Column) and not inherited(evidence, change):
            if refuses_null(evidence.comparison, evidence.comparison.columns[column.name]):
                continue  # a CHECK does now what the column did
            text = f"{change.object} can be NULL now"
            yield NOT_NULL_DROPPED.finding(change.object, text)
    for change in attribute(evidence, "type", "definition"):
        if isinstance(change.old, Type) and change.old.form == "domain":
            was, now = " NOT NULL" in str(change.before), " NOT NULL" in str(change.after)
            if was and not now:
                yield NOT_NULL_DROPPED.finding(change.object, f"the domain {change.object} allows NULL now")


def _row_security(evidence: Evidence) -> Iterator[Finding]:
    for change in attribute(evidence, "table", "row_security", "force_row_security"):
        if change.after:
            continue
        what = "is disabled" if change.attribute == "row_security" else "does not bind the table's owner any more"
        yield ROW_SECURITY_LOST.finding(
            change.object, f"row security of {change.object} {what}", aspect=change.attribute
        )
    for change in attribute(evidence, "view", "options"):
        lost = lost_guards(change)
        if lost:
            text = f"the view {change.object} is without {', '.join(lost)}, which it had"
            yield ROW_SECURITY_LOST.finding(change.object, text, aspect=", ".join(lost))


def lost_guards(change: Change) -> list[str]:
    """Return the protecting options that a view had and has not."""
    return [guard for guard in _VIEW_GUARDS if _guarded(change.before, guard) and not _guarded(change.after, guard)]


def _guarded(options: object, guard: str) -> bool:
    found = [str(one) for one in cast("tuple[object, ...]", options)] if isinstance(options, tuple) else []
    return any(one.startswith(f"{guard}=") and not one.endswith(("=false", "=off", "=0", "=no")) for one in found)


def _policies(evidence: Evidence) -> Iterator[Finding]:
    for change in of(evidence, Action.DROPPED, "policy"):
        text = f"the policy {bare(change.object)} of {_table(change.old)} was dropped"
        yield excused(evidence, "policy", POLICY_LOST.finding(change.object, text))
    for change in of(evidence, Action.CHANGED, "policy"):
        if change.attribute == "comment":
            continue
        text = f"the policy {change.object} is another: {change.attribute} went from {change.before} to {change.after}"
        yield POLICY_LOST.finding(change.object, text, aspect=change.attribute)
    for change in of(evidence, Action.ADDED, "policy"):
        policy = change.new
        assert isinstance(policy, Policy)
        names = {new: old for old, new in evidence.comparison.tables.items()}
        before = evidence.comparison.before.catalog.tables.get(names.get(policy.table, ""))
        if policy.permissive and before is not None and before.row_security:
            text = f"the permissive policy {policy.name} shows rows of {policy.table} that others kept from readers"
            yield POLICY_LOST.finding(policy.name, text, severity=Severity.WARNING, aspect="added")


def _triggers(evidence: Evidence) -> Iterator[Finding]:
    for change in of(evidence, Action.DROPPED, "trigger", "rule", "event trigger"):
        if inherited(evidence, change):
            continue
        of_table = "" if change.kind == "event trigger" else f" of {_table(change.old)}"
        text = f"the {change.kind} {bare(change.object)}{of_table} was dropped"
        yield excused(evidence, change.kind, TRIGGER_LOST.finding(change.object, text))
    for change in of(evidence, Action.CHANGED, "trigger", "rule", "event trigger"):
        if change.attribute in ("comment", "owner") or inherited(evidence, change):
            continue
        if change.attribute == "enabled":
            found = strength(evidence.comparison, change)
            if found is Strength.WEAKER:
                text = f"the {change.kind} {change.object} is {change.after}, and was {change.before}"
                yield TRIGGER_LOST.finding(change.object, text, aspect=change.attribute)
        elif change.attribute == "definition" or (change.attribute == "function" and not _redefined(evidence, change)):
            text, severity = f"the {change.kind} {change.object} is another: {change.after}", Severity.WARNING
            if fires_less(change.before, change.after):
                text, severity = f"the {change.kind} {change.object} fires for less: {change.after}", Severity.ERROR
            yield TRIGGER_LOST.finding(change.object, text, severity=severity, aspect=change.attribute)


def _redefined(evidence: Evidence, change: Change) -> bool:
    return any(one.attribute == "definition" for one in evidence.comparison.by_object.get(change.object, ()))


def _unlogged(evidence: Evidence) -> Iterator[Finding]:
    for change in attribute(evidence, "table", "persistence"):
        if change.after != "permanent":
            text = (
                f"{change.object} is UNLOGGED: a crash empties it, and no standby and no point-in-time recovery has it"
            )
            yield UNLOGGED.finding(change.object, text)


def _stronger(evidence: Evidence) -> Iterator[Finding]:
    for change in of(evidence, Action.CHANGED):
        if strength(evidence.comparison, change) is not Strength.STRONGER:
            continue
        if isinstance(change.old, Index) and change.old.constraint is not None:
            continue  # told by the constraint
        text = (
            f"{change.object} protects more: {change.attribute} went from {say(change.before)} to {say(change.after)}"
        )
        yield STRONGER.finding(change.object, text, aspect=change.attribute)


def _table(value: Object | None) -> str:
    table = getattr(value, "table", None)
    return table if isinstance(table, str) else "the database"


NOT_NULL_DROPPED = Check(
    code="PGS521",
    check="schema",
    name="not-null-dropped",
    about=frozenset({"not_null"}),
    severity=Severity.ERROR,
    excused_by=frozenset({"column", "type"}),
    condition="A column, or a domain, that was NOT NULL allows NULL.",
    effect="Rows without the value can be written; readers that take it for granted fail later and elsewhere.",
    remedy="Leave NOT NULL in place; accept an intended one in the baseline, with its reason.",
    judge=_nullable,
)
ROW_SECURITY_LOST = Check(
    code="PGS522",
    check="schema",
    name="row-security-lost",
    severity=Severity.ERROR,
    excused_by=frozenset({"table", "view"}),
    condition=(
        "Row security was disabled or is not forced any more, or a view is without security_barrier, "
        "security_invoker or check_option."
    ),
    effect="Roles read and write rows of others.",
    remedy=(
        "ENABLE and FORCE ROW LEVEL SECURITY at the end of the migration; give the migration's role BYPASSRLS instead."
    ),
    judge=_row_security,
)
POLICY_LOST = Check(
    code="PGS523",
    check="schema",
    name="policy-lost",
    severity=Severity.ERROR,
    excused_by=frozenset({"policy"}),
    condition=(
        "A row security policy was dropped or changed. A permissive one that was added to a protected table is a "
        "warning."
    ),
    effect="Roles see rows that they did not see, or none at all.",
    remedy="Recreate it as it was; accept an intended change in the baseline, with its reason.",
    judge=_policies,
)
TRIGGER_LOST = Check(
    code="PGS524",
    check="schema",
    name="trigger-lost",
    severity=Severity.ERROR,
    excused_by=frozenset({"trigger"}),
    condition=(
        "A trigger, a rule or an event trigger was dropped, disabled, or fires for less than it did. Another "
        "definition is a warning."
    ),
    effect="What it kept up (an audit trail, a copy, a check) silently stops.",
    remedy=(
        "ENABLE TRIGGER at the end of the migration, also where it fails half way: disable and enable in one "
        "transaction."
    ),
    judge=_triggers,
)
UNLOGGED = Check(
    code="PGS525",
    check="schema",
    name="table-unlogged",
    severity=Severity.ERROR,
    excused_by=frozenset({"table"}),
    condition="A permanent table became UNLOGGED.",
    effect="A crash of the server empties it; standbys and point-in-time recovery never have its rows.",
    remedy="ALTER TABLE … SET LOGGED at the end, or load into a table of its own.",
    judge=_unlogged,
)
STRONGER = Check(
    code="PGS526",
    check="schema",
    name="protection-added",
    severity=Severity.NOTE,
    condition=(
        "A column became NOT NULL, a constraint was validated, row security was enabled, an index became valid or"
        " unique."
    ),
    effect="Data is better protected. Writers that relied on the gap fail.",
    remedy="None is needed.",
    judge=_stronger,
)
CHECKS = (NOT_NULL_DROPPED, ROW_SECURITY_LOST, POLICY_LOST, TRIGGER_LOST, UNLOGGED, STRONGER)

"""Writes that are accepted and go nowhere: a rule that does nothing instead, a trigger that leaves each row out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..catalog.names import bare
from ..catalog.values import Catalog, Rule, Trigger
from .values import Check, Evidence, Finding, Severity

_RULE = re.compile(r" AS\s+ON (?P<event>INSERT|UPDATE|DELETE) TO (?P<rest>.*) DO INSTEAD\s+(?P<what>.*)", re.DOTALL)
_TRIGGER = re.compile(r" BEFORE (?P<events>.*?) ON .* FOR EACH ROW EXECUTE ", re.DOTALL)
_NULL = re.compile(r"\breturn\s+null\b", re.IGNORECASE)
#: A row comes back, or the statement fails: neither is silent.
_ELSE = re.compile(r"\breturn\s+(?!null\b)|\braise\s+exception\b|\braise\s*;", re.IGNORECASE)


def _swallowed(evidence: Evidence) -> Iterator[Finding]:
    comparison = evidence.comparison
    before, after = comparison.before.catalog, comparison.after.catalog
    tables = {new: old for old, new in comparison.tables.items()}
    rules = {new: old for old, new in comparison.objects.get("rules", {}).items()}
    triggers = {new: old for old, new in comparison.objects.get("triggers", {}).items()}
    for name, rule in after.rules.items():
        if rule.table in tables and not _instead(before.rules.get(rules.get(name, ""))):
            found = _instead(rule)
            if found:
                event, nothing = found
                told = f"each {event} of {rule.table} {'does nothing' if nothing else 'does something else'}, and "
                told += f"says nothing: the rule {bare(name)} acts instead"
                severity = None if nothing and event != "DELETE" else Severity.WARNING
                yield WRITES_SWALLOWED.finding(name, told, severity=severity, aspect=event)
    for name, trigger in after.triggers.items():
        left_out = _refuses(after, trigger)
        if trigger.table in tables and left_out and not _refuses(before, before.triggers.get(triggers.get(name, ""))):
            told = f"each {left_out} of {trigger.table} is left out, and says nothing: {bare(name)} returns NULL"
            severity = Severity.WARNING if left_out == "DELETE" else None
            yield WRITES_SWALLOWED.finding(name, told, severity=severity, aspect=left_out)


def _instead(rule: Rule | None) -> tuple[str, bool] | None:
    """Return the event of a rule that acts instead of each statement, and whether it does nothing."""
    found = None if rule is None or "disabled" in rule.enabled else _RULE.search(rule.definition)
    if found is None or re.search(r"\sWHERE\s", found["rest"]):
        return None
    return found["event"], found["what"].strip().rstrip(";") == "NOTHING"


def _refuses(catalog: Catalog, trigger: Trigger | None) -> str | None:
    """Return the events of a trigger that returns NULL for every row, whatever it holds."""
    found = None if trigger is None or "disabled" in trigger.enabled else _TRIGGER.search(trigger.definition)
    if trigger is None or found is None or " WHEN (" in trigger.definition:
        return None
    function = catalog.functions.get(trigger.function)
    body = "" if function is None else re.sub(r"--[^\n]*", "", function.definition)
    return found["events"] if _NULL.search(body) and not _ELSE.search(body) else None


WRITES_SWALLOWED = Check(
    code="PGS527",
    check="schema",
    name="writes-swallowed",
    severity=Severity.ERROR,
    condition=(
        "A rule or a trigger leaves out every INSERT or UPDATE of a table that was there before, without an error. For "
        "DELETE, and for a rule that does something else instead, it is a warning."
    ),
    effect="Writers are told that all is well, and their rows are nowhere.",
    remedy="Revoke the privilege or raise an exception, so that writers see it; give the rule a condition.",
    judge=_swallowed,
)
CHECKS = (WRITES_SWALLOWED,)

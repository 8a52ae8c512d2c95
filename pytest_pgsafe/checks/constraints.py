"""Constraints: dropped, weakened, replaced."""

from __future__ import annotations

from collections.abc import Iterator

from ..catalog.names import bare
from ..catalog.values import Constraint
from ..compare.values import Action, Change
from .equivalents import constraint_after
from .evidence import behaviour, consequence, excused, of, same_change, say
from .strength import Strength, strength
from .values import Check, Evidence, Finding, Severity

#: Attributes that stand in the definition's text as well.
_SPELT_OUT = frozenset(
    {
        "columns",
        "references",
        "reference_columns",
        "on_update",
        "on_delete",
        "match",
        "deferrable",
        "initially_deferred",
        "no_inherit",
        "form",
    }
)


def _dropped(evidence: Evidence) -> Iterator[Finding]:
    comparison = evidence.comparison
    parents = {change.object for change in of(evidence, Action.DROPPED, "constraint")}
    for change in of(evidence, Action.DROPPED, "constraint"):
        lost = change.old
        assert isinstance(lost, Constraint)
        if consequence(evidence, lost) or lost.parent in parents:
            continue
        if lost.form == "not null" and _told_by_column(evidence, lost):
            continue
        text = f"the {lost.form} constraint {bare(lost.name)} of {lost.table} was dropped: {lost.definition}"
        if constraint_after(comparison, lost) is not None:
            continue  # replaced
        if lost.enforced:
            yield excused(evidence, "constraint", CONSTRAINT_DROPPED.finding(lost.name, text))
        else:
            text += "; it was not enforced"
            severity = behaviour(evidence)
            yield excused(evidence, "constraint", CONSTRAINT_DROPPED.finding(lost.name, text, severity=severity))


def _told_by_column(evidence: Evidence, lost: Constraint) -> bool:
    # From 18 NOT NULL has a constraint; the column's own flag is what the check of columns judges.
    return len(lost.columns) == 1 and f"{lost.table}.{lost.columns[0]}" in evidence.comparison.columns


def _weakened(evidence: Evidence) -> Iterator[Finding]:
    for change in of(evidence, Action.CHANGED, "constraint"):
        if strength(evidence.comparison, change) is not Strength.WEAKER or _follows(evidence, change):
            continue
        if isinstance(change.old, Constraint) and _another(evidence, change.old):
            continue
        if change.attribute == "columns" and _still_unique(evidence, change):
            severity, text = behaviour(evidence), f"{change.object} is another, and its columns are unique as before"
            yield CONSTRAINT_CHANGED.finding(
                change.object, f"{text}: {_say(change)}", severity=severity, aspect=change.attribute
            )
            continue
        text = f"{change.object} protects less: {_say(change)}"
        yield CONSTRAINT_WEAKENED.finding(
            change.object, text, before=_text(change.before), after=_text(change.after), aspect=change.attribute
        )


def _another(evidence: Evidence, old: Constraint) -> bool:
    """Tell whether the old one went with its columns, which is told, and only its name was used again."""
    now = evidence.comparison.objects.get("constraints", {}).get(old.name)
    new = evidence.comparison.after.catalog.constraints.get(now or "")
    # One that kept its OID is the same.
    return new is not None and consequence(evidence, old) and new.oid != old.oid


def _still_unique(evidence: Evidence, change: Change) -> bool:
    """Tell whether another constraint or index took over, as when a table gets a new primary key."""
    old = change.old
    unique = isinstance(old, Constraint) and old.form in ("primary key", "unique")
    return isinstance(old, Constraint) and unique and constraint_after(evidence.comparison, old) is not None


def _changed(evidence: Evidence) -> Iterator[Finding]:
    for change in of(evidence, Action.CHANGED, "constraint"):
        if strength(evidence.comparison, change) is not Strength.OTHER or _follows(evidence, change):
            continue
        if isinstance(change.old, Constraint) and _another(evidence, change.old):
            continue
        text = f"{change.object} says something else: {_say(change)}"
        whole = change.attribute == "definition"
        yield CONSTRAINT_CHANGED.finding(
            change.object,
            text,
            severity=Severity.WARNING if whole else behaviour(evidence),
            before=_text(change.before),
            after=_text(change.after),
            aspect=change.attribute,
        )


def _already(evidence: Evidence) -> Iterator[Finding]:
    comparison = evidence.comparison
    pairs = comparison.objects.get("constraints", {})
    for name, old in comparison.before.catalog.constraints.items():
        new = comparison.after.catalog.constraints.get(pairs.get(name, ""))
        if old.validated or not old.enforced or new is None or new.validated or old.parent is not None:
            continue
        text = f"{name} is NOT VALID, as before the migration: rows that break it may be there"
        yield NOT_VALID.finding(name, text, standing=True)
    taken = set(pairs.values())
    for name, new in comparison.after.catalog.constraints.items():
        if name not in taken and not new.validated and new.enforced and new.parent is None:
            text = f"{name} was added NOT VALID and not validated: rows that were there before may break it"
            yield NOT_VALID.finding(name, text)


def _follows(evidence: Evidence, change: Change) -> bool:
    """Tell whether another change of the same constraint, or of its parent's, says it already."""
    old = change.old
    said = {one.attribute for one in evidence.comparison.by_object.get(change.object, ()) if one.kind == "constraint"}
    # What the columns of a CHECK changed to, its text alone says.
    check = isinstance(old, Constraint) and old.form == "check"
    if change.attribute == "definition" and said & (_SPELT_OUT - {"columns"} if check else _SPELT_OUT):
        return True
    if change.attribute in ("columns", "reference_columns") and "references" in said:
        return True
    if change.attribute == "columns" and isinstance(old, Constraint) and old.form == "check":
        return "definition" in said
    parent = old.parent if isinstance(old, Constraint) else None
    return parent is not None and same_change(evidence, change, object_=parent)


def _say(change: Change) -> str:
    words = {
        "validated": "it is NOT VALID, so rows that break it may be there",
        "enforced": "it is NOT ENFORCED",
        "deferrable": "it is DEFERRABLE, and was checked at once",
        "initially_deferred": "it is checked at the end of the transaction",
        "no_inherit": "it is NO INHERIT, and held for inheriting tables before",
        "enabled": f"its triggers are {change.after}, and were {change.before}",
    }
    known = words.get(change.attribute or "")
    if known is not None:
        return known
    name = (change.attribute or "").replace("_", " ").upper() if "on_" in str(change.attribute) else change.attribute
    return f"{name} went from {_text(change.before)} to {_text(change.after)}"


def _text(value: object) -> str | None:
    return None if value is None else say(value)


CONSTRAINT_DROPPED = Check(
    code="PGS501",
    check="schema",
    name="constraint-dropped",
    severity=Severity.ERROR,
    condition=(
        "A constraint is gone, and nothing that protects the same stands in its place. Those that went with a "
        "dropped column or table are not told again."
    ),
    effect="Rows that it refused can be written from now on, and are found when something else breaks.",
    remedy="Add its replacement in the same migration, or announce the drop with its reason: [expect] dropped.",
    judge=_dropped,
)
CONSTRAINT_WEAKENED = Check(
    code="PGS502",
    check="schema",
    name="constraint-weakened",
    severity=Severity.ERROR,
    excused_by=frozenset({"constraint"}),
    condition=(
        "A constraint is NOT VALID, NOT ENFORCED, disabled, DEFERRABLE or NO INHERIT and was not, has another ON "
        "DELETE or ON UPDATE, other columns or another table."
    ),
    effect="It lets rows through, or lets them go, that it protected before.",
    remedy=(
        "Give it the columns, the actions and the reach that it had, and VALIDATE it; announce what is meant with its "
        "reason: [expect] changed."
    ),
    judge=_weakened,
)
CONSTRAINT_CHANGED = Check(
    code="PGS503",
    check="schema",
    name="constraint-changed",
    severity=Severity.WARNING,
    excused_by=frozenset({"constraint"}),
    condition=(
        "A CHECK or EXCLUDE constraint of the same name has another definition. Whether it protects less cannot "
        "be told from its text, so this is a warning."
    ),
    effect="Rows that it refused may pass, rows that passed may be refused.",
    remedy="Compare the two definitions.",
    judge=_changed,
)
NOT_VALID = Check(
    code="PGS504",
    check="schema",
    name="constraint-not-valid",
    severity=Severity.WARNING,
    excused_by=frozenset({"constraint"}),
    condition="A constraint is NOT VALID and was so before, or was added so and not validated.",
    effect="It holds for new rows only; old ones may break it.",
    remedy="ALTER TABLE … VALIDATE CONSTRAINT, in a transaction of its own.",
    judge=_already,
)
CHECKS = (CONSTRAINT_DROPPED, CONSTRAINT_WEAKENED, CONSTRAINT_CHANGED, NOT_VALID)

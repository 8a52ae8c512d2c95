"""Objects of all kinds: dropped, changed, renamed, added."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..catalog.names import unquoted
from ..catalog.values import Column, Constraint, Index, Object, Type
from ..compare.values import Action, Change
from . import sessions
from .announced import rename
from .evidence import behaviour, excused, inherited, of, say, unproven
from .strength import Strength, strength
from .tables import lost_guards
from .values import Check, Evidence, Finding, Severity

#: Judged by checks of their own when they are gone.
_JUDGED = frozenset(
    {
        "table",
        "column",
        "constraint",
        "index",
        "sequence",
        "policy",
        "trigger",
        "rule",
        "event trigger",
        "grant",
        "role",
        "large objects",
    }
)
#: Each of their changes is judged by checks of their own, what a database holds among them.
_WHOLLY = frozenset({"grant", "role", "rows", "values", "sequence value", "foreign key", "large objects"})
#: Nothing fails without them.
_HARMLESS = frozenset(
    {"statistics", "extension dependency", "view column", "materialized view column", "attribute", "index column"}
)
#: Attributes that checks of their own judge, whatever they change to.
_ATTRIBUTES = frozenset(
    {
        ("column", "type"),
        ("view", "content"),
        ("type", "labels"),
        ("trigger", "definition"),
        ("trigger", "function"),
        ("rule", "definition"),
        ("event trigger", "definition"),
    }
)
WIDTH = 80


def _dropped(evidence: Evidence) -> Iterator[Finding]:
    after = evidence.comparison.after.catalog
    for change in of(evidence, Action.DROPPED):
        if change.kind in _JUDGED:
            continue
        form = getattr(change.old, "form", change.kind)
        word = form if change.kind in ("function", "type") else change.kind
        told, severity = f"the {word} {change.object} was dropped", Severity.ERROR
        if change.kind in _HARMLESS:
            severity = behaviour(evidence)
        elif change.kind == "view" and change.object in after.tables:
            told, severity = f"the view {change.object} is a table now", behaviour(evidence)
        elif change.kind == "function":
            others = [name for name in after.functions if name.partition("(")[0] == change.object.partition("(")[0]]
            if others:
                told += f"; there is {', '.join(others[:3])}, which takes other arguments"
        kind = "view" if change.kind == "view" else change.kind
        finding = OBJECT_DROPPED.finding(change.object, told, severity=severity, aspect=word)
        yield excused(evidence, kind, finding)


def _labels(evidence: Evidence) -> Iterator[Finding]:
    for change in of(evidence, Action.CHANGED, "type"):
        if change.attribute != "labels" or not isinstance(change.old, Type) or not isinstance(change.new, Type):
            continue
        gone = [label for label in change.old.labels if label not in change.new.labels]
        new = [label for label in change.new.labels if label not in change.old.labels]
        if gone:
            told = f"the enum {change.object} is without {', '.join(map(repr, gone))}"
            told += f", and has {', '.join(map(repr, new))} instead" if new else ""
            yield LABEL_GONE.finding(change.object, told, aspect=f"without {_listed(gone)}")
        elif new:
            told = f"the enum {change.object} has {', '.join(map(repr, new))} too"
            yield LABEL_GONE.finding(change.object, told, severity=Severity.NOTE, aspect=f"with {_listed(new)}")
        else:
            told = f"the labels of the enum {change.object} have another order, by which its values are sorted"
            yield LABEL_GONE.finding(change.object, told, severity=behaviour(evidence), aspect="order")


def _listed(labels: list[str]) -> str:
    return ", ".join("'" + label.replace("'", "''") + "'" for label in labels)


def _changed(evidence: Evidence) -> Iterator[Finding]:
    for change in of(evidence, Action.CHANGED):
        if change.attribute is None or _judged(evidence, change) or inherited(evidence, change):
            continue
        named = "database" if change.kind == "database" else f"{_word(change)} {change.object}"
        told = f"the {named} is another: {_say(change)}"
        yield OBJECT_CHANGED.finding(change.object, told, severity=behaviour(evidence), aspect=change.attribute)


def _judged(evidence: Evidence, change: Change) -> bool:
    place = (change.kind, change.attribute)
    if change.attribute == "owner" or change.kind in _WHOLLY or place in _ATTRIBUTES:
        return True
    if change.kind == "policy":
        return change.attribute != "comment"
    if change.kind == "database":
        return sessions.is_judged(change)
    if place == ("view", "populated"):
        return bool(change.before)
    if place == ("view", "options"):
        return bool(lost_guards(change))
    found = strength(evidence.comparison, change)
    return found is not None and (found is not Strength.OTHER or change.kind in ("constraint", "index"))


def _say(change: Change) -> str:
    name = (change.attribute or "").replace("_", " ")
    before, after = say(change.before), say(change.after)
    if "\n" in before + after or len(before) > WIDTH or len(after) > WIDTH:
        return f"its {name} changed"
    return f"its {name} went from {before} to {after}"


def _word(change: Change) -> str:
    form = getattr(change.old, "form", None)
    return form if isinstance(form, str) and change.kind in ("function", "type", "table") else change.kind


def _renamed(evidence: Evidence) -> Iterator[Finding]:
    after = evidence.comparison.after.catalog
    for change in of(evidence, Action.RENAMED):
        if inherited(evidence, change):
            continue
        told, severity = f"the {_word(change)} {change.object} is called {change.after} now", behaviour(evidence)
        if change.kind == "table" and change.object in after.views:
            told += f"; {change.object} is a view now, and whether it shows the same rows was not compared"
            severity = unproven(evidence)
        aspect = f"{_word(change)} to {say(change.after)}"
        finding = RENAMED.finding(
            change.object, told, severity=severity, before=change.object, after=say(change.after), aspect=aspect
        )
        expected = rename(evidence, change.kind, change.object, str(change.after))
        if expected is not None and severity is behaviour(evidence):
            finding = replace(finding, severity=Severity.NOTE, reason=expected.reason, remedy=None)
        yield finding


def _added(evidence: Evidence) -> Iterator[Finding]:
    former = _former(evidence)
    for change in of(evidence, Action.ADDED):
        if change.kind in ("grant", "role") or _follows(change.new) or inherited(evidence, change):
            continue
        form = getattr(change.new, "form", change.kind)
        word = form if change.kind in ("function", "type", "table") else change.kind
        if change.kind == "constraint":
            word = f"{form} constraint"
        told = f"the {word} {change.object} was added"
        if isinstance(change.new, Column):
            told += f", {change.new.type}{' NOT NULL' if change.new.not_null else ''}"
        oid = 0 if change.new is None else change.new.oid
        if change.kind == "table" and oid in former:
            told = f"the table {change.object} is new; it is what {former[oid]} was before"
        yield ADDED.finding(change.object, told, aspect=word)


def _former(evidence: Evidence) -> dict[int, str]:
    if not evidence.comparison.cloned:
        return {}
    return {table.oid: unquoted(name) for name, table in evidence.comparison.before.catalog.tables.items() if table.oid}


def _follows(value: Object | None) -> bool:
    """Tell whether an addition is told by another: the index of a constraint, the constraint of a NOT NULL."""
    if isinstance(value, Index):
        return value.constraint is not None or value.parent is not None or not value.valid
    return isinstance(value, Constraint) and (value.form == "not null" or value.parent is not None)


OBJECT_DROPPED = Check(
    code="PGS531",
    check="schema",
    name="object-dropped",
    severity=Severity.ERROR,
    condition=(
        "A view, function, type, schema, extension or another object that was there before is gone, and was not "
        "renamed. CASCADE takes such along."
    ),
    effect="Statements that name it fail.",
    remedy=(
        "Drop without CASCADE, which says what still needs it; recreate what is needed, or announce the drop: "
        "[expect] dropped."
    ),
    judge=_dropped,
)
LABEL_GONE = Check(
    code="PGS532",
    check="schema",
    name="enum-label-gone",
    severity=Severity.ERROR,
    excused_by=frozenset({"type"}),
    condition="An enum is without a label that it had. One more label is a note.",
    effect="Statements that write or look for the label fail.",
    remedy="Leave the label in place; it does no harm.",
    judge=_labels,
)
OBJECT_CHANGED = Check(
    code="PGS533",
    check="schema",
    name="object-changed",
    severity=Severity.NOTE,
    excused_by=frozenset({"column", "function", "schema", "sequence", "table", "type", "view"}),
    condition=(
        "A view, function, default, comment, option or another attribute is not what it was, and protects as before."
    ),
    effect="The database behaves otherwise than before, as the migration means it to.",
    remedy="Compare the two definitions in the report.",
    judge=_changed,
)
RENAMED = Check(
    code="PGS534",
    check="schema",
    name="renamed",
    severity=Severity.NOTE,
    condition="An object has another name, known by its OID, or a column by its number.",
    effect="Nothing is lost; statements that use the old name fail.",
    remedy="Deploy what uses the new name at the same moment, or leave a view under the old name.",
    judge=_renamed,
)
ADDED = Check(
    code="PGS535",
    check="schema",
    name="added",
    severity=Severity.NOTE,
    condition="An object is there that was not there before.",
    effect="Nothing that was there is touched.",
    remedy="None is needed.",
    judge=_added,
)
CHECKS = (OBJECT_DROPPED, LABEL_GONE, OBJECT_CHANGED, RENAMED, ADDED)

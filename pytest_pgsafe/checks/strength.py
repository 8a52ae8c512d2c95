"""Whether a change of an attribute protects less than before, more, or only otherwise."""

from __future__ import annotations

from enum import Enum

from ..catalog.values import Constraint, Index
from ..compare.values import Change, Comparison
from .evidence import columns_after
from .implied import says_less


class Strength(str, Enum):
    WEAKER = "weaker"
    STRONGER = "stronger"
    OTHER = "other"


#: True protects.
_ON = frozenset(
    {
        ("column", "not_null"),
        ("constraint", "validated"),
        ("constraint", "enforced"),
        ("index", "valid"),
        ("index", "ready"),
        ("table", "row_security"),
        ("table", "force_row_security"),
    }
)
#: The same, where the index is unique.
_ON_UNIQUE = frozenset({"unique", "immediate", "nulls_not_distinct"})
#: False protects: the check can be put off, or does not hold below.
_OFF = frozenset({("constraint", "deferrable"), ("constraint", "initially_deferred"), ("constraint", "no_inherit")})
_SWITCHED = frozenset({"constraint", "trigger", "rule", "event trigger"})
#: Of these, neither lets a referenced row go while it is referenced.
_REFUSING = frozenset({"no action", "restrict"})


def strength(comparison: Comparison, change: Change) -> Strength | None:
    """Return what the change of an attribute means for the protection; None where it is not about one."""
    place = (change.kind, change.attribute)
    if place in _ON or place in _OFF:
        return _either(weaker=bool(change.after) is (place in _OFF))
    if place == ("table", "persistence"):
        return _either(weaker=change.after != "permanent")
    if change.attribute == "enabled" and change.kind in _SWITCHED:
        return _enabled(change)
    if isinstance(change.old, Constraint) and isinstance(change.new, Constraint):
        return _constraint(comparison, change, change.old, change.new)
    if isinstance(change.old, Index) and isinstance(change.new, Index):
        return _index(comparison, change, change.old, change.new)
    return None


def _either(*, weaker: bool) -> Strength:
    return Strength.WEAKER if weaker else Strength.STRONGER


def _enabled(change: Change) -> Strength:
    def off(value: object) -> int:
        return 2 if "disabled" in str(value) else 1 if "replica" in str(value) else 0

    before, after = off(change.before), off(change.after)
    return Strength.OTHER if before == after else _either(weaker=after > before)


def _constraint(comparison: Comparison, change: Change, old: Constraint, new: Constraint) -> Strength | None:
    name = change.attribute
    found: Strength | None = None
    if name in ("on_delete", "on_update"):
        found = Strength.OTHER if {change.before, change.after} <= _REFUSING else Strength.WEAKER
    elif name == "match":
        found = _either(weaker=change.after != "full")
    elif name in ("references", "reference_columns"):
        found = Strength.WEAKER
    elif name == "form":
        found = _either(weaker=change.after != "primary key")
    elif name == "columns" and old.form in ("unique", "primary key"):
        found = _unique(comparison, old.table, old.columns, new.columns)
    elif name == "columns":
        found = Strength.WEAKER if old.form == "foreign key" else Strength.OTHER
    elif name == "definition":
        # NULLS NOT DISTINCT stands nowhere else.
        before, after = (" NULLS NOT DISTINCT" in str(value) for value in (change.before, change.after))
        found = Strength.OTHER if before == after else _either(weaker=before)
        less = says_less(str(change.before), str(change.after)) if old.form == new.form == "check" else None
        if less is not None:
            found = _either(weaker=less)
        elif old.form == "exclusion" and str(change.after).startswith(f"{change.before} WHERE ("):
            found = Strength.WEAKER
    return found


def _index(comparison: Comparison, change: Change, old: Index, new: Index) -> Strength | None:
    name = change.attribute
    found: Strength | None = None
    if name == "unique":
        found = _either(weaker=not change.after)
    elif name not in ("columns", "predicate", "definition", *_ON_UNIQUE):
        found = None
    elif not (old.unique and new.unique):
        found = Strength.OTHER
    elif name in _ON_UNIQUE:
        found = _either(weaker=not change.after)
    elif name == "columns":
        found = _unique(comparison, old.table, old.columns, new.columns)
    elif name == "predicate":
        found = _either(weaker=change.after is not None)
    else:
        found = Strength.OTHER if key_text(old) == key_text(new) else Strength.WEAKER
    return found


def _unique(comparison: Comparison, table: str, old: tuple[str | None, ...], new: tuple[str | None, ...]) -> Strength:
    """Unique in fewer columns is more; the order says nothing."""
    plain = [column for column in old if column is not None]
    before = columns_after(comparison, table, plain) if len(plain) == len(old) else None
    after = frozenset(new)
    if before == after and before is not None:
        return Strength.OTHER
    return Strength.STRONGER if before is not None and after < before else Strength.WEAKER


def key_text(index: Index) -> str:
    """Return what an index's definition says of its key: from the method on, without INCLUDE and predicate."""
    text = index.definition.partition(" USING ")[2]
    for word in (" INCLUDE (", " NULLS NOT DISTINCT", " WITH (", " TABLESPACE ", " WHERE "):
        text = text.partition(word)[0]
    return text

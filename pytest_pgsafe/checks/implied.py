"""Whether one CHECK says less than another, where that can be proven from their texts."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

#: PostgreSQL prints no other form of a date in a definition.
_DATE = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d+)?)?")


def says_less(before: str, after: str) -> bool | None:
    """Tell whether a CHECK refuses less than it did (True) or more (False); None where that cannot be told.

    :param before: as PostgreSQL prints it, ``CHECK ((credit >= 0))``.
    """
    from sqlglot.errors import SqlglotError

    try:
        old, new = _parsed(before), _parsed(after)
        there, back = _implies(old, new), _implies(new, old)
    except (SqlglotError, RecursionError):
        return None
    return None if there is back else there


def _parsed(text: str) -> Any:
    from sqlglot import parse_one

    inside = text.partition("CHECK (")[2].rpartition(")")[0]
    return parse_one(inside, read="postgres")


def _implies(one: Any, other: Any) -> bool:
    """Tell whether every row that fulfils the one is seen to fulfil the other; False where it is not seen."""
    from sqlglot import exp

    one, other = one.unnest(), other.unnest()
    if one == other or _is(other, value=True) or _is(one, value=False):
        return True
    if isinstance(one, exp.Or):
        return _implies(one.left, other) and _implies(one.right, other)
    if isinstance(other, exp.And):
        return _implies(one, other.left) and _implies(one, other.right)
    if isinstance(one, exp.And) and (_implies(one.left, other) or _implies(one.right, other)):
        return True
    if isinstance(other, exp.Or) and (_implies(one, other.left) or _implies(one, other.right)):
        return True
    return _within(one, other)


def _is(one: Any, *, value: bool) -> bool:
    from sqlglot import exp

    return isinstance(one, exp.Boolean) and one.this is value


def _within(one: Any, other: Any) -> bool:
    """Tell whether of two comparisons of the same thing the one is within the other: ``x > 5`` within ``x >= 0``."""
    from sqlglot import exp

    if not isinstance(one, exp.Binary) or not isinstance(other, exp.Binary) or _thing(one) != _thing(other):
        return False
    if isinstance(one, exp.EQ) and isinstance(other, exp.EQ):
        ours, theirs = _any_of(one.right), _any_of(other.right)
        return ours is not None and theirs is not None and ours <= theirs
    low, high = (exp.GT, exp.GTE), (exp.LT, exp.LTE)
    for kinds in (low, high):
        if isinstance(one, kinds) and isinstance(other, kinds):
            mine, its = _constant(one.right), _constant(other.right)
            if mine is None or its is None or mine[0] != its[0]:
                return False
            if mine == its:
                return type(one) is type(other) or type(other) in {exp.GTE, exp.LTE}
            return mine > its if kinds is low else mine < its
    return False


def _thing(one: Any) -> str:
    return str(one.left.unnest().sql("postgres"))


def _constant(one: Any) -> tuple[str, Decimal, str] | None:
    """Return a number or a date, whatever it is cast to: its kind, and what it is ordered by."""
    from sqlglot import exp

    one = one.unnest()
    cast = isinstance(one, exp.Cast)
    while isinstance(one, exp.Cast):
        if one.to.this in exp.DataType.TEXT_TYPES:
            # '10' comes before '9', and where a collation puts letters is not known here.
            return None
        one = one.this.unnest()
    if isinstance(one, exp.Neg):
        value = _constant(one.this)
        return None if value is None or value[0] != "number" else ("number", -value[1], "")
    if not isinstance(one, exp.Literal) or (one.is_string and not cast):
        return None
    text = str(one.this)
    if one.is_string and _DATE.fullmatch(text):
        return "date", Decimal(0), text
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return ("number", number, "") if number.is_finite() else None


def _any_of(one: Any) -> frozenset[str] | None:
    """Return what ``= ANY (ARRAY[…])`` or ``=`` a constant allows."""
    from sqlglot import exp

    one = one.unnest()
    if isinstance(one, exp.Any):
        inside = one.this.unnest()
        while isinstance(inside, exp.Cast):
            inside = inside.this.unnest()
        if not isinstance(inside, exp.Array):
            return None
        items = [item.unnest() for item in inside.expressions]
    else:
        items = [one]
    plain: list[str] = []
    for item in items:
        bare = item
        while isinstance(bare, exp.Cast):
            bare = bare.this.unnest()
        if not isinstance(bare, exp.Literal):
            return None
        plain.append(bare.sql("postgres"))
    return frozenset(plain)

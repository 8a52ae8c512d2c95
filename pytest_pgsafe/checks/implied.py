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


def _implies(stronger: Any, weaker: Any) -> bool:
    """Tell whether every row that fulfils the one is seen to fulfil the other; False where it is not seen."""
    from sqlglot import exp

    stronger, weaker = stronger.unnest(), weaker.unnest()
    if stronger == weaker or _is(weaker, value=True) or _is(stronger, value=False):
        return True
    if isinstance(stronger, exp.Or):
        return _implies(stronger.left, weaker) and _implies(stronger.right, weaker)
    if isinstance(weaker, exp.And):
        return _implies(stronger, weaker.left) and _implies(stronger, weaker.right)
    if isinstance(stronger, exp.And) and (_implies(stronger.left, weaker) or _implies(stronger.right, weaker)):
        return True
    if isinstance(weaker, exp.Or) and (_implies(stronger, weaker.left) or _implies(stronger, weaker.right)):
        return True
    return _within(stronger, weaker)


def _is(condition: Any, *, value: bool) -> bool:
    from sqlglot import exp

    return isinstance(condition, exp.Boolean) and condition.this is value


def _within(inner: Any, outer: Any) -> bool:
    """Tell whether of two comparisons of the same thing the one is within the other: ``x > 5`` within ``x >= 0``."""
    from sqlglot import exp

    if not isinstance(inner, exp.Binary) or not isinstance(outer, exp.Binary) or _thing(inner) != _thing(outer):
        return False
    if isinstance(inner, exp.EQ) and isinstance(outer, exp.EQ):
        ours, theirs = _any_of(inner.right), _any_of(outer.right)
        return ours is not None and theirs is not None and ours <= theirs
    low, high = (exp.GT, exp.GTE), (exp.LT, exp.LTE)
    for kinds in (low, high):
        if isinstance(inner, kinds) and isinstance(outer, kinds):
            mine, its = _constant(inner.right), _constant(outer.right)
            if mine is None or its is None or mine[0] != its[0]:
                return False
            if mine == its:
                return type(inner) is type(outer) or type(outer) in {exp.GTE, exp.LTE}
            return mine > its if kinds is low else mine < its
    return False


def _thing(comparison: Any) -> str:
    return str(comparison.left.unnest().sql("postgres"))


def _constant(expression: Any) -> tuple[str, Decimal, str] | None:
    """Return a number or a date, whatever it is cast to: its kind, and what it is ordered by."""
    from sqlglot import exp

    expression = expression.unnest()
    cast = isinstance(expression, exp.Cast)
    while isinstance(expression, exp.Cast):
        if expression.to.this in exp.DataType.TEXT_TYPES:
            # '10' comes before '9', and where a collation puts letters is not known here.
            return None
        expression = expression.this.unnest()
    if isinstance(expression, exp.Neg):
        value = _constant(expression.this)
        return None if value is None or value[0] != "number" else ("number", -value[1], "")
    if not isinstance(expression, exp.Literal) or (expression.is_string and not cast):
        return None
    text = str(expression.this)
    if expression.is_string and _DATE.fullmatch(text):
        return "date", Decimal(0), text
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return ("number", number, "") if number.is_finite() else None


def _any_of(expression: Any) -> frozenset[str] | None:
    """Return what ``= ANY (ARRAY[…])`` or ``=`` a constant allows."""
    from sqlglot import exp

    expression = expression.unnest()
    if isinstance(expression, exp.Any):
        inside = expression.this.unnest()
        while isinstance(inside, exp.Cast):
            inside = inside.this.unnest()
        if not isinstance(inside, exp.Array):
            return None
        items = [item.unnest() for item in inside.expressions]
    else:
        items = [expression]
    plain: list[str] = []
    for item in items:
        bare = item
        while isinstance(bare, exp.Cast):
            bare = bare.this.unnest()
        if not isinstance(bare, exp.Literal):
            return None
        plain.append(bare.sql("postgres"))
    return frozenset(plain)

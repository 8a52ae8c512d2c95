"""When a copy says what its source says: across types, as the source's value is when it is written into the copy."""

from __future__ import annotations

import re

from .expressions import base_type, common_forms, form

__all__ = ["agrees", "shown"]

_SCALE = re.compile(r"numeric\(\d+,(-?\d+)\)")
_EXACT = frozenset({"smallint", "integer", "bigint", "numeric"})
_FLOAT = frozenset({"real", "double precision"})
_TIME = frozenset({"date", "timestamp without time zone", "timestamp with time zone"})


def agrees(kind: str, copy: str, copy_type: str, value: str, value_type: str, *, was: str | None = None) -> str:
    """Return the SQL that is true where a copy agrees; it never is NULL.

    NULL agrees with NULL alone. The exception is an aggregate of no row: of ``count`` it is 0, of ``sum`` NULL, and a
    column may hold the other of the two.

    :param kind: of the rule.
    :param copy: SQL of the copy; ``value`` of what it has to be. Types as format_type prints them, no domains.
    :param was: the type that the copy had before: what it was rounded to then stays right under a wider one.
    """
    written, written_type = _written(value, value_type, copy_type)
    one, other = common_forms(copy_type, written_type)
    same = f"({one.hash(copy, '0')} IS NOT DISTINCT FROM {other.hash(written, '0')})"
    if was is not None and was != copy_type and {base_type(was), base_type(copy_type)} <= _EXACT:
        rounded, rounded_type = _written(value, value_type, was)
        one, other = common_forms(copy_type, rounded_type)
        same = f"({same} OR {one.hash(copy, '0')} IS NOT DISTINCT FROM {other.hash(rounded, '0')})"
    if base_type(copy_type) not in _EXACT | _FLOAT:
        return same
    if kind == "count":
        return f"({same} OR {copy} IS NULL AND {value} OPERATOR(pg_catalog.=) 0)"
    if kind == "sum":
        return f"({same} OR {value} IS NULL AND coalesce({copy} OPERATOR(pg_catalog.=) 0, false))"
    return same


def shown(value: str, type_: str) -> str:
    """Return the SQL of a value as PostgreSQL prints it."""
    return form(type_).text(value)


def _written(value: str, type_: str, copy: str) -> tuple[str, str]:
    """Return a value as it is when a column of the copy's type takes it: rounded, never cut; and its type."""
    base, target = base_type(type_), base_type(copy)
    scale = _SCALE.fullmatch(copy)
    places = int(scale[1]) if scale is not None else 0
    if base in _EXACT | _FLOAT and target in _EXACT and (scale is not None or target != "numeric"):
        exact = f"({value})::pg_catalog.text" if base in _FLOAT else f"({value})"
        return f"pg_catalog.round({exact}::pg_catalog.numeric, {places})", "numeric"
    if base == "double precision" and target == "real":
        return f"({value})::pg_catalog.float4", "real"
    if base == "numeric" and target in _FLOAT:
        return f"({value})::{'pg_catalog.float4' if target == 'real' else 'pg_catalog.float8'}", target
    if base in _TIME and target in _TIME and copy != type_ and (target == "date" or "(" in copy):
        return f"({value})::{copy}", copy
    return value, type_

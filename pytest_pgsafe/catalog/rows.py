"""Rows of the catalog's queries as values: one generic loop for all kinds."""

from __future__ import annotations

from typing import Any, TypeVar

import psycopg

from .canonical import canonical
from .values import Function, Object

ObjectType = TypeVar("ObjectType", bound=Object)
Cursor = psycopg.Cursor[tuple[Any, ...]]

_TEXT_ARRAY = 1009
#: Fields that hold an expression as PostgreSQL prints it.
_EXPRESSIONS = frozenset({"definition", "default", "predicate", "using", "check", "partition_key", "partition_bound"})


def rows_as(value: type[ObjectType], cursor: Cursor) -> list[ObjectType]:
    """Make a value of each row: the columns of a query are named as the fields."""
    # In a pipeline the description is there once the rows are.
    rows = cursor.fetchall()
    description = cursor.description or []
    names = [column.name for column in description]
    arrays = [index for index, column in enumerate(description) if column.type_code == _TEXT_ARRAY]
    # The text of a function is its author's, unless PostgreSQL keeps it parsed.
    expressions = [index for index, name in enumerate(names) if name in _EXPRESSIONS]
    verbatim = issubclass(value, Function)
    values: list[ObjectType] = []
    for row in rows:
        content = list(row)
        for index in arrays:
            content[index] = tuple(content[index])
        for index in expressions:
            text = content[index]
            if text is not None and (not verbatim or "BEGIN ATOMIC" in text):
                content[index] = canonical(text)
        values.append(value(**dict(zip(names, content, strict=True))))
    return values

"""Rows of the catalog's queries as values: one generic loop for all kinds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import psycopg

from .canonical import canonical
from .values import Function, Grant, Object

ObjectType = TypeVar("ObjectType", bound=Object)
Cursor = psycopg.Cursor[tuple[Any, ...]]

_TEXTS = frozenset({18, 19, 25, 1043})
_TEXT_ARRAY = 1009
_NUMBERS = frozenset({20, 21, 23, 26})
#: Fields that hold an expression as PostgreSQL prints it.
_EXPRESSIONS = frozenset({"definition", "default", "predicate", "using", "check", "partition_key", "partition_bound"})


@dataclass(frozen=True)
class Shared:
    """Equal texts, numbers and lists of many objects, each held once: names of tables and roles, words for kinds.

    Numbers apart from the rest: 1 equals True.
    """

    values: dict[object, Any] = field(default_factory=dict[object, Any])
    numbers: dict[int | None, Any] = field(default_factory=dict["int | None", Any])


def rows_as(
    value: type[ObjectType],
    cursor: Cursor,
    rows: Iterable[tuple[Any, ...]] | None = None,
    *,
    shared: Shared | None = None,
) -> list[ObjectType]:
    """Make a value of each row: the columns of a query are named as the fields.

    :param rows: of that cursor, which has a description once the first is there; None are all that it has.
    """
    shared = Shared() if shared is None else shared
    values: list[ObjectType] = []
    names: list[str] = []
    arrays: list[int] = []
    expressions: list[int] = []
    pools: list[tuple[int, dict[Any, Any]]] = []
    # The text of a function is its author's, unless PostgreSQL keeps it parsed.
    verbatim = issubclass(value, Function)
    # Names of grants and definitions are hardly ever equal to another text.
    apart = {"definition", "name"} if issubclass(value, Grant) else {"definition"}
    for row in cursor if rows is None else rows:
        if not names:
            columns = list(enumerate(cursor.description or ()))
            names = [column.name for _, column in columns]
            arrays = [index for index, column in columns if column.type_code == _TEXT_ARRAY]
            expressions = [index for index, name in enumerate(names) if name in _EXPRESSIONS]
            pools = [
                (index, shared.numbers if column.type_code in _NUMBERS else shared.values)
                for index, column in columns
                if column.type_code in {*_TEXTS, *_NUMBERS, _TEXT_ARRAY} and column.name not in apart
            ]
        content = list(row)
        for index in arrays:
            content[index] = tuple(content[index])
        for index in expressions:
            text = content[index]
            if text is not None and (not verbatim or "BEGIN ATOMIC" in text):
                content[index] = canonical(text)
        for index, pool in pools:
            content[index] = pool.setdefault(content[index], content[index])
        values.append(value(**dict(zip(names, content, strict=True))))
    return values

"""Reading the catalog of a database: a constant number of queries, sent together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any, TypeVar, cast

import psycopg
from psycopg import capabilities

from ..errors import SnapshotError
from ..server.connection import Connection
from .canonical import canonical
from .queries import queries
from .values import (
    Catalog,
    Column,
    Constraint,
    Database,
    Definition,
    Extension,
    Function,
    Grant,
    Index,
    Object,
    Policy,
    Role,
    Rule,
    Schema,
    Sequence,
    Table,
    Trigger,
    Type,
    View,
)

ObjectType = TypeVar("ObjectType", bound=Object)
Cursor = psycopg.Cursor[tuple[Any, ...]]

#: The value that a query's rows are read into, where it is not :class:`Definition`.
KINDS: Mapping[str, tuple[str, type[Object]]] = {
    "schema": ("schemas", Schema),
    "table": ("tables", Table),
    "column": ("columns", Column),
    "constraint": ("constraints", Constraint),
    "index": ("indexes", Index),
    "view": ("views", View),
    "sequence": ("sequences", Sequence),
    "trigger": ("triggers", Trigger),
    "rule": ("rules", Rule),
    "policy": ("policies", Policy),
    "function": ("functions", Function),
    "type": ("types", Type),
    "extension": ("extensions", Extension),
    "grant": ("grants", Grant),
    "role": ("roles", Role),
}
_TEXT_ARRAY = 1009
#: Fields that hold an expression as PostgreSQL prints it.
_EXPRESSIONS = frozenset({"definition", "default", "predicate", "using", "check", "partition_key", "partition_bound"})


def read(connection: Connection) -> Catalog:
    """Read everything that the database's catalog says of its own objects.

    The session has pinned settings and the caller holds its transaction (usually REPEATABLE READ READ ONLY). Only what
    everybody may read is read, so the result is the same for every role.

    :raises SnapshotError: two objects of a kind have the same name.
    :raises psycopg.Error: as the server says it.
    """
    statements = queries(connection.info.server_version // 10000)
    # One round trip instead of forty, where libpq can.
    with connection.pipeline() if capabilities.has_pipeline() else nullcontext():
        cursors = {kind: connection.execute(query) for kind, query in statements.items()}
    fields: dict[str, Mapping[str, Object]] = {}
    definitions: list[Definition] = []
    for kind, cursor in cursors.items():
        if kind == "database":
            continue
        if kind in KINDS:
            name, value = KINDS[kind]
            fields[name] = _by_name(rows_as(value, cursor))
        else:
            definitions += rows_as(Definition, cursor)
    [database] = rows_as(Database, cursors["database"])
    return Catalog(
        database=database,
        definitions=_by_name(definitions, key=lambda definition: f"{definition.form} {definition.name}"),
        **cast("Any", fields),
    )


def rows_as(value: type[ObjectType], cursor: Cursor) -> list[ObjectType]:
    """Make a value of each row: the columns of a query are named as the fields."""
    description = cursor.description or []
    names = [column.name for column in description]
    arrays = [index for index, column in enumerate(description) if column.type_code == _TEXT_ARRAY]
    # The text of a function is its author's, unless PostgreSQL keeps it parsed.
    expressions = [index for index, name in enumerate(names) if name in _EXPRESSIONS]
    verbatim = issubclass(value, Function)
    values: list[ObjectType] = []
    for row in cursor:
        content = list(row)
        for index in arrays:
            content[index] = tuple(content[index])
        for index in expressions:
            text = content[index]
            if text is not None and "(ARRAY[" in text and (not verbatim or "BEGIN ATOMIC" in text):
                content[index] = canonical(text)
        values.append(value(**dict(zip(names, content, strict=True))))
    return values


def _by_name(
    values: list[ObjectType], *, key: Callable[[ObjectType], str] = lambda value: value.name
) -> Mapping[str, ObjectType]:
    """Return the values by key, in code point order, which is that of ``collate "C"``.

    :raises SnapshotError: a key comes twice, and one of the two would be lost.
    """
    named = {key(value): value for value in sorted(values, key=key)}
    if len(named) != len(values):
        keys = [key(value) for value in values]
        twice = sorted({one for one in keys if keys.count(one) > 1})
        raise SnapshotError(
            f"two objects of the catalog have one name: {', '.join(twice)}",
            looked_at=[f"{len(values)} objects of kind {values[0].kind}"],
            remedies=["report it, with the definitions of both objects"],
        )
    return named

"""Reading the catalog of a database: a constant number of queries, sent together."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from itertools import chain
from typing import Any, TypeVar, cast

from psycopg import capabilities

from ..errors import SnapshotError
from ..server.capabilities import BARE_VIEW_COLUMNS
from ..server.connection import Connection, version
from .canonical import unqualified
from .parted import parted
from .queries import queries
from .rows import Shared, rows_as
from .settings import settings
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
    Setting,
    Table,
    Trigger,
    Type,
    Unknown,
    View,
)

ObjectType = TypeVar("ObjectType", bound=Object)

#: The value that a query's rows are read into, where it is not :class:`Definition`.
KINDS: Mapping[str, tuple[str, type[Object]]] = {
    "database": ("database", Database),
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
    "cluster_role": ("cluster_roles", Role),
    "setting": ("settings", Setting),
    "unknown": ("unknown", Unknown),
}

#: From so many relations on, indexes and sequences among them, memory counts for more than round trips.
_MANY = 20_000


def read(connection: Connection) -> Catalog:
    """Read everything that the database's catalog says of its own objects.

    The session has pinned settings and the caller holds its transaction (usually REPEATABLE READ READ ONLY). Only what
    everybody may read is read, so the result is the same for every role.

    :raises SnapshotError: two objects of a kind have the same name.
    :raises psycopg.Error: as the server says it.
    """
    server = version(connection)
    with _uncollected():
        values = _values(connection, queries(server.major))
    [database] = cast("list[Database]", values.pop("database"))
    if not BARE_VIEW_COLUMNS.known_to(server):
        views = cast("list[View]", values["view"])
        values["view"] = [replace(view, definition=unqualified(view.definition)) for view in views]
    fields = {field: _by_name(values.pop(kind)) for kind, (field, _) in KINDS.items() if kind in values}
    # Each query is in the order of collate "C", which is that of code points; these come from many.
    rest = sorted(cast("Iterable[Definition]", chain.from_iterable(values.values())), key=_form_and_name)
    fields["settings"] = settings(connection, cast("Any", fields))
    return parted(Catalog(database=database, definitions=_by_name(rest, key=_form_and_name), **cast("Any", fields)))


def _values(connection: Connection, wanted: Mapping[str, bytes]) -> dict[str, list[Object]]:
    shared = Shared()
    found = connection.execute("SELECT pg_catalog.count(*) FROM pg_catalog.pg_class").fetchone()
    if found is not None and found[0] > _MANY:
        # Row by row: what libpq holds of a whole result is more than all values that are made of it.
        with connection.cursor() as cursor:
            return {
                kind: rows_as(_class(kind), cursor, cursor.stream(query), shared=shared)
                for kind, query in wanted.items()
            }
    # One round trip instead of forty, where libpq can; values are made while the server works on the next query.
    with connection.pipeline() if capabilities.has_pipeline() else nullcontext():
        cursors = {kind: connection.execute(query) for kind, query in wanted.items()}
        return {kind: rows_as(_class(kind), cursors.pop(kind), shared=shared) for kind in wanted}


def _class(kind: str) -> type[Object]:
    return KINDS.get(kind, ("", Definition))[1]


def _form_and_name(definition: Definition) -> str:
    return f"{definition.form} {definition.name}"


@contextmanager
def _uncollected() -> Generator[None, None, None]:
    """Pause the collector of cycles: hundreds of thousands of values that live on have it run over them for nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _by_name(
    values: list[ObjectType], *, key: Callable[[ObjectType], str] = lambda value: value.name
) -> Mapping[str, ObjectType]:
    """Return the values by key, in their order.

    :raises SnapshotError: a key comes twice, and one of the two would be lost.
    """
    named = {key(value): value for value in values}
    if len(named) != len(values):
        keys = [key(value) for value in values]
        twice = sorted({one for one in keys if keys.count(one) > 1})
        raise SnapshotError(
            f"two objects of the catalog have one name: {', '.join(twice)}",
            looked_at=[f"{len(values)} objects of kind {values[0].kind}"],
            remedies=["report it, with the definitions of both objects"],
        )
    return named

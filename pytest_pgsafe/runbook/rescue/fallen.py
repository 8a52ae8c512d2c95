"""What fell with a table: views, functions and policies that depend on it, as DROP … CASCADE takes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from ...backup.contents import Choice
from ...catalog.names import bare, container, unquoted
from ...catalog.values import Catalog, Object, View
from ...server.connection import Connection

#: pg_class, pg_proc, pg_policy, pg_rewrite, pg_statistic_ext.
_CLASS, _FUNCTION, _POLICY, _RULE, _STATISTICS = 1259, 1255, 3256, 2618, 3381
_QUERY = (Path(__file__).parents[1] / "sql" / "fallen.sql").read_bytes()


def with_fallen(choice: Choice, catalog: Catalog, there: Catalog, recovered: Connection) -> Choice:
    """Return a choice with what depends on its tables and is missing too.

    :param catalog: of the recovered database, as its backup has it.
    :param there: of the live database.
    :param recovered: a session in the recovered database.
    """
    oids = [catalog.tables[name].oid for name in choice.tables]
    below: set[tuple[int, int]] = {(one, oid) for one, oid in recovered.execute(_QUERY, (oids,)).fetchall()}
    objects: set[tuple[int, int]] = set()
    entries: set[str] = set()
    kinds: tuple[tuple[int, Mapping[str, Object], Mapping[str, Object]], ...] = (
        (_CLASS, catalog.views, there.views), (_FUNCTION, catalog.functions, there.functions),
        (_POLICY, catalog.policies, there.policies), (_RULE, catalog.rules, there.rules),
        (_STATISTICS, catalog.definitions, there.definitions),
    )  # fmt: skip
    for number, ours, theirs in kinds:
        for name, one in ours.items():
            if (number, one.oid) in below and name not in theirs:
                objects.add((number, one.oid))
                if isinstance(one, View):
                    # MATERIALIZED VIEW DATA has no class; it is the REFRESH.
                    objects.add((0, one.oid))
                    objects |= {(_CLASS, index.oid) for index in catalog.indexes.values() if index.table == name}
                entries |= set(_said_of(one, number))
    for schema in {container(name) for name in choice.tables} - set(there.schemas):
        if schema in catalog.schemas:
            owner = unquoted(catalog.schemas[schema].owner)
            entries |= {f"{what} - SCHEMA {schema} {owner}" for what in ("ACL", "COMMENT")}
    return replace(choice, objects=choice.objects | objects, entries=choice.entries | entries)


def _said_of(object_: Object, number: int) -> Iterator[str]:
    """Yield the entries for grants and comments, as the table of contents words them."""
    owner = unquoted(getattr(object_, "owner", None) or "")
    schema = unquoted(container(object_.name.partition("(")[0]))
    if isinstance(object_, View):
        yield f"ACL {schema} TABLE {bare(object_.name)} {owner}"
        yield f"COMMENT {schema} {'MATERIALIZED ' * object_.materialized}VIEW {bare(object_.name)} {owner}"
    elif number == _FUNCTION:
        for what in ("ACL", "COMMENT"):
            yield f"{what} {schema} FUNCTION {bare(object_.name)} {owner}"

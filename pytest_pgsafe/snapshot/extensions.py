"""The rows of tables that belong to extensions: the catalog has no word of them, and some of them are the user's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from ..catalog.values import Catalog
from ..server.connection import Connection
from .digest import read_contents
from .plan import Plan, PlanColumn, name_and_type
from .session import failed
from .values import ExtensionContent, ExtensionPart, NotVerified

__all__ = ["Member", "contents", "members", "parts"]

_QUERY = Path(__file__).with_name("sql") / "extension_tables.sql"
_PARTS = Path(__file__).with_name("sql") / "extension_parts.sql"


@dataclass(frozen=True, kw_only=True)
class Member:
    """A table of an extension."""

    name: str
    extension: str
    version: str
    #: ``WHERE …`` of the rows that pg_dump carries, '' for all of them; None where it carries none.
    condition: str | None
    columns: tuple[str, ...]
    key: tuple[str, ...]
    only: bool

    def plan(self, catalog: Catalog, *, configuration: bool) -> Plan:
        """Return how its rows are read: all, or as configuration those that a dump carries."""
        plan = Plan(
            table=self.name,
            key=self.key,
            columns=tuple(PlanColumn.of(catalog, *name_and_type(column)) for column in self.columns),
            only=self.only,
        )
        if not configuration or not self.condition:
            return plan
        names = ", ".join(["tableoid", "ctid", *(column.name for column in plan.columns)])
        # The condition is the extension's own, and what pg_dump selects by.
        return replace(plan, query=f"SELECT {names} FROM {plan.source} {self.condition}")  # noqa: S608


def members(connection: Connection) -> Mapping[str, Member]:
    """Return the tables of extensions, by name.

    :raises SnapshotError: the server failed.
    """
    try:
        rows = connection.execute(_QUERY.read_bytes(), prepare=False).fetchall()
    except psycopg.Error as error:
        raise failed("the tables of extensions", error) from error
    return {
        name: Member(
            name=name,
            extension=extension,
            version=version,
            condition=condition,
            columns=tuple(columns),
            key=tuple(key),
            only=only,
        )
        for name, extension, version, condition, columns, key, only in rows
    }


def contents(connection: Connection, catalog: Catalog) -> tuple[dict[str, ExtensionContent], tuple[NotVerified, ...]]:
    """Read the tables of extensions: every row, and apart from that those that a dump carries.

    A table that no dump carries and that cannot be read is left out without a word: on a source it is nobody's to read.

    :raises SnapshotError: the server failed, rather than one table.
    """
    known = members(connection)
    if not known:
        return {}, ()
    whole, _ = read_contents([connection], [one.plan(catalog, configuration=False) for one in known.values()])
    marked = [one for one in known.values() if one.condition is not None]
    dumped, unread = read_contents([connection], [one.plan(catalog, configuration=True) for one in marked])
    return {
        name: ExtensionContent(extension=one.extension, rows=whole.get(name), configuration=dumped.get(name))
        for name, one in known.items()
        if name in whole or name in dumped
    }, unread


def parts(connection: Connection) -> dict[str, ExtensionPart]:
    """Return what belongs to extensions and what stands on their relations, by name.

    :raises SnapshotError: the server failed.
    """
    try:
        rows = connection.execute(_PARTS.read_bytes(), prepare=False).fetchall()
    except psycopg.Error as error:
        raise failed("what belongs to extensions", error) from error
    return {name: ExtensionPart(extension=extension, definition=definition) for name, extension, definition in rows}

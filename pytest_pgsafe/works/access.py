"""Roles that could read or write a table: each still can, by whatever way it could."""

# ruff: noqa: S608 (names that quote_ident wrote)

from __future__ import annotations

from collections.abc import Iterator

from ..catalog.names import split
from ..catalog.values import Grant
from ..compare.values import Action, Comparison
from .side import Side
from .values import Answer, Attempt

#: Not the superusers, who may everything; predefined roles are nobody's.
_ALLOWED = """
SELECT pg_catalog.quote_ident(r.rolname), pg_catalog.format('%I.%I', n.nspname, c.relname), p.privilege
FROM pg_catalog.pg_roles r
CROSS JOIN pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE')) p (privilege)
WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT r.rolsuper AND r.rolname !~ '^pg_'
    AND pg_catalog.has_schema_privilege(r.oid, n.oid, 'USAGE')
    AND pg_catalog.has_table_privilege(r.oid, c.oid, p.privilege)
"""


def tried(comparison: Comparison, before: Side, after: Side) -> Iterator[Attempt | None]:
    """Try what roles cannot do any more; of a grant that went itself the checks of privileges tell."""
    if not after.superuser or not may_have_changed(comparison):
        return
    told = _revoked(comparison)
    tables = {**comparison.objects.get("views", {}), **comparison.tables}
    now = _allowed(after)
    for role, table, privilege in sorted(_allowed(before)):
        there = tables.get(table)
        if there is None or (role, there, privilege) in now or told & {table, split(table)[0]}:
            continue
        statement = _text(after, there, privilege)
        if statement is None:
            continue
        answer = _as(after, role, statement)
        if answer.error is None:
            yield None
            continue
        earlier = _as(before, role, _text(before, table, privilege) or statement)
        yield Attempt(kind="access", object=table, statement=statement, role=role, before=earlier, after=answer)


def may_have_changed(comparison: Comparison) -> bool:
    """Tell whether a role may have gained or lost access to anything."""
    return any(
        change.kind in {"grant", "role", "schema", "policy", "function", "trigger"} or change.attribute == "owner"
        for change in comparison.changes
    )


def _revoked(comparison: Comparison) -> set[str]:
    """Return the tables and schemas of which a grant went."""
    gone = [change.old for change in comparison.changes if change.action is not Action.ADDED]
    return {value.object for value in gone if isinstance(value, Grant)}


def _allowed(side: Side) -> set[tuple[str, str, str]]:
    with side.trying():
        return {(str(role), str(table), str(privilege)) for role, table, privilege in side.rows(_ALLOWED)}


def _as(side: Side, role: str, statement: str) -> Answer:
    with side.trying():
        side.become(role)
        return side.end(f"EXPLAIN {statement}")


def _text(side: Side, table: str, privilege: str) -> str | None:
    if privilege == "SELECT":
        return f"SELECT * FROM {table}"
    if privilege == "DELETE":
        return f"DELETE FROM {table} WHERE false"
    names = [column.column for column in side.written(table) if column.identity != "always"]
    if not names:
        return None
    if privilege == "INSERT":
        return f"INSERT INTO {table} ({names[0]}) VALUES (NULL)"
    return f"UPDATE {table} SET {names[0]} = {names[0]} WHERE false"

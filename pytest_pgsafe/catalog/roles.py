"""Roles that a database needs, and the statements that make them in a cluster of ours. Passwords are never read."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from psycopg import sql

from ..server.connection import Connection, version
from ..server.settings import assignment
from .names import unquoted
from .queries import queries
from .rows import rows_as
from .values import Role


def needed_roles(connection: Connection) -> Mapping[str, Role]:
    """Return whoever owns, is granted or is named in anything in the database, and all that they are members of.

    By name as quote_ident writes it (:func:`~.names.unquoted` undoes it). The bootstrap superuser is always among them,
    since nothing records what it owns; predefined roles (``pg_*``) never are.

    :raises psycopg.Error: as the server says it.
    """
    query = queries(version(connection).major)["role"]
    return {role.name: role for role in rows_as(Role, connection.execute(query))}


def existing_roles(connection: Connection) -> frozenset[str]:
    """Return the names of all roles of the cluster, written as those of :func:`needed_roles`."""
    rows = connection.execute("select pg_catalog.quote_ident(rolname) from pg_catalog.pg_roles")
    return frozenset(name for (name,) in rows)


def create_roles_sql(roles: Mapping[str, Role], existing: Collection[str]) -> list[sql.Composed]:
    """Return the statements that create the roles that do not exist: attributes, settings, memberships, comments.

    Roles get no password. Those that exist are left as they are.

    :param existing: names as :func:`existing_roles` returns them.
    """
    missing = [role for name, role in roles.items() if name not in existing]
    created = [sql.SQL("CREATE ROLE {} {}").format(_name(role.name), _attributes(role)) for role in missing]
    settings = [
        sql.SQL("ALTER ROLE {} SET {}").format(_name(role.name), assignment(setting))
        for role in missing
        for setting in role.settings
    ]
    # After all are there: a member may come before the role that it is in.
    members = [_grant(role, membership) for role in missing for membership in role.member_of]
    comments = [
        sql.SQL("COMMENT ON ROLE {} IS {}").format(_name(role.name), sql.Literal(role.comment))
        for role in missing
        if role.comment is not None
    ]
    return created + settings + members + comments


def _split(value: str) -> list[str]:
    items, inside = [""], False
    for character in value:
        inside ^= character == '"'
        if character == "," and not inside:
            items.append("")
        else:
            items[-1] += character
    return items


def _name(name: str) -> sql.Identifier:
    return sql.Identifier(unquoted(name))


def _attributes(role: Role) -> sql.Composed:
    words = [
        sql.SQL("SUPERUSER" if role.superuser else "NOSUPERUSER"),
        sql.SQL("INHERIT" if role.inherit else "NOINHERIT"),
        sql.SQL("CREATEROLE" if role.create_role else "NOCREATEROLE"),
        sql.SQL("CREATEDB" if role.create_db else "NOCREATEDB"),
        sql.SQL("LOGIN" if role.login else "NOLOGIN"),
        sql.SQL("REPLICATION" if role.replication else "NOREPLICATION"),
        sql.SQL("BYPASSRLS" if role.bypass_rls else "NOBYPASSRLS"),
    ]
    parts = [*words, sql.SQL("CONNECTION LIMIT"), sql.Literal(role.connection_limit)]
    return sql.SQL(" ").join(parts)


def _grant(role: Role, membership: str) -> sql.Composed:
    group, flags = _membership(membership)
    options = [sql.SQL("ADMIN OPTION")] if "admin" in flags else []
    # Until 15 the member's own attribute decides, which from 16 on is the default of the membership. Only a membership
    # that differs from it, and so comes from 16 or newer, needs words that 15 does not know.
    if role.inherit and "no inherit" in flags:
        options.append(sql.SQL("INHERIT FALSE"))
    if not role.inherit and "no inherit" not in flags:
        options.append(sql.SQL("INHERIT TRUE"))
    if "no set" in flags:
        options.append(sql.SQL("SET FALSE"))
    grant = sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), _name(role.name))
    return grant + sql.SQL(" WITH ") + sql.SQL(", ").join(options) if options else grant


def _membership(text: str) -> tuple[str, frozenset[str]]:
    """Read ``role[, admin][, no inherit][, no set]``; the name may have commas in quotes."""
    name, *flags = _split(text)
    return unquoted(name), frozenset(flag.strip() for flag in flags)

"""What a database has beside its content, and a copy by template loses: ALTER DATABASE … SET, and its privileges."""

from __future__ import annotations

from psycopg import sql

from .connection import Connection
from .lists import LISTS, split_list

#: What can be granted on a database.
PRIVILEGES = {"CREATE": sql.SQL("CREATE"), "CONNECT": sql.SQL("CONNECT"), "TEMPORARY": sql.SQL("TEMPORARY")}


def carry_over(session: Connection, source: int, target: str) -> None:
    """Give a database the settings and privileges of another.

    :param source: OID.
    :param target: name; a new copy, with the same owner, in the same server.
    :raises psycopg.Error:
    """
    for role, setting in session.execute(
        "select case when setrole <> 0 then pg_get_userbyid(setrole) end, unnest(setconfig)"
        " from pg_db_role_setting where setdatabase = %s",
        (source,),
    ).fetchall():
        session.execute(alter(target, setting, role=role))
    _carry_over_privileges(session, source, target)


def alter(database: str, setting: str, *, role: str | None = None) -> sql.Composed:
    """Return the statement that gives a database, or a role in it, a setting as pg_db_role_setting has it.

    :param setting: ``name=value``.
    """
    whose = sql.SQL("DATABASE {}").format(sql.Identifier(database))
    if role is not None:
        whose = sql.SQL("ROLE {} IN DATABASE {}").format(sql.Identifier(role), sql.Identifier(database))
    return sql.SQL("ALTER {} SET {}").format(whose, assignment(setting))


def assignment(setting: str) -> sql.Composed:
    """Turn ``name=value`` of pg_db_role_setting into what SET takes."""
    name, _, value = setting.partition("=")
    # An empty list is one empty name, as SET search_path TO '' has it.
    items = split_list(value) if name.lower() in LISTS else [value]
    # A custom setting has a qualified name: app.tenant.
    return sql.SQL("{} TO {}").format(sql.Identifier(*name.split(".")), sql.SQL(", ").join(map(sql.Literal, items)))


def _carry_over_privileges(session: Connection, source: int, target: str) -> None:
    database = sql.Identifier(target)
    owner, unset = session.execute(
        "select pg_get_userbyid(datdba), datacl is null from pg_database where oid = %s", (source,)
    ).fetchone() or ("", True)
    # No list at all means the defaults, which the copy has too; an empty list means that everything was revoked.
    if unset:
        return
    session.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC, {}").format(database, sql.Identifier(owner)))
    for grantor, grantee, privilege, grantable in session.execute(
        "select pg_get_userbyid(a.grantor), case when a.grantee <> 0 then pg_get_userbyid(a.grantee) end,"
        " a.privilege_type, a.is_grantable"
        " from pg_database d, aclexplode(d.datacl) with ordinality a(grantor, grantee, privilege_type, is_grantable, n)"
        " where d.oid = %s order by a.grantor <> d.datdba, n",
        (source,),
    ).fetchall():
        statement = sql.SQL("GRANT {} ON DATABASE {} TO {}{}").format(
            PRIVILEGES[privilege],
            database,
            sql.SQL("PUBLIC") if grantee is None else sql.Identifier(grantee),
            sql.SQL(" WITH GRANT OPTION" if grantable else ""),
        )
        if grantor == owner:
            session.execute(statement)
            continue
        # Who granted it is part of the privilege, and only that role itself can say so.
        session.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(grantor)))
        try:
            session.execute(statement)
        finally:
            session.execute("RESET ROLE")

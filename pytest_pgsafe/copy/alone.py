"""One database of a recovered cluster, made the only one, for a scratch server to be started from it.

Nothing of the cluster's own is run here: no trigger, no function, no library that a role or a database loads. What
is left is what a restore makes: the database, roles without passwords, and PostgreSQL's own databases as initdb makes
them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

from psycopg import sql

from ..pitr import prepared
from ..server.base import Server
from ..server.capabilities import COLLATION_VERSION
from ..server.cluster import Template
from ..server.connection import Connection, connect, version
from ..server.owned import SUPERUSER, set_password
from ..server.recovered import RecoveredServer
from ..server.settings import alter, assignment
from ..server.surrendered import check_pages
from ..snapshot.values import NotVerified
from . import preloaded

_DATABASES = "select datname::text from pg_catalog.pg_database where datname not in ('template0', 'template1', %s)"
#: With a password.
_ROLES = "select rolname::text from pg_catalog.pg_authid where rolpassword is not null and rolname <> %s"
#: The server must not look for publications of databases that are gone, and a database with a subscription is not
#: dropped. DROP SUBSCRIPTION would have to be said in each of them.
_SUBSCRIPTIONS = """
delete from pg_catalog.pg_subscription where subdbid <> (
    select d.oid from pg_catalog.pg_database d where d.datname = %s
)
"""
_LIBRARIES = """
select d.datname::text, r.rolname::text, g.setting
from pg_catalog.pg_db_role_setting s
cross join lateral pg_catalog.unnest(s.setconfig) as g (setting)
left join pg_catalog.pg_database d on d.oid = s.setdatabase
left join pg_catalog.pg_roles r on r.oid = s.setrole
where pg_catalog.lower(pg_catalog.split_part(g.setting, '=', 1)) = any (%s)
"""
_VERSIONS = """
select d.datname::text, d.datcollversion, pg_catalog.pg_database_collation_actual_version(d.oid)
from pg_catalog.pg_database d
where d.datname in ('template0', %s)
    and d.datcollversion is distinct from pg_catalog.pg_database_collation_actual_version(d.oid)
"""
#: A database whose version is another one is not copied. To note the new one by ALTER DATABASE both have to be there.
_NOTED = """
update pg_catalog.pg_database d set datcollversion = pg_catalog.pg_database_collation_actual_version(d.oid)
where d.datname = %s
"""


@dataclass(frozen=True, kw_only=True)
class Loads:
    """A setting by which sessions load libraries, and whose it is; None is everybody's, or every database's."""

    database: str | None
    role: str | None
    #: ``name=value``.
    setting: str


@dataclass(frozen=True, kw_only=True)
class Alone:
    """A stopped cluster with one database of its source."""

    template: Template = field(repr=False)
    dbname: str
    #: Whether each page was held against its checksum; else the source has none.
    pages: bool
    loads: tuple[Loads, ...] = ()
    not_verified: tuple[NotVerified, ...] = ()


def alone(server: RecoveredServer, dbname: str) -> Alone:
    """Take everything out of a recovered cluster but one database, and stop it.

    :param server: stays stopped; it is closed when a scratch server has taken the cluster.
    :raises BackupError: pages are damaged.
    :raises ServerError: it does not stop.
    :raises psycopg.Error: as the server says it.
    """
    notes = [
        NotVerified(
            object=f"prepared transaction {gid}",
            reason="it is open in the source, and rolled back in the copy: "
            "there a migration would wait for what it has locked",
        )
        for gid in prepared.roll_back(server)
    ]
    with connect(server.address("template1"), read_only=False) as session:
        notes += _collation(session, dbname)
    name = server.claim(dbname)
    with connect(server.address("template1"), read_only=False) as session:
        notes += _superuser(session)
        session.execute(_SUBSCRIPTIONS, (name,))
        for (other,) in session.execute(_DATABASES, (name,)).fetchall():
            _drop(session, other)
        session.execute("create database postgres template template0")
    with connect(server.address("postgres"), read_only=False) as session:
        _drop(session, "template1")
        session.execute("create database template1 template template0 is_template true")
        loads = tuple(_unloaded(session))
        password = _passwords(session)
    template = server.surrender(password)
    pages = check_pages(template.data, server.programs)
    return Alone(template=template, dbname=name, pages=pages, loads=loads, not_verified=tuple(notes))


def _drop(session: Connection, name: str) -> None:
    which = sql.Identifier(name)
    found = session.execute("select datistemplate from pg_catalog.pg_database where datname = %s", (name,)).fetchone()
    if found == (True,):
        # Nothing else is altered: one whose removal was broken off cannot be.
        session.execute(sql.SQL("ALTER DATABASE {} WITH IS_TEMPLATE false").format(which))
    session.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(which))


def _superuser(session: Connection) -> Iterator[NotVerified]:
    """Make the role that servers of ours are entered by, if the cluster has none of that name, or another one."""
    found = session.execute("select rolsuper from pg_catalog.pg_roles where rolname = %s", (SUPERUSER,)).fetchone()
    which = sql.Identifier(SUPERUSER)
    if found is None:
        session.execute(sql.SQL("CREATE ROLE {}").format(which))
    elif found == (False,):
        yield NotVerified(object=f"role {SUPERUSER}", reason="it is no superuser in the source, and one in the copy")
    given = "SUPERUSER LOGIN CREATEDB CREATEROLE REPLICATION BYPASSRLS CONNECTION LIMIT -1 VALID UNTIL 'infinity'"
    session.execute(sql.SQL("ALTER ROLE {} " + given).format(which))


def _passwords(session: Connection) -> str:
    """Take every role's password, and give our own role a new one, which is returned."""
    password = secrets.token_urlsafe(24)
    set_password(session, SUPERUSER, password)
    for (role,) in session.execute(_ROLES, (SUPERUSER,)).fetchall():
        session.execute(sql.SQL("ALTER ROLE {} PASSWORD NULL").format(sql.Identifier(role)))
    # What was there before would still stand in the table's file.
    session.execute("vacuum (full) pg_catalog.pg_authid")
    return password


def _unloaded(session: Connection) -> Iterator[Loads]:
    """Take away the settings by which sessions load libraries: without one that is not here nobody gets in."""
    for database, role, setting in session.execute(_LIBRARIES, (list(preloaded.SETTINGS),)).fetchall():
        name = sql.Identifier(setting.partition("=")[0])
        session.execute(sql.SQL("{} RESET {}").format(_whose(database, role), name))
        yield Loads(database=database, role=role, setting=setting)


def _whose(database: str | None, role: str | None) -> sql.Composable:
    if role is None:
        return (
            sql.SQL("ALTER ROLE ALL")
            if database is None
            else sql.SQL("ALTER DATABASE {}").format(sql.Identifier(database))
        )
    named = sql.SQL("ALTER ROLE {}").format(sql.Identifier(role))
    return named if database is None else sql.SQL("{} IN DATABASE {}").format(named, sql.Identifier(database))


def load_again(server: Server, loads: tuple[Loads, ...]) -> Iterator[NotVerified]:
    """Give back the settings whose libraries the scratch server can load; yield the others."""
    if not loads:
        return
    with connect(server.address(), read_only=False) as session:
        for one in loads:
            if why := preloaded.refusal(session, one.setting):
                yield NotVerified(object=f"setting {one.setting}", reason=f"not loaded here: {why}")
            elif one.role is None and one.database is not None:
                session.execute(alter(one.database, one.setting))
            else:
                session.execute(sql.SQL("{} SET {}").format(_whose(one.database, one.role), assignment(one.setting)))


def _collation(session: Connection, dbname: str) -> Iterator[NotVerified]:
    """Say that text may sort otherwise on this machine; the indexes are the source's."""
    if not COLLATION_VERSION.known_to(version(session)):
        return
    for name, before, now in session.execute(_VERSIONS, (dbname,)).fetchall():
        session.execute(_NOTED, (name,))
        if name == dbname:
            yield NotVerified(
                object="indexes on text",
                reason=f"the source sorted them by version {before} of its collation, here it is {now or 'none'}: "
                "a row may not be found by one, and rows that are alike may pass a unique one",
            )

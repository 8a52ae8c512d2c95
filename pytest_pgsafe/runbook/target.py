"""Where a backup is restored for good: a database that a user named, on a server that somebody else runs."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from psycopg import sql

from ..catalog.values import Database
from ..copy.source import unreachable
from ..errors import ConfigError, CopyError, SourceError
from ..server import pooler, settings
from ..server.address import Address
from ..server.base import MARK
from ..server.connection import connect, resolve
from ..server.existing import ExistingServer, client_programs
from ..server.scratch import full_name
from ..server.version import SUPPORTED, Version

#: Where a database is created from.
MAINTENANCE = ("postgres", "template1")

_EMPTY = """
select not exists (
    select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
) and not exists (
    select from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
) and not exists (
    select from pg_catalog.pg_namespace where nspname !~ '^pg_' and nspname not in ('public', 'information_schema')
)
"""


class Target(ExistingServer):
    """A server on which one database is made, beside the one that was named or in its place, and no other touched."""

    #: The database that the user named.
    wanted: str
    #: How the database is called until it is whole.
    made: str | None = None

    @classmethod
    def open(cls, into: Address) -> Target:
        """Look at the server of an address.

        :raises SourceError: it does not answer.
        :raises ConfigError: no database is named, or nothing can be written there.
        """
        if not into.dbname and "service" not in into.parameters:
            raise ConfigError("--into names no database", remedies=["--into=postgresql://HOST/DATABASE"])
        first: SourceError | None = None
        for database in MAINTENANCE:
            try:
                with connect(into.with_(dbname=database), statement_timeout="60s") as connection:
                    address = resolve(connection, into.with_(dbname=database))
                    version = Version(connection.info.server_version)
                    row = connection.execute("select pg_catalog.pg_is_in_recovery()").fetchone()
            except psycopg.Error as error:
                first = first or unreachable(into, error)
                continue
            pooler.demand_own(address, "restore: settings of a session that pg_restore needs")
            if row == (True,):
                raise ConfigError(f"{into} is a standby: nothing can be restored there", remedies=["name its primary"])
            if version.major < SUPPORTED[0]:
                raise ConfigError(f"{into} is PostgreSQL {version}, older than {SUPPORTED[0]}")
            target = cls(address, version, client_programs(version), reason="the server of --into")
            target.wanted = into.dbname
            target.maintenance = database
            return target
        assert first is not None
        raise first

    maintenance = MAINTENANCE[0]

    def address(self, dbname: str = "", *, user: str | None = None) -> Address:
        return super().address(dbname or self.maintenance, user=user)

    def state(self) -> str:
        """Return whether the database that was named is ``absent``, ``empty`` or ``used``."""
        with connect(self.address()) as session:
            if session.execute("select from pg_database where datname = %s", (self.wanted,)).fetchone() is None:
                return "absent"
        with connect(self.address(self.wanted)) as session:
            return "empty" if session.execute(_EMPTY.encode()).fetchone() == (True,) else "used"

    def beside(self) -> None:
        """Let the next database that is created get a name of its own."""
        self.made = full_name(self.wanted)

    def create(self, name: str, *, options: Mapping[str, str] | None = None) -> Address:
        """Create the database, or take an empty one that has the same encoding and locale.

        :raises CopyError: it cannot be created, or the empty one is another.
        """
        del name
        wanted = self.made or self.wanted
        with self._session() as session:
            found = session.execute(
                "select pg_encoding_to_char(encoding), datcollate, datctype from pg_database where datname = %s",
                (wanted,),
            ).fetchone()
        given = options or {}
        if found is not None:
            asked = tuple(given.get(key) for key in ("encoding", "lc_collate", "lc_ctype"))
            if given and found != asked:
                raise CopyError(
                    f"the database {wanted} has another encoding or locale than the backup's source",
                    looked_at=[f"{wanted}: {', '.join(found)}", f"source: {', '.join(map(str, asked))}"],
                    remedies=["drop the empty database: it is created as the source was"],
                )
            return self.address(wanted)
        clauses = sql.SQL(" ").join(
            sql.SQL("{} = {}").format(sql.Identifier(key), sql.Literal(value)) for key, value in given.items()
        )
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 {}").format(sql.Identifier(wanted), clauses)
        with self._session() as session:
            try:
                session.execute(statement)
                mark = sql.Literal(f"{MARK}: a restore that is not complete")
                session.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(wanted), mark))
            except psycopg.Error as error:
                raise CopyError(f"the database {wanted} cannot be created", looked_at=[_first(error)]) from error
        self.made = wanted
        return self.address(wanted)

    def discard(self) -> None:
        """Drop what was made here and is not complete."""
        if self.made is None:
            return
        with self._session() as session:
            found = session.execute(
                "select shobj_description(oid, 'pg_database') from pg_database where datname = %s", (self.made,)
            ).fetchone()
            if found is not None and str(found[0] or "").startswith(MARK):
                session.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(self.made)))

    def finish(self, source: Database | None) -> None:
        """Make the database a whole one, no longer ours to drop: the source's comment in place of the mark, its limits.

        :param source: what the backup's facts say of its database; None where that is not to be taken over.
        """
        if self.made is None:
            return
        name = sql.Identifier(self.made)
        with self._session() as session:
            if source is not None:
                options = sql.SQL("ALTER DATABASE {} WITH CONNECTION LIMIT {} IS_TEMPLATE {}")
                limit = sql.Literal(source.connection_limit)
                session.execute(options.format(name, limit, sql.Literal(source.is_template)))
            comment = sql.Literal(source.comment if source is not None else self.comment)
            session.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, comment))

    #: Of the live database that is replaced, where the dump says nothing of its database.
    comment: str | None = None

    def inherit(self) -> str | None:
        """Give the restored database what the live one has beside its content; return why something of it is missing.

        :raises psycopg.Error: the server failed.
        """
        assert self.made is not None
        name = sql.Identifier(self.made)
        with self._session() as session:
            row = session.execute(
                "select oid, pg_get_userbyid(datdba), datconnlimit, shobj_description(oid, 'pg_database')"
                " from pg_database where datname = %s",
                (self.wanted,),
            ).fetchone()
            assert row is not None
            oid, owner, limit, self.comment = row
            try:
                with session.transaction():
                    session.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, sql.Identifier(owner)))
                    settings.carry_over(session, oid, self.made)
                    session.execute(
                        sql.SQL("ALTER DATABASE {} WITH CONNECTION LIMIT {}").format(name, sql.Literal(limit))
                    )
            except psycopg.errors.InsufficientPrivilege as error:
                return (
                    f"owner, settings, privileges, limit of the replaced database were not taken over: {_first(error)}"
                )
        return None

    def close(self) -> None:
        """Leave everything as it is."""

    def swap(self, stamp: str) -> str:
        """Put the restored database into the place of the live one; return the name that the old one has now.

        Both get their new names in one transaction. Connections to the old one are refused from a moment before; if
        anything fails they are let in again, and it is what it was.

        :raises CopyError: the names could not be changed; nothing was.
        """
        assert self.made is not None
        aside = f"{self.wanted.encode()[:40].decode(errors='ignore')}_replaced_{stamp}"
        live, old, new = (sql.Identifier(name) for name in (self.wanted, aside, self.made))
        with self._session() as session:
            try:
                session.execute(sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false").format(live))
                for name in (self.wanted, self.made):
                    session.execute(
                        "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
                        " where datname = %s and pid <> pg_backend_pid() and backend_type = 'client backend'",
                        (name,),
                    )
                with session.transaction():
                    session.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(live, old))
                    session.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(new, live))
            except BaseException as error:
                session.execute(sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true").format(live))
                if isinstance(error, psycopg.Error):
                    raise CopyError(
                        f"the database {self.wanted} could not be replaced; it is in its place as it was",
                        looked_at=[_first(error)],
                        remedies=["end its sessions, prepared transactions and subscriptions, and restore again"],
                    ) from error
                raise
            self.made = self.wanted
            session.execute(sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true").format(old))
        return aside


def _first(error: psycopg.Error) -> str:
    return str(error).strip().splitlines()[0]

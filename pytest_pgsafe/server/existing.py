"""A server that somebody else runs, where pgsafe may make databases."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import psycopg
from psycopg import sql

from ..errors import CopyError, ServerError
from . import marked, pooler, programs
from .address import Address
from .base import SCRATCH_PREFIX, Kind
from .capabilities import TRANSACTION_TIMEOUT
from .connection import Connection, connect, resolve
from .scratch import ScratchServer
from .version import SUPPORTED, Version


class ExistingServer(ScratchServer):
    """Only databases that pgsafe made and marked there are written to or dropped; there is no override.

    No role is created, no setting changed, no log read. For another role :meth:`address` gives the same login with
    ``options=-c role=NAME``: ``current_user`` is that role, but ``session_user`` is not, and ``RESET ROLE`` leads
    back to the login's own rights, so a migration that resets its role is not held to that role's privileges.
    """

    kind: ClassVar[Kind] = "existing"

    def __init__(self, address: Address, version: Version, client: programs.LocalPrograms, *, reason: str) -> None:
        self.version = version
        self.programs = client
        self._address = address
        self._reason = reason
        self._made: dict[str, Address] = {}
        self._kept = False
        self._holding: Connection | None = None
        #: What is called like ours there and was left alone, each with the reason.
        self.left: tuple[str, ...] = ()

    @classmethod
    def start(
        cls,
        address: Address,
        *,
        major: int | None = None,
        reason: str = "an existing server",
        superuser: bool = False,
    ) -> ExistingServer:
        """Look at a server and take it if databases can be made there.

        :param address: of any database on it, in which nothing is written.
        :param major: the oldest major that will do.
        :param superuser: what a dump of others holds may run as a superuser here.
        :raises ServerError: it does not answer, is too old, read-only, or the role may not create databases.
        """
        try:
            with connect(address.with_(dbname=address.dbname or "postgres")) as session:
                resolved = resolve(session, address)
                version = Version(session.info.server_version)
                row = session.execute(
                    "select pg_is_in_recovery(), rolsuper or rolcreatedb, rolname from pg_roles where rolname = user"
                ).fetchone()
        except psycopg.Error as error:
            raise ServerError(
                f"the existing server {address} does not answer: {str(error).strip()}",
                remedies=["check the URI, the password (passfile, service file) and that the server runs"],
            ) from error
        pooler.demand_own(resolved, "rehearsal: settings of a session that restoring and migrating need")
        standby, may_create, role = row or (False, False, resolved.user)
        problem = remedy = ""
        if version.major < SUPPORTED[0]:
            problem, remedy = f"is PostgreSQL {version}", f"use PostgreSQL {SUPPORTED[0]} or newer"
        elif major is not None and version.major < major:
            problem = f"is PostgreSQL {version}, older than the {major} that is needed"
            remedy = f"use a server of PostgreSQL {major} or newer, or --pgsafe-server=auto"
        elif standby:
            problem, remedy = "is a standby: nothing can be created there", "use its primary or another server"
        elif not may_create:
            problem, remedy = f"does not let {role} create databases", f'ALTER ROLE "{role}" CREATEDB'
        if problem:
            raise ServerError(f"the existing server {address} {problem}", remedies=[remedy])
        server = cls(resolved, version, client_programs(version), reason=reason)
        server.superuser = superuser
        server.left = server.sweep()
        return server

    def sweep(self) -> tuple[str, ...]:
        """Drop the databases of runs that were killed, told by their marks.

        :returns: what is called like ours and was left alone, each with the reason.
        """
        left: list[str] = []
        with self._session() as session:
            found = session.execute(
                "select oid::bigint, datname::text, shobj_description(oid, 'pg_database') from pg_database"
                " where starts_with(datname::text, %s) order by 2",
                (SCRATCH_PREFIX,),
            ).fetchall()
            # A copy that was being made stands without a mark, and its source says so.
            making: set[str] = set()
            for oid, name, comment in found:
                mark = marked.read(comment, oid, name)
                if mark is None:
                    left.append(f"{name}: it carries no mark that is true of it")
                elif not (mark.ours or mark.kept):
                    # One of these names may have a comment of somebody else's.
                    copies = [one for _, one, said in found if one in mark.making and said is None]
                    if (why := self._swept(session, mark, copies)) is not None:
                        left.append(f"{name}: {why}")
                    making.update(copies)
        return tuple(line for line in left if line.partition(":")[0] not in making)

    def _swept(self, session: Connection, mark: marked.DatabaseMark, copies: Sequence[str]) -> str | None:
        """Drop a database, and the begun copies of it, if nobody's run is behind it any more; return why not."""
        if mark.alive:
            return f"process {mark.pid}, which made it, is alive"
        [(free,)] = session.execute("select pg_try_advisory_lock(%s)", (mark.lock,)).fetchall()
        if not free:
            return f"the run on {mark.host} that made it is alive"
        try:
            names = [*copies, mark.name]
            rows = session.execute(
                "select datname::text from pg_stat_activity where datname::text = any(%s)", (names,)
            ).fetchall()
            if rows and mark.host != socket.gethostname():
                return "somebody is on it"
            for name in names:
                session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        except psycopg.Error as error:
            return str(error.diag.message_primary or error).strip()
        finally:
            session.execute("select pg_advisory_unlock(%s)", (mark.lock,))
        return None

    def _hold(self) -> None:
        """Hold the lock that tells every other run, wherever it is, that this one is alive."""
        if self._holding is None or self._holding.closed:
            self._holding = self._session()
            self._holding.execute("select pg_advisory_lock_shared(%s)", (marked.own(0, "").lock,))

    def _made_here(self, mark: marked.DatabaseMark) -> bool:
        return mark.ours

    def address(self, dbname: str = "postgres", *, user: str | None = None) -> Address:
        address = self._address.with_(dbname=dbname)
        if user is None or user == self._address.user:
            return address
        with self._session() as session:
            if session.execute("select 1 from pg_roles where rolname = %s", (user,)).fetchone() is None:
                raise ServerError(f"there is no role {user!r} on the scratch server")
        # libpq splits options at blanks that have no backslash before them.
        role = user.replace("\\", "\\\\").replace(" ", "\\ ")
        return address.with_(options=f"{address.parameters.get('options', '')} -c role={role}".strip())

    def create(self, name: str, *, options: Mapping[str, str] | None = None) -> Address:
        self._hold()
        return self._remember(super().create(name, options=options))

    def clone(self, source: Address, name: str) -> Address:
        self._hold()
        return self._remember(super().clone(source, name))

    def drop(self, address: Address) -> None:
        super().drop(address)
        self._made.pop(address.dbname, None)

    def _remember(self, made: Address) -> Address:
        self._made[made.dbname] = made
        return made

    def _is_here(self, address: Address) -> bool:
        return all(address.parameters.get(key) == self._address.parameters.get(key) for key in ("host", "port"))

    @property
    def owns_cluster(self) -> bool:
        return False

    def log(self, *, since: int = 0) -> tuple[Sequence[Mapping[str, object]], int]:
        return (), since

    def describe(self) -> Mapping[str, str]:
        return {
            "kind": self.kind,
            "version": str(self.version),
            "origin": str(self._address.with_(dbname="")).rstrip("/"),
            "reason": "; left alone there: ".join([self._reason, *self.left[:3]]),
        }

    def keep(self) -> Sequence[str]:
        self._kept = True
        with self._session() as session:
            for name in self._made:
                [(oid,)] = session.execute("select oid from pg_database where datname = %s", (name,)).fetchall()
                self._sign(session, replace(marked.own(int(oid), name), kept=True))
        return [
            line for name in self._made for line in (f"kept database: {name}", f'remove it: DROP DATABASE "{name}"')
        ]

    def close(self) -> None:
        made = () if self._kept else tuple(self._made.values())
        self._made.clear()
        left: list[str] = []
        for address in made:
            left.append(address.dbname)
            # One that cannot be dropped must not keep the others.
            with contextlib.suppress(CopyError):
                self.drop(address)
                left.pop()
        if self._holding is not None:
            self._holding.close()
        if left:
            raise CopyError("scratch databases were left on the existing server", looked_at=left)


def client_programs(version: Version) -> programs.LocalPrograms:
    """Return client programs that restore into a server.

    :raises ServerError: there are none.
    """
    found = programs.find(version.major, server=False)
    if TRANSACTION_TIMEOUT.known_to(found.version) and not TRANSACTION_TIMEOUT.known_to(version):
        raise ServerError(
            f"no client programs for PostgreSQL {version.major}: an archive that pg_restore {found.version} reads"
            f" cannot be restored into a server older than {TRANSACTION_TIMEOUT.since}",
            looked_at=[f"{found.origin}: {found.version}"],
            remedies=[
                f"install PostgreSQL's client programs of {version.major} (Debian: postgresql-client-{version.major})",
                "use a newer scratch server",
            ],
        )
    return found

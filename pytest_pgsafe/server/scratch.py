"""Scratch databases: created, cloned and dropped on a server of any kind."""

from __future__ import annotations

import re
import secrets
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace

import psycopg
from psycopg import sql

from ..errors import CopyError
from . import marked, settings
from .address import Address
from .base import SCRATCH_PREFIX, Server
from .capabilities import COPY_STRATEGY
from .connection import Connection, connect

#: PostgreSQL cuts longer names.
NAME_BYTES = 63
RANDOM_BYTES = 5
#: Options of CREATE DATABASE that take a number.
NUMERIC = frozenset({"connection_limit", "oid"})


class ScratchServer(Server):
    """A server on which pgsafe makes databases that carry its mark, and drops only those."""

    @abstractmethod
    def _is_here(self, address: Address) -> bool:
        """Tell whether an address is one of this server's."""

    def create(self, name: str, *, options: Mapping[str, str] | None = None) -> Address:
        with self._session() as session:
            return self._create(session, full_name(name), sql.SQL("TEMPLATE template0"), options or {})

    def clone(self, source: Address, name: str) -> Address:
        with self._session() as session:
            oid = self._marked(session, source)
            _end_sessions(session, oid)
            owner, limit = session.execute(
                "select pg_get_userbyid(datdba), datconnlimit from pg_database where oid = %s", (oid,)
            ).fetchone() or ("", -1)
            template = sql.SQL("TEMPLATE {} OWNER {} CONNECTION LIMIT {}").format(
                sql.Identifier(source.dbname), sql.Identifier(owner), sql.Literal(limit)
            )
            if COPY_STRATEGY.known_to(self.version):
                # 14 has no other; wal_log, the default from 15 on, writes every block to the WAL too.
                template += sql.SQL(" STRATEGY file_copy")
            full = full_name(name)
            # If we are killed while it is copied, it has no mark: its source's names it.
            self._sign(session, replace(marked.own(oid, source.dbname), making=(full,)))
            copy = self._create(session, full, template, {})
            self._sign(session, marked.own(oid, source.dbname))
            try:
                settings.carry_over(session, oid, copy.dbname)
            except psycopg.Error as error:
                self.drop(copy)
                raise CopyError(f"the settings of {source.dbname} could not be carried over: {_said(error)}") from error
        return copy

    def drop(self, address: Address) -> None:
        with self._session() as session:
            oid = self._marked(session, address)
            try:
                _drop(session, address.dbname)
            except psycopg.errors.ObjectInUse:
                # FORCE ends sessions, not these.
                self._release(address)
                _end_sessions(session, oid)
                try:
                    _drop(session, address.dbname)
                except psycopg.Error as error:
                    raise CopyError(f"{address.dbname} could not be dropped: {_said(error)}") from error
            except psycopg.Error as error:
                raise CopyError(f"{address.dbname} could not be dropped: {_said(error)}") from error

    def _session(self) -> Connection:
        try:
            return connect(self.address(), read_only=False)
        except psycopg.Error as error:
            raise CopyError(f"the scratch server does not answer: {_said(error)}") from error

    def _create(self, session: Connection, full: str, template: sql.Composable, options: Mapping[str, str]) -> Address:
        try:
            clauses = [template, *(_option(key, value) for key, value in options.items())]
            session.execute(sql.SQL("CREATE DATABASE {} {}").format(sql.Identifier(full), sql.SQL(" ").join(clauses)))
            [(oid,)] = session.execute("select oid from pg_database where datname = %s", (full,)).fetchall()
            self._sign(session, marked.own(int(oid), full))
        except psycopg.Error as error:
            raise CopyError(f"the scratch database {full} could not be created: {_said(error)}") from error
        return self.address(full)

    def _sign(self, session: Connection, mark: marked.DatabaseMark) -> None:
        statement = sql.SQL("COMMENT ON DATABASE {} IS {}")
        session.execute(statement.format(sql.Identifier(mark.name), sql.Literal(mark.comment())))

    def _made_here(self, mark: marked.DatabaseMark) -> bool:  # noqa: ARG002 (the cluster is ours alone)
        """Tell whether a database with a mark may be copied and dropped by this process."""
        return True

    def _marked(self, session: Connection, address: Address) -> int:
        """Return the OID of a database that pgsafe made.

        :raises CopyError: anything else.
        """
        if not self._is_here(address):
            raise CopyError(f"{address} is not on this scratch server", remedies=["nothing was changed"])
        found = session.execute(
            "select oid, shobj_description(oid, 'pg_database') from pg_database where datname = %s", (address.dbname,)
        ).fetchone()
        if found is None:
            raise CopyError(f"there is no database {address.dbname!r} on the scratch server")
        oid, comment = found
        mark = marked.read(comment, int(oid), address.dbname)
        if mark is None or not address.dbname.startswith(SCRATCH_PREFIX) or not self._made_here(mark):
            raise CopyError(
                f"the database {address.dbname!r} was not made by pgsafe: it is neither copied nor dropped",
                looked_at=[f"its name: pgsafe's begin with {SCRATCH_PREFIX}", f"its comment: {comment!r}"],
            )
        return int(oid)

    def _release(self, address: Address) -> None:
        """Give up what keeps a scratch database from being dropped: prepared transactions and subscriptions."""
        with connect(self.address(address.dbname), read_only=False) as session:
            for (gid,) in session.execute(
                "select gid from pg_prepared_xacts where database = current_database()"
            ).fetchall():
                session.execute(sql.SQL("ROLLBACK PREPARED {}").format(sql.Literal(gid)))
            for (slot,) in session.execute(
                "select slot_name from pg_replication_slots where database = current_database()"
            ).fetchall():
                session.execute("select pg_drop_replication_slot(%s)", (slot,))
            if not self.owns_cluster:
                return
            # pg_subscription's connection strings are for superusers alone; without a slot nothing remote is asked.
            for (name,) in session.execute(
                "select subname from pg_subscription where subdbid ="
                " (select oid from pg_database where datname = current_database())"
            ).fetchall():
                for statement in (
                    "ALTER SUBSCRIPTION {} DISABLE",
                    "ALTER SUBSCRIPTION {} SET (slot_name = NONE)",
                    "DROP SUBSCRIPTION {}",
                ):
                    session.execute(sql.SQL(statement).format(sql.Identifier(name)))


def full_name(name: str) -> str:
    """Return a unique database name: ``pgsafe_before_3f9c0a12be``."""
    random = secrets.token_hex(RANDOM_BYTES)
    readable = re.sub(r"[^a-z0-9_]+", "_", name.lower())
    return f"{SCRATCH_PREFIX}{readable[: NAME_BYTES - len(SCRATCH_PREFIX) - len(random) - 1]}_{random}"


def _option(key: str, value: str) -> sql.Composable:
    # Quoted names are options too, also for those that have a keyword ("connection_limit" for CONNECTION LIMIT).
    return sql.SQL("{} = {}").format(sql.Identifier(key), sql.Literal(int(value) if key in NUMERIC else value))


def _end_sessions(session: Connection, oid: int) -> None:
    # The second argument waits until they are gone: CREATE DATABASE itself waits 5 s only.
    session.execute(
        "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
        " where datid = %s and pid <> pg_backend_pid() and backend_type = 'client backend'",
        (oid,),
    )


def _drop(session: Connection, name: str) -> None:
    session.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _said(error: psycopg.Error) -> str:
    detail = error.diag.message_detail
    return str(error.diag.message_primary or error).strip() + (f" ({detail})" if detail else "")

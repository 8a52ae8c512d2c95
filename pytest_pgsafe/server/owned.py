"""A cluster that is ours alone, wherever it runs: its settings, and who gets in."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from psycopg import sql

from ..errors import ServerError
from .address import Address
from .connection import Connection
from .scratch import ScratchServer

SUPERUSER = "postgres"
#: For data that are thrown away, and for facts that do not move on their own. wal_level stays at replica: the WAL of a
#: migration tells which relations it wrote to. They stand in a file, not in arguments, so ALTER SYSTEM can change them.
SETTINGS: dict[str, str] = {
    "cluster_name": "pgsafe",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "replica",
    "wal_keep_size": "1GB",
    # A segment is written once, and not filled with zeros before.
    "wal_init_zero": "off",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "1h",
    "archive_mode": "off",
    "max_connections": "100",
    "max_prepared_transactions": "10",
    "max_locks_per_transaction": "256",
    "shared_buffers": "256MB",
    "maintenance_work_mem": "256MB",
    "autovacuum": "off",
    "jit": "off",
    # A client that was ended (a deadline, Ctrl-C) takes its query along.
    "client_connection_check_interval": "1s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "pgsafe.log",
    "log_rotation_age": "0",
    "log_rotation_size": "0",
    "log_file_mode": "0600",
}

#: Over these, for a server that is only restored into, and stopped then: rows that are copied into a table that the
#: same transaction has made, and indexes, are not written to the WAL besides.
RESTORING: dict[str, str] = {"wal_level": "minimal", "max_wal_senders": "0", "wal_keep_size": "0"}


def configuration(settings: Mapping[str, str]) -> str:
    """Return lines for postgresql.conf."""

    def quoted(value: str) -> str:
        return value.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n")

    return "".join(f"{name} = '{quoted(value)}'\n" for name, value in settings.items())


class OwnedServer(ScratchServer):
    """A server that trusts nobody: every role needs a password, random and known to this process alone.

    For another role than the superuser :meth:`address` sets one: a real login, so ``session_user`` is that role and
    ``RESET ROLE`` leads nowhere. Roles that were created without LOGIN, with a limit of connections or an end of
    validity are given leave; that changes the scratch server's roles only.
    """

    def __init__(self) -> None:
        self._address = Address({})
        self._passwords: dict[str, tuple[str, str]] = {}

    def address(self, dbname: str = "postgres", *, user: str | None = None) -> Address:
        if user is None or user == SUPERUSER:
            return self._ours(dbname)
        with self._session() as session:
            found = session.execute("select rolpassword from pg_authid where rolname = %s", (user,)).fetchone()
            if found is None:
                raise ServerError(f"there is no role {user!r} on the scratch server")
            password, verifier = self._passwords.get(user, ("", None))
            # The role may have been dropped and made again, or altered, since it was let in.
            if verifier is None or found != (verifier,):
                password = _let_in(session, user)
                found = session.execute("select rolpassword from pg_authid where rolname = %s", (user,)).fetchone()
                self._passwords[user] = password, (found or ("",))[0]
        return self._ours(dbname, user=user, password=password)

    def _ours(self, dbname: str, **login: str) -> Address:
        # Nobody stands between us and a server that we started.
        return Address({**self._address.parameters, "dbname": dbname, **login}, "own")

    def _is_here(self, address: Address) -> bool:
        return all(address.parameters.get(key) == self._address.parameters[key] for key in ("host", "port"))

    @property
    def owns_cluster(self) -> bool:
        return True

    def _replace_password(self, session: Connection) -> None:
        """Give the superuser a password that nothing outside of this process has seen.

        :param session: the superuser's.
        """
        fresh = secrets.token_urlsafe(24)
        set_password(session, SUPERUSER, fresh)
        self._address = self._address.with_(password=fresh)


def set_password(session: Connection, role: str, password: str) -> None:
    """Set a role's password, hashed here: the server's log never sees the password itself."""
    verifier = session.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    session.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier)))


def _let_in(session: Connection, role: str) -> str:
    """Let a role log in with a new random password, which is returned."""
    password = secrets.token_urlsafe(24)
    session.execute(
        sql.SQL("ALTER ROLE {} LOGIN CONNECTION LIMIT -1 VALID UNTIL 'infinity'").format(sql.Identifier(role))
    )
    set_password(session, role, password)
    return password

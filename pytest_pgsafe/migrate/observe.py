"""Put an observer into the copy for the time of a run, and take it out without a trace."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import resources
from types import TracebackType

import psycopg
from psycopg import sql

from ..errors import MigrationError
from ..server.base import Server
from ..server.capabilities import SHARED_STATISTICS
from ..server.connection import Connection, connect
from . import plans

#: A record for each statement once it has ended, by session and transaction; nothing of it twice.
LOGGING: Mapping[str, str] = {
    "log_min_duration_statement": "0",
    "log_statement": "none",
    "log_duration": "off",
    "log_min_error_statement": "error",
    # What a statement skipped is said as a NOTICE.
    "log_min_messages": "notice",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_lock_waits": "on",
    "log_temp_files": "0",
}
_PRELOAD = "session_preload_libraries"
_RELATIONS = b"""
select c.oid::int8, format('%%I.%%I', n.nspname, c.relname), c.relkind::text, coalesce(i.indrelid, 0)::int8
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
  left join pg_index as i on i.indexrelid = c.oid
 where c.oid >= 16384 and c.relkind in ('r', 'p', 'm', 'v', 'f', 'i', 'I', 'S') and c.relpersistence <> 't'
   and n.nspname <> 'information_schema' and n.nspname <> 'pgsafe_observer' and n.nspname not like 'pg\\_%%'
"""
_SETTINGS = b"""
select s.setrole::int8, split_part(c.setting, '=', 1), substr(c.setting, strpos(c.setting, '=') + 1)
  from pg_db_role_setting as s
  join pg_database as d on d.oid = s.setdatabase
  left join pg_roles as r on r.oid = s.setrole
  cross join lateral unnest(s.setconfig) as c(setting)
 where d.datname = %s and (s.setrole = 0 or r.rolname = %s)
"""
#: The user's own event triggers that session_replication_role does not silence.
_AWAKE = b"""
select evtname, evtenabled::text from pg_event_trigger where evtenabled in ('A', 'R') and evtname not like 'pgsafe\\_%'
"""


@dataclass(frozen=True, kw_only=True)
class Relation:
    """A relation that was there before the migration."""

    #: ``schema.name``, each part as ``quote_ident`` writes it.
    name: str
    #: pg_class.relkind.
    kind: str
    #: Of an index: the OID of its table.
    table: int = 0


class Observer:
    """Event triggers and log settings on one scratch database of a cluster of ours.

    A context manager. After it the database has the same objects and settings as before, but for what the migration
    did; the event triggers of the user never fire for what is done here.
    """

    def __init__(self, server: Server, dbname: str, *, role: str) -> None:
        self.dbname = dbname
        #: By OID.
        self.relations: Mapping[int, Relation] = {}
        self.flushed = SHARED_STATISTICS.known_to(server.version)
        self._server = server
        self._role = role
        #: What stood there before: (for the role in this database, setting) -> value, None if nothing.
        self._before: dict[tuple[bool, str], str | None] = {}
        self._logging = dict(LOGGING)

    def __enter__(self) -> Observer:
        """Install; all of it or nothing.

        :raises psycopg.Error: the superuser cannot.
        """
        with connect(self._server.address(self.dbname), read_only=False) as session, session.transaction():
            awake = self._silence(session)
            self.relations = {
                int(oid): Relation(name=name, kind=kind, table=int(table))
                for oid, name, kind, table in session.execute(_RELATIONS.replace(b"%%", b"%"))
            }
            session.execute(_read("observe.sql"))
            found = {
                (bool(role), name): value for role, name, value in session.execute(_SETTINGS, (self.dbname, self._role))
            }
            if _can_count(session, {name for _, name in found}):
                self._logging.update({_PRELOAD: plans.LIBRARY, **plans.SETTINGS})
            # The database's settings are for every role, those of the role in the database win over all others.
            for name, value in self._logging.items():
                for of_role in (False, True):
                    self._before[of_role, name] = found.get((of_role, name))
                    self._set(session, name, value, of_role=of_role)
            self._wake(session, awake)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            session = connect(self._server.address(self.dbname), read_only=False)
        except psycopg.OperationalError as gone:
            raise MigrationError(
                "the copy is gone or lets nobody in after the migration", looked_at=[f"{self.dbname}: {gone}"]
            ) from gone
        with session, session.transaction():
            awake = self._silence(session)
            session.execute(_read("unobserve.sql"))
            now = {
                (bool(role), name): value for role, name, value in session.execute(_SETTINGS, (self.dbname, self._role))
            }
            for (of_role, name), before in self._before.items():
                # Another value is the migration's own doing, and stays.
                if now.get((of_role, name)) == self._logging[name]:
                    self._set(session, name, before, of_role=of_role)
            self._wake(session, awake)

    def _set(self, session: Connection, name: str, value: str | None, *, of_role: bool) -> None:
        target = sql.SQL("database {}").format(sql.Identifier(self.dbname))
        if of_role:
            target = sql.SQL("role {} in {}").format(sql.Identifier(self._role), target)
        what = sql.SQL("reset {}") if value is None else sql.SQL("set {} to {}")
        parts = (sql.Identifier(name),) if value is None else (sql.Identifier(name), sql.Literal(value))
        session.execute(sql.SQL("alter {} {}").format(target, what.format(*parts)))

    @staticmethod
    def _silence(session: Connection) -> list[tuple[str, str]]:
        """Keep the user's event triggers from firing, for this transaction; return those that have to be woken."""
        session.execute("set local session_replication_role = replica")
        awake = [(name, enabled) for name, enabled in session.execute(_AWAKE)]
        for name, _ in awake:
            session.execute(sql.SQL("alter event trigger {} disable").format(sql.Identifier(name)))
        return awake

    @staticmethod
    def _wake(session: Connection, awake: list[tuple[str, str]]) -> None:
        modes = {"A": sql.SQL("enable always"), "R": sql.SQL("enable replica")}
        for name, enabled in awake:
            session.execute(sql.SQL("alter event trigger {} {}").format(sql.Identifier(name), modes[enabled]))


def _can_count(session: Connection, known: Collection[str]) -> bool:
    """Tell whether the server can log what statements have counted, and nobody has use of the setting for it."""
    if _PRELOAD in known or session.execute("select current_setting('session_preload_libraries')").fetchone() != ("",):
        return False
    try:
        with session.transaction():
            session.execute(sql.SQL("load {}").format(sql.Literal(plans.LIBRARY)))
    except psycopg.Error:
        return False
    return True


def _read(name: str) -> bytes:
    return (resources.files("pytest_pgsafe.migrate") / "sql" / name).read_bytes()

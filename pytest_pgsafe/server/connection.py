"""Sessions in which pgsafe reads: every setting that changes what a value looks like is pinned."""

from __future__ import annotations

import codecs
import os
import re
import time
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import tuple_row
from psycopg.types.string import TextLoader

from . import limits, pooler, unreached
from .address import Address
from .limits import PINNED
from .lost import KEEPALIVES, PATIENCE, ConnectionLost, Session, parameters_of
from .version import Version

if TYPE_CHECKING:
    from psycopg.abc import Buffer

__all__ = [
    "PINNED", "UNKNOWN", "Connection", "ConnectionLost", "Session", "connect", "for_programs", "given", "pin",
    "resolve", "sibling",
]  # fmt: skip

Connection = psycopg.Connection[tuple[Any, ...]]

#: Seconds that a server without a connection left is asked again.
ROOM = 1.0
#: OID of the type unknown, which psycopg has no name for.
UNKNOWN = 705


class _AnyEncodingLoader(TextLoader):
    """Text of a SQL_ASCII database: bytes that nobody promised to be UTF-8 are shown escaped, not lost."""

    def load(self, data: Buffer) -> str:
        return codecs.decode(bytes(data), "utf-8", "backslashreplace")


def connect(
    address: Address,
    *,
    read_only: bool = True,
    autocommit: bool = True,
    connect_timeout: int = int(PATIENCE),
    statement_timeout: str = "0",
    lock_timeout: str = "0",
) -> Session:
    """Open a session with pinned settings.

    Nothing is set in one that a pooler lends to others too: it is looked at first, unless the address is known.

    :param read_only: every transaction of the session is READ ONLY unless it asks otherwise.
    :param connect_timeout: seconds.
    :param statement_timeout: PostgreSQL's notation, ``"0"`` is none.
    :raises ConnectionLost: as libpq says it; a :class:`psycopg.OperationalError` too.
    :raises SourceError: it is a pooler's address and others would find its sessions changed; or what is needed may
        not be set.
    """
    connection = _open(address, connect_timeout)
    try:
        sessions = address.sessions or pooler.examine(address, connection, lambda: _probe(address, connect_timeout))
        if connection.closed:
            connection = _open(address, connect_timeout)
        if sessions == "lent":
            connection.process = pooler.process_of(connection)
        connection.address = Address(address.parameters, sessions)
        pin(connection, read_only=read_only, statement_timeout=statement_timeout, lock_timeout=lock_timeout)
    except BaseException:
        connection.close()
        raise
    connection.autocommit = autocommit
    return connection


def _open(address: Address, connect_timeout: int) -> Session:
    """Open a session in which nothing is set.

    A pooler sets in the server's session what it is told at the begin, and leaves it there for whoever says nothing.
    """
    parameters: dict[str, Any] = {**KEEPALIVES, "connect_timeout": connect_timeout, **address.parameters}
    parameters["application_name"] = "pgsafe" if address.sessions == "own" else ""
    until = time.monotonic() + ROOM
    while True:
        try:
            connection = Session.connect(**parameters, autocommit=True, row_factory=tuple_row, prepare_threshold=None)
            break
        except psycopg.OperationalError as error:
            # A session that has just ended, of ours too, may hold its place for a moment.
            if not unreached.is_full(str(error)) or time.monotonic() > until:
                raise ConnectionLost.unreached(address, error) from error
            time.sleep(0.1)
    connection.address = address
    connection.add_notice_handler(connection.hear)
    return connection


def _probe(address: Address, connect_timeout: int) -> Session:
    session = _open(address, connect_timeout)
    session.deadline = PATIENCE
    return session


#: What libpq itself asks for in a new session.
_OF_LIBPQ = {"PGTZ": "timezone", "PGDATESTYLE": "datestyle"}
_GIVEN = re.compile(r"(?:-c\s*|--)([\w.-]+)\s*=")


def given(connection: Connection) -> frozenset[str]:
    """Return the settings, in lower case, that a session was opened with: its server's own cannot be told from it."""
    names = {name.replace("-", "_").lower() for name in _GIVEN.findall(connection.info.options)}
    return frozenset(names | {name for variable, name in _OF_LIBPQ.items() if os.environ.get(variable)})


def version(connection: Connection) -> Version:
    """Return the version of the server that a session is with."""
    return Version(connection.info.server_version)


def sibling(connection: Connection) -> Connection:
    """Open another session like one that :func:`connect` opened: as the same role in the same database, read only.

    :raises psycopg.OperationalError: as libpq says it; there may be no room for another.
    """
    known = connection.address if isinstance(connection, Session) else Address({})
    return connect(Address(parameters_of(connection), known.sessions))


def pin(connection: Connection, *, read_only: bool, statement_timeout: str = "0", lock_timeout: str = "0") -> None:
    """Pin the settings of a session that is outside of a transaction, in one round trip."""
    limits.pin(connection, read_only=read_only, statement_timeout=statement_timeout, lock_timeout=lock_timeout)
    if connection.info.encoding == "ascii":
        for type_ in ("text", "varchar", "bpchar", "name", UNKNOWN):
            connection.adapters.register_loader(type_, _AnyEncodingLoader)


#: Parameters of a session that resolve() does not take over from libpq: pgsafe's own, and what others say better.
_NOT_TAKEN = frozenset(
    {"service", "servicefile", "application_name", "connect_timeout", "options", "hostaddr", "passfile", *KEEPALIVES}
)
_ALWAYS_TAKEN = frozenset({"host", "port", "user", "dbname"})
#: Defaults that libpq does not report as compiled in.
_DEFAULTS = {"sslcertmode": "allow"}


#: Which of several servers is taken.
_OF_SEVERAL = {"target_session_attrs", "load_balance_hosts"}


def _answered(connection: Connection, address: Address) -> dict[str, str]:
    """Return where the server is that answered: of several, or where nobody named one, the socket's folder."""
    info = connection.info
    found = {"host": info.host, "port": str(info.port)}
    return {**found, "hostaddr": info.hostaddr} if "hostaddr" in address.parameters else found


def resolve(connection: Connection, address: Address) -> Address:
    """Return the address with everything that libpq took from services, passfiles and the environment filled in.

    What is libpq's default anyway is left out: other programs, which read the address as a URL, know few parameters.
    """
    known: dict[str, str] = {}
    for option in connection.pgconn.info:
        name, value = option.keyword.decode(), (option.val or b"").decode()
        default = (option.compiled or b"").decode() or _DEFAULTS.get(name, "")
        if value and name not in _NOT_TAKEN and (name in _ALWAYS_TAKEN or value != default):
            known[name] = value
    several = "," in address.parameters.get("host", "") + address.parameters.get("hostaddr", "")
    if several or "," in known.get("host", "") or not known.get("host"):
        known |= _answered(connection, address)
    # The one that was used, wherever it came from.
    if connection.pgconn.password:
        known["password"] = connection.pgconn.password.decode()
    left_out = {"service", "servicefile", *(["passfile"] if "password" in known else [])}
    if several:
        # One of them was chosen: its snapshot is on no other.
        left_out |= _OF_SEVERAL
        known = {name: value for name, value in known.items() if name not in _OF_SEVERAL}
    whose = connection.address.sessions if isinstance(connection, Session) else address.sessions
    return Address({**{key: value for key, value in address.parameters.items() if key not in left_out}, **known}, whose)


def for_programs(address: Address) -> Address:
    """Return the address, with everything filled in, for programs whose sessions are limited as little as ours.

    :raises ConnectionLost: as libpq says it.
    """
    with connect(address) as session:
        return limits.for_programs(session, resolve(session, address))

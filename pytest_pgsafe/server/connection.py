"""Sessions in which pgsafe reads: every setting that changes what a value looks like is pinned."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import tuple_row
from psycopg.types.string import TextLoader

from .address import Address

if TYPE_CHECKING:
    from psycopg.abc import Buffer

Connection = psycopg.Connection[tuple[Any, ...]]

#: Settings on which the text of a value or of a definition depends. search_path is pg_catalog alone, so that
#: every name that PostgreSQL prints is qualified; row_security off makes hidden rows an error, not a smaller count.
PINNED: dict[str, str] = {
    "search_path": "pg_catalog",
    "row_security": "off",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "lc_monetary": "C",
    "xmloption": "content",
    "quote_all_identifiers": "off",
    "standard_conforming_strings": "on",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "default_tablespace": "",
    "jit": "off",
}


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
    connect_timeout: int = 10,
    statement_timeout: str = "0",
    lock_timeout: str = "0",
) -> Connection:
    """Open a session with pinned settings.

    :param read_only: every transaction of the session is READ ONLY unless it asks otherwise.
    :param connect_timeout: seconds.
    :param statement_timeout: PostgreSQL's notation, ``"0"`` is none.
    :raises psycopg.OperationalError: as libpq says it.
    """
    parameters: dict[str, Any] = {"connect_timeout": connect_timeout, **address.parameters}
    parameters["application_name"] = "pgsafe"
    connection = psycopg.connect(**parameters, autocommit=True, row_factory=tuple_row)
    try:
        pin(connection, read_only=read_only, statement_timeout=statement_timeout, lock_timeout=lock_timeout)
    except BaseException:
        connection.close()
        raise
    connection.autocommit = autocommit
    return connection


def sibling(connection: Connection) -> Connection:
    """Open another session like one that :func:`connect` opened: as the same role in the same database, read only.

    :raises psycopg.OperationalError: as libpq says it; there may be no room for another.
    """
    # What libpq was given, took from the environment or had read from files.
    parameters = {option.keyword.decode(): option.val.decode() for option in connection.pgconn.info if option.val}
    for name in ("service", "servicefile", "target_session_attrs", "load_balance_hosts"):
        parameters.pop(name, None)
    # Of several hosts, the one that answered.
    parameters.update(host=connection.info.host, port=str(connection.info.port))
    if "hostaddr" in parameters:
        parameters["hostaddr"] = connection.info.hostaddr
    if connection.pgconn.password:
        parameters["password"] = connection.pgconn.password.decode()
    return connect(Address(parameters))


def pin(connection: Connection, *, read_only: bool, statement_timeout: str = "0", lock_timeout: str = "0") -> None:
    """Pin the settings of a session that is outside of a transaction, in one round trip."""
    settings = {
        **PINNED,
        "default_transaction_read_only": "on" if read_only else "off",
        "statement_timeout": statement_timeout,
        "lock_timeout": lock_timeout,
        "idle_in_transaction_session_timeout": "0",
    }
    names, values = list(settings), list(settings.values())
    # Not set_config('…') by literal: one parameterised call sets all of them, whatever their number.
    connection.execute(
        "select pg_catalog.set_config(name, value, false) from unnest(%s::text[], %s::text[]) as s(name, value)",
        (names, values),
    )
    if connection.info.encoding == "ascii":
        for type_ in ("text", "varchar", "bpchar", "name", UNKNOWN):
            connection.adapters.register_loader(type_, _AnyEncodingLoader)


#: Parameters of a session that resolve() does not take over from libpq: pgsafe's own, and what others say better.
_NOT_TAKEN = frozenset(
    {"service", "servicefile", "application_name", "connect_timeout", "options", "hostaddr", "passfile"}
)
_ALWAYS_TAKEN = frozenset({"host", "port", "user", "dbname"})
#: Defaults that libpq does not report as compiled in.
_DEFAULTS = {"sslcertmode": "allow"}


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
    # The one that was used, wherever it came from.
    if connection.pgconn.password:
        known["password"] = connection.pgconn.password.decode()
    left_out = {"service", "servicefile", *(["passfile"] if "password" in known else [])}
    return Address({**{key: value for key, value in address.parameters.items() if key not in left_out}, **known})

"""Take from a restored copy what leads to production: foreign servers, subscriptions, scheduled jobs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources

import psycopg
from psycopg import sql

from ..server.connection import Connection

#: An address at which nothing answers: the discard port of this machine.
HOST, PORT = "127.0.0.1", "9"
#: Foreign-data wrappers whose servers have libpq's options.
_LIBPQ = frozenset({"postgres_fdw", "dblink_fdw"})
#: Options of libpq that would lead somewhere else in spite of host and port.
_LEADING = ("hostaddr", "service")
_SECRETS = frozenset({"password", "sslpassword", "oauth_client_secret"})
_WAKE = {"A": sql.SQL("enable always"), "R": sql.SQL("enable replica")}


@dataclass(frozen=True)
class _Way:
    """One way out."""

    kind: str
    name: str
    wrapper: str
    role: str
    options: Sequence[str]


def isolate(connection: Connection) -> tuple[str, ...]:
    """Make everything unreachable that a database would reach by itself, and return what was done.

    To be called once on a restored copy, before clones are made of it and facts are read for a comparison between
    them; facts that have to equal the source's are read before. One round trip when there is nothing to do. What a
    function's own code reaches (a dblink with its address in it, an untrusted language) stays as it is.

    :param connection: of a superuser, outside of a transaction, who may write.
    :raises psycopg.Error: a part could not be isolated; nothing was changed then.
    """
    query = (resources.files("pytest_pgsafe.migrate") / "sql" / "reachable.sql").read_bytes()
    ways = [_Way(*row) for row in connection.execute(query)]
    awake = [way for way in ways if way.kind == "event trigger"]
    if len(awake) == len(ways):
        return ()
    done: list[str] = []
    with connection.transaction():
        connection.execute("set local transaction_read_only = off; set local session_replication_role = replica")
        for way in awake:
            connection.execute(sql.SQL("alter event trigger {} disable").format(sql.Identifier(way.name)))
        for way in ways:
            done.extend(_isolated(connection, way))
        done.extend(_without_handler(connection, ways))
        for way in awake:
            connection.execute(
                sql.SQL("alter event trigger {} {}").format(sql.Identifier(way.name), _WAKE[way.wrapper])
            )
    return tuple(done)


def _isolated(connection: Connection, way: _Way) -> Iterator[str]:
    name = sql.Identifier(way.name)
    if way.kind == "server" and way.wrapper in _LIBPQ:
        options = sql.SQL(", ").join([
            *(_option(key, value, way.options) for key, value in (("host", HOST), ("port", PORT))),
            *(sql.SQL("drop {}").format(sql.Identifier(key)) for key in _LEADING if key in way.options),
        ])  # fmt: skip
        connection.execute(sql.SQL("alter server {} options ({})").format(name, options))
        yield f"foreign server {way.name}: led to {HOST}:{PORT}, where nothing answers"
    elif way.kind == "mapping" and way.wrapper in _LIBPQ and not _SECRETS.isdisjoint(way.options):
        masks = sql.SQL(", ").join(
            sql.SQL("set {} 'pgsafe'").format(sql.Identifier(key)) for key in sorted(_SECRETS.intersection(way.options))
        )
        connection.execute(sql.SQL("alter user mapping for {} server {} options ({})").format(_who(way), name, masks))
        yield f"user mapping of {way.role} for {way.name}: its password masked"
    elif way.kind == "subscription":
        # No clone would have it: it is the cluster's, and not the database's. Without a slot nothing remote is asked.
        connection.execute(sql.SQL("alter subscription {} disable").format(name))
        connection.execute(sql.SQL("alter subscription {} set (slot_name = none)").format(name))
        connection.execute(sql.SQL("drop subscription {}").format(name))
        yield f"subscription {way.name}: dropped, and its slot left alone"
    elif way.kind == "jobs":
        column = "active" if way.name == "cron.job" else "jobenabled"
        changed = connection.execute(
            sql.SQL("update {} set {} = false where {}").format(
                sql.Identifier(*way.name.split(".")), sql.Identifier(column), sql.Identifier(column)
            )
        ).rowcount
        if changed:
            yield f"{way.name}: {changed} scheduled jobs deactivated"


def _who(way: _Way) -> sql.Composable:
    return sql.SQL("public") if way.role == "public" else sql.Identifier(way.role)


def _option(key: str, value: str, present: Sequence[str]) -> sql.Composable:
    verb = sql.SQL("set" if key in present else "add")
    return sql.SQL("{} {} {}").format(verb, sql.Identifier(key), sql.Literal(value))


def _without_handler(connection: Connection, ways: Sequence[_Way]) -> Iterator[str]:
    """Take the handler from other wrappers: what their options mean is theirs, but without it no foreign table works.

    Their user mappings are masked as well, where the wrapper's validator lets them be.
    """
    wrappers = {way.wrapper for way in ways if way.kind == "server" and way.wrapper not in _LIBPQ}
    for way in ways:
        if way.kind == "mapping" and way.wrapper in wrappers and way.options:
            who = _who(way)
            masks = sql.SQL(", ").join(
                sql.SQL("set {} {}").format(sql.Identifier(key), sql.Literal("pgsafe")) for key in way.options
            )
            statement = sql.SQL("alter user mapping for {} server {} options ({})")
            try:
                with connection.transaction():
                    connection.execute(statement.format(who, sql.Identifier(way.name), masks))
                yield f"user mapping of {way.role} for {way.name}: masked"
            except psycopg.Error as error:
                yield f"user mapping of {way.role} for {way.name}: not masked ({error.diag.message_primary})"
    for wrapper in sorted(wrappers):
        connection.execute(sql.SQL("alter foreign data wrapper {} no handler").format(sql.Identifier(wrapper)))
        yield f"foreign-data wrapper {wrapper}: its handler taken away, so its foreign tables cannot be read"

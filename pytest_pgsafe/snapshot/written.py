"""Which files a copy's WAL speaks of since a moment: what it does not speak of was not written.

``wal_level`` is ``replica`` on servers of ours: every change of a permanent relation's blocks stands in the WAL. Two
messages of our own, with a random word, stand at both ends; a reading that found both, one record after the other, has
read everything between them.
"""

from __future__ import annotations

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from ..server.address import Address
from ..server.capabilities import WAL_FUNCTIONS
from ..server.connection import Connection, connect, version
from .session import reason

__all__ = ["Mark", "Unknown", "mark", "written"]

_QUERY = Path(__file__).with_name("sql") / "written.sql"
#: The extension is made there, and rolled back: the copy itself is not to have it.
_BESIDE = "postgres"
_NOW = (
    "select pg_catalog.pg_current_wal_insert_lsn()::text, d.oid::int8, pg_catalog.current_setting('wal_level')"
    " from pg_catalog.pg_database d where d.datname = %s"
)


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A moment in the WAL of a copy's server."""

    lsn: str
    #: What the message at this moment holds.
    word: str
    #: OID of the copy.
    database: int


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """That cannot be told, and why."""

    why: str


def mark(copy: Address) -> Mark | Unknown:
    """Mark a moment in the WAL; the copy's server is ours alone."""
    try:
        with _beside(copy) as session:
            if not WAL_FUNCTIONS.known_to(version(session)):
                return Unknown(why=f"PostgreSQL {version(session).major} has no function that reads its WAL")
            row = session.execute(_NOW, (copy.dbname,)).fetchone()
            if row is None:
                return Unknown(why="the copy is not there")
            lsn, database, level = row
            if level == "minimal":
                return Unknown(why="wal_level is minimal")
            word = secrets.token_hex(8)
            session.execute("select pg_catalog.pg_logical_emit_message(false, %s, '')", (_message(word, "first"),))
    except psycopg.Error as error:
        return Unknown(why=reason(error))
    return Mark(lsn=lsn, word=word, database=database)


def written(copy: Address, since: Mark, *, most: int) -> frozenset[int] | Unknown:
    """Return the numbers of the copy's files that were written, or may have been, since a moment.

    What was committed before this is called is among them.

    :param most: bytes of WAL: more of it are not read.
    """
    try:
        with _beside(copy) as session:
            row = session.execute(_NOW, (copy.dbname,)).fetchone()
            if row is None or row[1] != since.database:
                return Unknown(why="the database is another one than before")
            last = _end(session, since)
            size = _number(session, "select pg_catalog.pg_wal_lsn_diff(%s, %s)::int8", last, since.lsn)
            if size > most:
                return Unknown(why=f"to read {size >> 20:,} MiB of WAL takes longer")
            found = _found(session, since, last)
    except psycopg.Error as error:
        return Unknown(why=reason(error))
    if not {_message(since.word, "first"), _message(since.word, "last")} <= found:
        return Unknown(why="the WAL is not there as a whole")
    files = (one.split("/") for one in found if not one.startswith("pgsafe "))
    return frozenset(int(file) for database, file in files if int(database) == since.database)


def _message(word: str, end: str) -> str:
    return f"pgsafe {word} {end}"


@contextmanager
def _beside(copy: Address) -> Generator[Connection, None, None]:
    with connect(Address({**copy.parameters, "dbname": _BESIDE}, copy.sessions), read_only=False) as session:
        yield session


def _number(session: Connection, query: str, *parameters: str) -> int:
    row = session.execute(query.encode(), parameters).fetchone()
    assert row is not None
    return int(row[0])


def _end(session: Connection, since: Mark) -> str:
    """Write the message that ends the range, and return a position behind it, which has reached the disk."""
    with session.transaction():
        session.execute("set local synchronous_commit = on")
        session.execute("select pg_catalog.pg_logical_emit_message(true, %s, '')", (_message(since.word, "last"),))
        row = session.execute("select pg_catalog.pg_logical_emit_message(true, 'pgsafe', '')::text").fetchone()
    assert row is not None
    return str(row[0])


def _found(session: Connection, since: Mark, last: str) -> set[str]:
    schema = sql.Identifier(f"pgsafe_{since.word}")
    with session.transaction(force_rollback=True):
        # Whoever made one here before: it is there again after this.
        session.execute("drop extension if exists pg_walinspect cascade")
        session.execute(sql.SQL("create schema {}").format(schema))
        session.execute(sql.SQL("create extension pg_walinspect schema {}").format(schema))
        session.execute(sql.SQL("set local search_path = pg_catalog, {}").format(schema))
        rows = session.execute(_QUERY.read_bytes(), {"first": since.lsn, "last": last}, prepare=False)
        return {what for (what,) in rows}

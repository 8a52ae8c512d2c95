"""Is a recovered cluster readable: every database is opened, and what it stores is read to its end.

Where ``amcheck`` can be had, it checks each row of each table, its TOAST included, and the structure of each B-tree.
Elsewhere tables are read row by row, and their indexes are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg import sql

from ..catalog.names import parts
from ..catalog.read import read as read_catalog
from ..errors import SnapshotError
from ..server.base import Server
from ..server.capabilities import COLLATION_VERSION
from ..server.connection import Connection, connect, version
from ..snapshot.session import reason
from ..snapshot.values import NotVerified
from . import prepared
from .outcome import Damage, DatabaseRead

_SCHEMA = "pgsafe_amcheck"
#: Nothing of the cluster's own is run: no library that a database or a role loads, no trigger of theirs.
_OPTIONS = "-c session_preload_libraries= -c local_preload_libraries= -c session_replication_role=replica"
_DEFAULT_COLLATION = 100


class _Relation(NamedTuple):
    oid: int
    #: As quote_ident writes it.
    name: str
    is_index: bool
    is_toast: bool
    #: Whether its access method is PostgreSQL's own.
    known: bool
    #: Collations of an index that may sort otherwise here.
    collations: list[int]


@dataclass(frozen=True, kw_only=True)
class Readings:
    """What was read, what cannot be, and what was not tried."""

    databases: tuple[DatabaseRead, ...]
    damage: tuple[Damage, ...]
    not_verified: tuple[NotVerified, ...]


def enter(server: Server, dbname: str = "template1", *, read_only: bool = True) -> Connection:
    """Open a session in a recovered cluster, in which nothing of the cluster's own is run.

    :raises psycopg.OperationalError: as libpq says it.
    """
    return connect(server.address(dbname).with_(options=_OPTIONS), read_only=read_only)


def read(server: Server) -> Readings:
    """Read every database of a recovered cluster that is ours alone.

    An extension is made in each, and what was prepared is rolled back.

    :raises psycopg.Error: the server itself does not answer.
    """
    databases: list[DatabaseRead] = []
    damage: list[Damage] = []
    gaps: list[NotVerified] = []
    prepared.roll_back(server)
    with enter(server) as session:
        listed = session.execute(
            "select datname, datallowconn and datconnlimit <> -2 from pg_catalog.pg_database order by 1"
        ).fetchall()
    for name, open_ in listed:
        if not open_:
            # template0 is nobody's, and holds nothing.
            if name != "template0":
                gaps.append(NotVerified(object=f"database {name}", reason="it lets nobody in"))
            continue
        try:
            with enter(server, name, read_only=False) as session:
                read_catalog(session)
                found = list(_relations(session))
                checked = _amcheck(session)
                gaps += _left_out(name, found, session, checked=checked)
                tables, indexes = _chosen(found, session, checked=checked)
                looked_at = tuple(_looked_at(session, name, [*tables, *indexes], checked=checked))
                damage += [one for one in looked_at if isinstance(one, Damage)]
                gaps += [one for one in looked_at if isinstance(one, NotVerified)]
        except (psycopg.Error, SnapshotError) as error:
            damage.append(Damage(database=name, object="", why=_why(error)))
            continue
        databases.append(DatabaseRead(name=name, tables=len(tables), indexes=len(indexes), checked=checked))
    return Readings(databases=tuple(databases), damage=tuple(damage), not_verified=tuple(gaps))


def _relations(session: Connection) -> Iterator[_Relation]:
    for row in session.execute(_query("readable")):
        yield _Relation(*row)


def _chosen(found: list[_Relation], session: Connection, *, checked: bool) -> tuple[list[_Relation], list[_Relation]]:
    """Return the tables and the indexes that are read."""
    tables = [one for one in found if not one.is_index and one.known and (checked or not one.is_toast)]
    indexes = [one for one in found if one.is_index and checked and _sorted_here(session, one)]
    return tables, indexes


def _left_out(database: str, found: list[_Relation], session: Connection, *, checked: bool) -> Iterator[NotVerified]:
    for one in found:
        if not one.known:
            yield NotVerified(object=f"{one.name} in {database}", reason="its access method is an extension's")
    if not checked:
        yield NotVerified(object=f"indexes of {database}", reason="there is no amcheck beside these programs")
        return
    others = sum(one.is_index and not _sorted_here(session, one) for one in found)
    if others:
        told = f"{others} of them are sorted by a collation of which it is not known that it is the same here"
        yield NotVerified(object=f"indexes of {database}", reason=told)


def _sorted_here(session: Connection, relation: _Relation) -> bool:
    return all(oid == _DEFAULT_COLLATION and _default_is_same(session) for oid in relation.collations)


def _default_is_same(session: Connection) -> bool:
    name = "default_collation.15" if COLLATION_VERSION.known_to(version(session)) else "default_collation"
    found = session.execute(_query(name)).fetchone()
    return found == (True,)


def _amcheck(session: Connection) -> bool:
    """Make ``amcheck`` usable; tell whether it is."""
    try:
        session.execute(sql.SQL("create schema {}").format(sql.Identifier(_SCHEMA)))
        # The cluster's own may be of a release that cannot check tables.
        session.execute("drop extension if exists amcheck")
        session.execute(sql.SQL("create extension amcheck schema {}").format(sql.Identifier(_SCHEMA)))
    except psycopg.Error:
        return False
    return True


def _looked_at(
    session: Connection, database: str, chosen: list[_Relation], *, checked: bool
) -> Iterator[Damage | NotVerified]:
    """Yield what is damaged, and what only a library that is not here could read."""
    for one in chosen:
        try:
            why = _objection(session, one) if checked else _read(session, one)
        except psycopg.Error as error:
            if session.closed:
                raise
            if isinstance(error, psycopg.errors.UndefinedFile) and "could not access file" in str(error):
                yield NotVerified(object=f"{one.name} in {database}", reason=_why(error))
                continue
            why = _why(error)
        if why is not None:
            yield Damage(database=database, object=one.name, why=why)


def _objection(session: Connection, relation: _Relation) -> str | None:
    """Return what amcheck objects to."""
    if relation.is_index:
        check = sql.SQL("select {}.bt_index_check(%s::oid::regclass)")
        session.execute(check.format(sql.Identifier(_SCHEMA)), (relation.oid,))
        return None
    check = sql.SQL("select blkno, offnum, msg from {}.verify_heapam(%s::oid::regclass, true, true) limit 1")
    found = session.execute(check.format(sql.Identifier(_SCHEMA)), (relation.oid,)).fetchone()
    return None if found is None else f"block {found[0]}, row {found[1]}: {found[2]}"


def _read(session: Connection, relation: _Relation) -> str | None:
    """Read each row to its last value."""
    query = sql.SQL("select count(pgsafe_row::text) from only {} as pgsafe_row")
    found = session.execute(query.format(sql.Identifier(*parts(relation.name)))).fetchone()
    return None if found is not None else "it gives no answer"


def _why(error: psycopg.Error | SnapshotError) -> str:
    return reason(error) if isinstance(error, psycopg.Error) else error.message


@cache
def _query(name: str) -> bytes:
    return (Path(__file__).parent / "sql" / f"{name}.sql").read_bytes()

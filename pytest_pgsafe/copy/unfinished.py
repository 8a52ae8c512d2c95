"""INVALID indexes: pg_dump leaves them out, and the copy has them as they are in the source."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from ..catalog.names import bare, split, unquoted
from ..catalog.values import Catalog, Constraint, Index
from ..server.address import Address
from ..server.capabilities import EVENT_TRIGGERS_OFF
from ..server.connection import Connection, connect, version
from ..snapshot.session import encoded
from ..snapshot.values import NotVerified

_FLAGS = """
update pg_catalog.pg_index set indisvalid = %s, indisready = %s, indislive = %s
where indexrelid = (
    select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = %s and c.relname = %s and c.relkind in ('i', 'I')
)
"""
_STATES = """
select pg_catalog.format('%I.%I', n.nspname, c.relname), x.indisvalid, x.indisready, x.indislive
from pg_catalog.pg_index x
join pg_catalog.pg_class c on c.oid = x.indexrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
"""


def make_unfinished(source: Catalog, address: Address) -> tuple[NotVerified, ...]:
    """Make the INVALID indexes of a source in its restored copy; return those that cannot be made, and why.

    One that was never filled is made empty, so that it costs nothing, whatever its columns hold. Another is built: it
    keeps new rows unique. Afterwards each has the source's flags, which takes a superuser.
    """
    unfinished = {name: one for name, one in source.indexes.items() if not (one.valid and one.ready and one.live)}
    if not unfinished:
        return ()
    with connect(address, read_only=False) as session:
        if session.execute("select pg_catalog.current_setting('is_superuser')").fetchone() != ("on",):
            reason = "INVALID in the source: pg_dump leaves it out, and to make it so takes a superuser of the server"
            return tuple(NotVerified(object=name, reason=reason) for name in unfinished)
        states = {name: state for name, *state in session.execute(_STATES.encode())}
        notes: list[NotVerified] = []
        with _quiet(session):
            # Those of partitioned tables come first: others are attached to them.
            for name, index in sorted(unfinished.items(), key=lambda one: (one[1].parent is not None, one[0])):
                if states.get(name) == [index.valid, index.ready, index.live]:
                    continue
                try:
                    with session.transaction():
                        _make(session, source, index, there=name in states)
                except psycopg.Error as error:
                    said = str(error).splitlines()[0]
                    reason = f"INVALID in the source: pg_dump leaves it out, and it cannot be made here: {said}"
                    notes.append(NotVerified(object=name, reason=reason))
        return tuple(notes)


@contextmanager
def _quiet(session: Connection) -> Generator[None, None, None]:
    """Let the database's own event triggers have no say."""
    session.execute("set session_replication_role = replica")
    if EVENT_TRIGGERS_OFF.known_to(version(session)):
        session.execute("set event_triggers = off")
    yield


def _make(session: Connection, source: Catalog, index: Index, *, there: bool) -> None:
    name = sql.Identifier(*map(unquoted, split(index.name)))
    schema, own = (unquoted(part) for part in split(index.name))
    constraint = None if index.constraint is None else source.constraints.get(index.constraint)
    if not there:
        if constraint is not None:
            _constrain(session, constraint)
        elif index.ready or index.predicate is not None:
            _build(session, index, schema, own)
        else:
            # No row fulfils it, so nothing is read, evaluated or found twice.
            session.execute(encoded(session, f"{index.definition} WHERE false"))
            session.execute(
                "update pg_catalog.pg_index set indpred = null where indexrelid = %s::pg_catalog.regclass",
                (name.as_string(session),),
            )
        if index.comment is not None:
            session.execute(sql.SQL("COMMENT ON INDEX {} IS {}").format(name, sql.Literal(index.comment)))
    session.execute(_FLAGS.encode(), (index.valid, index.ready, index.live, schema, own))
    if not there and index.parent is not None:
        parent = sql.Identifier(*map(unquoted, split(index.parent)))
        session.execute(sql.SQL("ALTER INDEX {} ATTACH PARTITION {}").format(parent, name))
        session.execute(_FLAGS.encode(), (index.valid, index.ready, index.live, schema, own))


def _constrain(session: Connection, constraint: Constraint) -> None:
    table = sql.Identifier(*map(unquoted, split(constraint.table)))
    head = sql.SQL("ALTER TABLE ONLY {} ADD CONSTRAINT {} ").format(
        table, sql.Identifier(unquoted(bare(constraint.name)))
    )
    session.execute(encoded(session, head.as_string(session) + constraint.definition))


def _build(session: Connection, index: Index, schema: str, own: str) -> None:
    """Build it as it is defined; one that duplicates forbid is built without, and keeps what comes unique."""
    try:
        with session.transaction():
            session.execute(encoded(session, index.definition))
    except psycopg.errors.UniqueViolation:
        plain = re.sub(r"^CREATE UNIQUE INDEX", "CREATE INDEX", index.definition)
        session.execute(encoded(session, plain))
        session.execute(
            "update pg_catalog.pg_index x set indisunique = true"
            " from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
            " where x.indexrelid = c.oid and n.nspname = %s and c.relname = %s",
            (schema, own),
        )

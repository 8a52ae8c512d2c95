"""The facts of a database, of which only that is read which was touched since a moment whose facts are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg

from ..catalog.values import Catalog
from ..server.address import Address
from ..server.connection import Connection, connect
from .session import reason
from .take import take
from .untouched import Stored, Untouched, stored, untouched
from .values import Reread, Snapshot
from .written import Mark, Unknown, mark, written

__all__ = ["Since", "begin", "found", "take_since"]

#: Bytes of tables, by the catalog: to read less than this costs less than to find out what was touched.
WORTH = 16 << 20
#: WAL is read some eight times slower than tables are (pg_walinspect, 30 to 40 MB/s).
_SLOWER = 8


@dataclass(frozen=True, kw_only=True)
class Since:
    """A moment of a database."""

    copy: Address
    facts: Snapshot
    mark: Mark | Unknown
    stored: Mapping[int, Stored]


def begin(copy: Address, facts: Snapshot, *, ours: bool, worth: int = WORTH) -> Since:
    """Mark the moment at which a database holds what facts say, before anything is done to it.

    :param facts: of it, or of the database that it is a physical copy of.
    :param ours: its server is ours alone.
    :param worth: bytes of tables from which on it is worth the trouble.
    """
    if not ours:
        return _unknown(copy, facts, "the WAL of an existing server is not read")
    if _size(facts.catalog) < worth:
        return _unknown(copy, facts, "so little is read as quickly")
    moment = mark(copy)
    if isinstance(moment, Unknown):
        return _unknown(copy, facts, moment.why)
    try:
        with connect(copy) as session:
            return Since(copy=copy, facts=facts, mark=moment, stored=stored(session))
    except psycopg.Error as error:
        return _unknown(copy, facts, reason(error))


def take_since(connection: Connection, since: Since | None) -> tuple[Snapshot, Reread]:
    """Read the facts of a database, and tell what was read for them.

    :param connection: to the database whose moment it was.
    :param since: None reads all.
    :raises SnapshotError: the server failed, rather than one object.
    """
    why: str | None = "no moment was marked when the copy was made"
    held = Untouched()

    def known(_: Connection, catalog: Catalog) -> Untouched:
        nonlocal why, held
        if since is not None:
            holding = found(since, connection, catalog)
            why = holding.why if isinstance(holding, Unknown) else None
            held = held if isinstance(holding, Unknown) else holding
        return held

    now = take(connection, known=known)
    kept = frozenset(held.tables)
    return now, Reread(touched=frozenset(now.tables) - kept, untouched=kept, why=why)


def found(since: Since, connection: Connection, now: Catalog) -> Untouched | Unknown:
    """Return which facts hold still; or why that cannot be told.

    :param now: the catalog, read in this session's transaction.
    """
    if isinstance(since.mark, Unknown):
        return since.mark
    most = max(_size(since.facts.catalog) // _SLOWER, WORTH // _SLOWER)
    files = written(since.copy, since.mark, most=most)
    if isinstance(files, Unknown):
        return files
    return untouched(since.facts, now, before=since.stored, after=stored(connection), written=files)


def _unknown(copy: Address, facts: Snapshot, why: str) -> Since:
    return Since(copy=copy, facts=facts, mark=Unknown(why=why), stored={})


def _size(catalog: Catalog) -> int:
    return sum(table.size for table in catalog.tables.values())

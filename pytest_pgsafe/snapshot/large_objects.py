"""The content of large objects, which belong to no table."""

from __future__ import annotations

from pathlib import Path

import psycopg

from ..server.connection import Connection
from .session import UNREADABLE, failed, reason
from .values import LargeObjects, NotVerified

__all__ = ["large_objects"]

_SQL = Path(__file__).with_name("sql")
#: More of them are not told apart: their digests would fill the memory.
_MOST = 100_000


def large_objects(connection: Connection) -> tuple[LargeObjects, tuple[NotVerified, ...]]:
    """Count and digest the large objects, by number and content; up to 100,000 of them each by itself.

    :raises SnapshotError: the server failed.
    """
    row = connection.execute(
        "SELECT (SELECT pg_catalog.count(*) FROM pg_catalog.pg_largeobject_metadata),"
        " pg_catalog.has_table_privilege('pg_catalog.pg_largeobject', 'SELECT')"
    ).fetchone()
    assert row is not None
    there, readable = row
    if not there:
        return LargeObjects(count=0, digest=0), ()
    file = "large_objects.sql" if readable else "large_objects_by_privilege.sql"
    if readable and there <= _MOST:
        file = "large_objects_each.sql"
    try:
        with connection.transaction(force_rollback=True):
            found = connection.execute((_SQL / file).read_bytes(), prepare=False).fetchall()
    except UNREADABLE as error:
        return LargeObjects(count=0, digest=0), (NotVerified(object="large objects", reason=reason(error)),)
    except psycopg.Error as error:
        raise failed("the large objects", error) from error
    if file == "large_objects_each.sql":
        each = {oid: int(digest) for oid, digest in found}
        return LargeObjects(count=len(each), digest=sum(each.values()), each=each), ()
    count, pages, sizes = found[0]
    return LargeObjects(count=count, digest=int(pages or 0) + int(sizes or 0)), ()

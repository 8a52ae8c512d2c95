"""One moment of a source: a snapshot that facts and pg_dump share, taken where nothing can slip past it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql

from ..errors import BackupError
from ..server import locked
from ..server.address import Address
from ..server.connection import Connection, connect

#: How often the list of tables may change under us before we give up.
ATTEMPTS = 5

# What pg_dump locks too: of an extension's tables those whose rows it dumps. Foreign tables are never scanned.
_TABLES = """
select c.oid::int8, n.nspname, c.relname
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p')
  and c.relpersistence <> 't'
  and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
  and not exists (
      select from pg_catalog.pg_depend d
      join pg_catalog.pg_extension e on d.refclassid = 'pg_extension'::regclass and d.refobjid = e.oid
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
        and c.oid <> all (coalesce(e.extconfig, '{}'))
  )
order by c.oid
"""
# The server's own list of locks: no snapshot is taken for it.
_LOCKED = """
select l.relation::int8
from pg_catalog.pg_lock_status() l
where l.locktype = 'relation' and l.granted and l.pid = pg_catalog.pg_backend_pid()
"""
#: A table, or its schema, that is called otherwise by now; or what has its name is no table.
_GONE = (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName, psycopg.errors.WrongObjectType)


@dataclass(frozen=True)
class Moment:
    """An exported snapshot, alive as long as its connection's transaction."""

    connection: Connection
    #: What ``pg_dump --snapshot`` and ``SET TRANSACTION SNAPSHOT`` take.
    snapshot: str


@contextmanager
def moment(address: Address, *, lock_timeout: str = "30s") -> Generator[Moment, None, None]:
    """Hold one moment of a database, read only.

    Tables are locked in ACCESS SHARE mode before the snapshot is exported: TRUNCATE ignores snapshots, and one that
    commits after the export would empty a table that nobody has read yet, for facts and dump alike. Whoever
    created a table in between makes us start again.

    :param lock_timeout: how long to wait for a table that somebody holds exclusively, in PostgreSQL's notation.
    :raises BackupError: a table cannot be locked, or the list of tables does not come to rest.
    """
    with connect(address, autocommit=True) as connection:
        for _ in range(ATTEMPTS):
            tables = connection.execute(_TABLES).fetchall()
            connection.execute("begin transaction isolation level repeatable read, read only")
            # Neither statement takes the transaction's snapshot; the locks come first.
            if not _lock(connection, tables, lock_timeout):
                connection.execute("rollback")
                continue
            # The source works for others: a session of ours is one process there.
            connection.execute("set local max_parallel_workers_per_gather = 0")
            found = connection.execute("select pg_catalog.pg_export_snapshot()").fetchone()
            assert found is not None
            if connection.execute(_TABLES).fetchall() == tables:
                break
            connection.execute("rollback")
        else:
            raise BackupError(
                "the tables of the source do not come to rest: some were created, renamed or dropped "
                f"during each of {ATTEMPTS} attempts to take a snapshot",
                looked_at=[str(address)],
                remedies=["take the backup when no migration runs on the source"],
            )
        try:
            yield Moment(connection, str(found[0]))
        finally:
            if not connection.closed:
                connection.execute("rollback")


def _lock(connection: Connection, tables: Sequence[tuple[int, str, str]], timeout: str) -> bool:
    """Lock tables, all of them or none; tell whether each that was listed is locked.

    :param tables: OID, schema and name.
    """
    if not tables:
        return True
    names = sql.SQL(", ").join([sql.SQL("only {}").format(sql.Identifier(*table)) for _, *table in tables])
    try:
        connection.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(timeout)))
        connection.execute(sql.SQL("lock table {} in access share mode").format(names))
    except psycopg.errors.LockNotAvailable as error:
        raise BackupError(
            f"a table of the source stayed locked for {timeout}",
            looked_at=locked.holders(connection) or [str(error).splitlines()[0]],
            remedies=[locked.REMEDY],
        ) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise BackupError(
            "the role that reads the source may not read every table",
            looked_at=[str(error).splitlines()[0]],
            remedies=["GRANT pg_read_all_data TO the role, or use the owner of the tables"],
        ) from error
    except _GONE:
        # Dropped or renamed since the list was read; whoever renames it back in time leaves the list as it was.
        return False
    # By name another table may have been locked: what holds is by OID.
    return {oid for oid, *_ in tables} <= {oid for (oid,) in connection.execute(_LOCKED).fetchall()}

"""What extensions want of a restore besides CREATE EXTENSION."""

from __future__ import annotations

from collections.abc import Collection, Generator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from ..errors import RestoreError
from ..server.address import Address
from ..server.connection import connect
from ..server.preload import CRON_PREFIX

_CALL = """
select quote_ident(n.nspname) || '.' || quote_ident(p.proname)
from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where p.proname = %s and p.pronargs = 0
"""


@contextmanager
def ready(extensions: Collection[str], target: Address) -> Generator[Address, None, None]:
    """Prepare an empty database for what the extensions of a dump want; give the address to restore into.

    TimescaleDB is told before and after; pg_cron is made in the one database that its setting names, which the
    target is called meanwhile on a server of ours.

    :param extensions: that the dump makes.
    :raises RestoreError: the server failed.
    """
    try:
        with _named(extensions, target) as address:
            if "timescaledb" in extensions:
                _timescaledb(address, "timescaledb_pre_restore")
            yield address
            if "timescaledb" in extensions:
                _timescaledb(address, "timescaledb_post_restore")
    except psycopg.Error as error:
        raise RestoreError(
            "an extension of the source cannot be prepared here", looked_at=str(error).splitlines()[:3]
        ) from error


@contextmanager
def _named(extensions: Collection[str], target: Address) -> Generator[Address, None, None]:
    wanted = None
    if "pg_cron" in extensions:
        with connect(target) as session:
            row = session.execute("select current_setting('cron.database_name', true)").fetchone()
            wanted = None if row is None else row[0]
    if wanted is None or not str(wanted).startswith(CRON_PREFIX):
        # Of a server of somebody else, whose database it names.
        yield target
        return
    name = sql.Identifier(wanted)
    maintenance = target.with_(dbname="postgres")
    with connect(maintenance, read_only=False) as session:
        session.execute(sql.SQL("drop database if exists {} with (force)").format(name))
    _rename(target, target.dbname, wanted)
    try:
        yield target.with_(dbname=wanted)
    finally:
        _rename(target, wanted, target.dbname)
        # cron.schedule() asks in every database for the privileges on this one.
        with connect(maintenance, read_only=False) as session:
            session.execute(sql.SQL("create database {} template template0").format(name))


def _rename(target: Address, old: str, new: str) -> None:
    with connect(target.with_(dbname="postgres"), read_only=False) as session:
        session.execute(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
            " where datname = %s and pid <> pg_backend_pid() and backend_type = 'client backend'",
            (old,),
        )
        session.execute(sql.SQL("alter database {} rename to {}").format(sql.Identifier(old), sql.Identifier(new)))


def _timescaledb(target: Address, function: str) -> None:
    with connect(target, read_only=False) as session:
        session.execute("create extension if not exists timescaledb schema public")
    # A session of its own: the library is loaded with the session.
    with connect(target, read_only=False) as session:
        row = session.execute(_CALL, (function,)).fetchone()
        if row is not None:
            session.execute(sql.SQL("select {}()").format(sql.SQL(row[0])))

"""A cluster that archives its WAL, and on which harm is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.connection import Connection, connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms
from tests.server.archived import archiving_server
from tests.server.runbook import uri


@dataclass(kw_only=True)
class Cluster:
    """A cluster that archives, on which one harm after the other was done."""

    primary: LocalServer
    place: Path
    #: By name of a harm: its transaction.
    xids: dict[str, int] = field(default_factory=dict[str, int])
    #: By harm: what the tables held just before it.
    held: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict[str, list[tuple[Any, ...]]])
    #: Numbers of rows that others had committed.
    written: list[int] = field(default_factory=list[int])
    #: The segment that holds the last harm.
    last: str = ""

    def address(self, dbname: str = "shop") -> Address:
        return self.primary.address(dbname)

    def harm(self, session: Connection, name: str, text: str, held: str) -> None:
        self.held[name] = session.execute(held.encode()).fetchall()
        with session.transaction():
            session.execute(text.encode())
            row = session.execute("select pg_current_xact_id()::text::bigint & 4294967295").fetchone()
        assert row is not None
        self.xids[name] = row[0]

    def rows(self, query: str, dbname: str = "shop") -> list[tuple[Any, ...]]:
        with connect(self.address(dbname)) as session:
            return session.execute(query.encode()).fetchall()

    def arguments(self, *more: str, dbname: str = "shop") -> list[str]:
        folders = [f"--base={self.place / 'base'}", f"--archive={self.place / 'archive'}"]
        return ["pitr", "rescue", *folders, f"--into={uri(self.address(dbname))}", "--json", *more]


@contextmanager
def archiving(programs: LocalPrograms) -> Generator[Cluster, None, None]:
    """Start a cluster with an archive and the databases ``shop`` and ``other``."""
    settings = {"autovacuum": "off", "max_prepared_transactions": "5"}
    with archiving_server(programs, settings, "pg_waldump") as (primary, place):
        with connect(primary.address("postgres"), read_only=False) as session:
            session.execute("create database shop")
            session.execute("create database other")
        yield Cluster(primary=primary, place=place)


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)


def archived(session: Connection) -> str:
    """Wait until what was written is in the archive; return the name of the segment."""
    row = session.execute("select pg_walfile_name(pg_switch_wal())").fetchone()
    assert row is not None

    def done() -> bool:
        found = session.execute("select last_archived_wal from pg_stat_archiver").fetchone()
        return found is not None and found[0] is not None and found[0][:24] >= row[0]

    until(done)
    return str(row[0])


def table(found: dict[str, Any], name: str) -> dict[str, Any]:
    """Return what an answer says of a table."""
    return next(one for one in found["tables"] if one["table"] == name)

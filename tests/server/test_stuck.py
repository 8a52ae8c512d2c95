"""A migration that waits for somebody who does nothing is stopped long before its time is over; others are let be."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_pgsafe.migrate.run import FailedRun, run
from pytest_pgsafe.migrate.values import Trace
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from tests.migrations import parse

#: Two sessions of one program: the second waits for what the first has read, or does.
PROGRAM = """
import threading
import psycopg
one, two = psycopg.connect(), psycopg.connect(autocommit=True)
{first}
try:
    two.execute("alter table public.t add column x int")
except psycopg.Error:
    pass
"""


def migrate(server: Server, copy: Address, folder: Path, first: str) -> Trace:
    with connect(copy, read_only=False) as session:
        session.execute(b"create table public.t (id int primary key)")
    (folder / "up.py").write_text(PROGRAM.format(first=first))
    migration = parse("cmd:python up.py", folder)
    role = server.address().user
    return run(migration, server, copy, role=role, folder=folder, deadline=120, lock_wait=0.5, observed=False)


def test_who_waits_for_an_open_transaction_is_stopped(server: Server, database: Address, tmp_path: Path) -> None:
    """The program hides the error and ends with 0, and fails all the same."""
    with pytest.raises(FailedRun) as caught:
        migrate(server, database, tmp_path, "one.execute('select count(*) from public.t')")
    message = str(caught.value)
    assert "python up.py would have waited for ever; pid " in message
    assert (
        "waits for AccessExclusiveLock on public.t (alter table public.t add column x int), which an open tr" in message
    )
    assert "of a session of the migration itself holds" in message
    assert "last statement: select count(*) from public.t" in message
    assert "lock_wait" in message


def test_who_waits_for_a_statement_that_runs_only_has_to_wait(
    server: Server, database: Address, tmp_path: Path
) -> None:
    first = (
        "one.autocommit = True\n"
        "work = threading.Thread(target=one.execute, args=['select pg_sleep(2), (select count(*) from public.t)'])\n"
        "work.start()\n"
        "query = 'select 1 from pg_locks where relation = %s::regclass'\n"
        "while work.is_alive() and not two.execute(query, ['public.t']).fetchone():\n"
        "    work.join(0.05)"
    )
    migrate(server, database, tmp_path, first)
    with connect(database) as session:
        query = b"select count(*) from pg_attribute where attrelid = 'public.t'::regclass and attname = 'x'"
        assert session.execute(query).fetchone() == (1,)

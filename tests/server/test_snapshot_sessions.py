"""Several sessions that read one snapshot."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from pytest_pgsafe.errors import SnapshotError
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import Connection, connect, sibling
from pytest_pgsafe.snapshot import digest, parallel, take
from pytest_pgsafe.snapshot.parallel import share, siblings
from pytest_pgsafe.snapshot.plan import Plan
from pytest_pgsafe.snapshot.session import moment
from pytest_pgsafe.snapshot.take import take as facts


@pytest.fixture
def connection(database: Address) -> Iterator[Connection]:
    with connect(database, read_only=False) as opened:
        yield opened


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Connection]:
    """Further sessions are opened whatever the tables' size, and listed here."""
    monkeypatch.setattr(take, "_WORTH", 1)
    monkeypatch.setattr(digest, "_PIECE_BYTES", 8 << 10)
    found: list[Connection] = []

    def opening(connection: Connection) -> Connection:
        found.append(sibling(connection))
        return found[-1]

    monkeypatch.setattr(parallel, "sibling", opening)
    return found


def fill(connection: Connection) -> None:
    connection.execute("create table public.t (id int primary key, a text)")
    connection.execute("insert into public.t select g, md5(g::text) from generate_series(1, 3000) g")
    connection.execute("create table public.u (id int references public.t)")
    connection.execute("insert into public.u select g from generate_series(1, 3000) g")
    connection.execute("create materialized view public.m as select * from public.t where id < 100")


def test_further_sessions_see_the_same(connection: Connection, opened: list[Connection]) -> None:
    fill(connection)
    alone = facts(connection, jobs=1)
    assert (alone.tables["public.t"].rows, opened) == (3000, [])
    together = facts(connection, jobs=3)
    assert together == alone
    assert together.materialized_views == alone.materialized_views
    assert [other.closed for other in opened] == [True, True]
    assert connection.info.transaction_status == TransactionStatus.IDLE


def test_further_sessions_see_one_moment(
    database: Address, connection: Connection, opened: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that are committed when every session is there, and before any of them reads, are seen by none."""
    fill(connection)
    before = facts(connection, jobs=1)
    read = take.read_contents

    def writing(connections: Sequence[Connection], plans: Sequence[Plan]) -> Any:
        with connect(database, read_only=False) as writer:
            writer.execute("update public.t set a = 'other'")
        return read(connections, plans)

    monkeypatch.setattr(take, "read_contents", writing)
    assert facts(connection, jobs=2) == before
    assert len(opened) == 1
    assert facts(connection, jobs=1) != before


def test_a_transaction_of_the_callers_is_read_alone_unless_it_was_exported(
    connection: Connection, opened: list[Connection]
) -> None:
    fill(connection)
    expected = facts(connection, jobs=1)
    with connection.transaction(force_rollback=True):
        connection.execute("delete from public.u")
        assert facts(connection, jobs=2).tables["public.u"].rows == 0
        assert opened == []
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read")
        (snapshot,) = connection.execute("select pg_export_snapshot()").fetchone() or ("",)
        assert facts(connection, jobs=2, snapshot=snapshot) == expected
        assert len(opened) == 1


def test_small_databases_are_read_by_one_session(
    connection: Connection, opened: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(take, "_WORTH", 32 << 20)
    fill(connection)
    facts(connection, jobs=4)
    assert opened == []


def test_no_room_for_further_sessions_is_no_error(
    server: Server, database: Address, connection: Connection, opened: list[Connection]
) -> None:
    fill(connection)
    # This session, and one more.
    connection.execute(f"alter database {database.parameters['dbname']} connection limit 2".encode())
    connection.execute("drop role if exists pgsafe_alone; create role pgsafe_alone login")
    connection.execute("grant pg_read_all_data to pgsafe_alone")
    try:
        with connect(server.address(database.dbname, user="pgsafe_alone")) as reader:
            assert facts(reader, jobs=3).tables == facts(connection, jobs=1).tables
        assert opened == []
    finally:
        connection.execute("drop owned by pgsafe_alone; drop role pgsafe_alone")


def test_nobody_waits_for_who_waits_for_the_first_session(
    database: Address, connection: Connection, opened: list[Connection]
) -> None:
    """The first session holds a lock, another one wants it exclusively, and a third would wait behind that one."""
    fill(connection)
    expected = facts(connection, jobs=1)
    with connect(database) as reader, connect(database, read_only=False) as other, moment(reader):
        reader.execute("lock table public.t, public.u in access share mode")
        (snapshot,) = reader.execute("select pg_export_snapshot()").fetchone() or ("",)
        truncating = threading.Thread(target=other.execute, args=("truncate public.t, public.u",))
        truncating.start()
        waits = "select from pg_locks where pid = %s and not granted"
        while not connection.execute(waits, (other.info.backend_pid,)).fetchall():
            truncating.join(0.01)
        assert facts(reader, jobs=2, snapshot=snapshot) == expected
        assert len(opened) == 1
        assert truncating.is_alive()
        reader.execute("rollback")
        truncating.join()
    assert facts(connection, jobs=1).tables["public.t"].rows == 0


def test_what_goes_wrong_in_one_session_ends_all(connection: Connection) -> None:
    started = threading.Event()

    def work(session: Connection, task: str) -> list[str]:
        if session is connection:
            assert started.wait(60)
            raise SnapshotError("broken")
        started.set()
        session.execute(task.encode())
        return []

    with moment(connection), siblings(connection, None, 1) as others:
        with pytest.raises(SnapshotError, match="broken"):
            share([connection, *others], ["select pg_sleep(600)", "select pg_sleep(600)"], work)
        assert others[0].info.transaction_status == TransactionStatus.INERROR


def test_an_interrupted_reading_ends_every_session(connection: Connection, request: pytest.FixtureRequest) -> None:
    begun = threading.Barrier(2)
    # A shell that starts pytest in the background has it ignore the signal.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, handler))

    def work(session: Connection, task: str) -> list[str]:
        begun.wait(60)
        if session is connection:
            signal.raise_signal(signal.SIGINT)
        session.execute(task.encode())
        return []

    with moment(connection), siblings(connection, None, 1) as others:
        with pytest.raises(KeyboardInterrupt):
            share([connection, *others], ["select pg_sleep(600)", "select pg_sleep(600)"], work)
        assert others[0].info.transaction_status == TransactionStatus.INERROR


def test_a_sibling_is_the_same_role_in_the_same_database(server: Server, database: Address) -> None:
    with connect(server.address(database.dbname)) as one, sibling(one) as other:
        query = "select current_database(), session_user, current_setting('search_path'), pg_postmaster_start_time()"
        assert one.execute(query).fetchone() == other.execute(query).fetchone()
        assert one.info.backend_pid != other.info.backend_pid
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            other.execute("create table public.t ()")

"""What a test may do with the source's sessions: read, whatever it sets."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.rows import dict_row

from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.testing.database import SourceDatabase

WRITES = "delete from public.people"
WAYS = [
    ["set transaction_read_only = off", WRITES],
    ["set default_transaction_read_only = off", WRITES],
    ["set default_transaction_read_only = off", "commit", WRITES],
    ["set session characteristics as transaction read write", "commit", WRITES],
    ["begin read write", WRITES],
    ["commit", "begin read write", WRITES],
    ["rollback", "start transaction read write", WRITES],
    ["set transaction read write", WRITES],
    ["savepoint s", "set transaction_read_only = off", WRITES],
    ["select set_config('transaction_read_only', 'off', false)", WRITES],
    ["select set_config('default_transaction_read_only', 'off', false)", "commit", WRITES],
    ["reset all", "commit", WRITES],
    ["discard all", WRITES],
    [f"commit; begin read write; {WRITES}; commit"],
    [f"select '/*'; commit; set default_transaction_read_only = off; begin read write; {WRITES}; commit; select '*/'"],
    [f"/* */ end; begin read write; {WRITES}; commit"],
    [f"-- nothing\nCOMMIT AND CHAIN; set transaction read write; {WRITES}; commit"],
    [f"set default_transaction_read_only = off; abort; {WRITES}"],
    [f"do $$ begin commit; set transaction read write; {WRITES}; end $$"],
    [f"prepare w as {WRITES}", "set transaction_read_only = off", "execute w"],
]


@pytest.fixture
def source(database: Address) -> SourceDatabase:
    with connect(database, read_only=False) as session:
        session.execute(b"create table public.people (id int); insert into public.people values (1), (2)")
    return SourceDatabase(database)


@pytest.mark.parametrize("autocommit", [False, True])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way[0][:40])
def test_no_statement_makes_it_writable(source: SourceDatabase, way: list[str], autocommit: bool) -> None:
    with source.connect() as session:
        session.autocommit = autocommit
        for text in way:
            try:
                session.execute(text.encode())
            except psycopg.Error:
                session.rollback()
    assert source.execute("select count(*) from public.people") == [(2,)]


def test_properties_of_the_connection_do_not_either(source: SourceDatabase) -> None:
    with source.connect() as session:
        session.read_only = False
        session.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            session.execute(WRITES)
        session.rollback()
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), session.transaction():
            session.execute(WRITES)
        # Older psycopg goes into pipeline mode for this, which is refused before anything is sent.
        with pytest.raises((psycopg.errors.ReadOnlySqlTransaction, psycopg.NotSupportedError)):
            session.cursor().executemany("delete from public.people where id = %s", [(1,), (2,)])
        session.rollback()
        with (
            pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
            session.cursor().copy("copy people from stdin") as copy,
        ):
            copy.write_row([3])
        session.rollback()
        with pytest.raises(psycopg.NotSupportedError):
            session.pipeline()
    with pytest.raises(TypeError, match="only reads"):
        source.connect(cursor_factory=psycopg.ClientCursor)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        source.execute(WRITES)


def test_everything_that_reads_works(source: SourceDatabase) -> None:
    assert source.execute("select 1; select count(*) from public.people") == [(2,)]
    with source.connect(row_factory=dict_row, autocommit=True) as session:
        assert session.execute("select id from public.people order by id").fetchall() == [{"id": 1}, {"id": 2}]
        # No lock is kept: the next statement is another transaction.
        assert session.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        with session.transaction(), session.cursor("named") as cursor:
            assert len(cursor.execute("select id from public.people").fetchall()) == 2
        with session.cursor().copy("copy public.people to stdout") as copy:
            assert sorted(copy.rows()) == [("1",), ("2",)]
        assert [row["id"] for row in session.cursor().stream("select 7 as id")] == [7]
    with source.connect() as session, session.cursor() as cursor:
        assert cursor.execute("select %s::int", (3,)).fetchone() == (3,)
        assert session.execute("show transaction_read_only").fetchone() == ("on",)

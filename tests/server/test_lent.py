"""A server that is lent to one rehearsal after the other: whatever the one before left there ends it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.lent import Lender
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms


@pytest.fixture(scope="module")
def lender() -> Iterator[Lender]:
    made = Lender()
    yield made
    made.close()


def port(server: Server) -> str:
    return server.address().parameters["port"]


def lend(lender: Lender, programs: LocalPrograms, key: str = "one") -> Server:
    return lender.start(key, lambda: LocalServer.start(programs, reason="lent"))


def run(server: Server, statement: str) -> None:
    with connect(server.address(), read_only=False) as session:
        session.execute(statement.encode())


def logged(server: Server, awaited: str) -> list[str]:
    """Return the messages of a server's log once one of them is there: the server writes them when it likes."""
    messages: list[str] = []
    for _ in range(1000):
        messages = [str(record.get("message", "")) for record in server.log()[0]]
        if awaited in messages:
            return messages
        time.sleep(0.02)
    raise AssertionError(messages)


def test_what_can_be_taken_away_is(lender: Lender, programs: LocalPrograms) -> None:
    first = lend(lender, programs)
    with first:
        before = first.create("before")
        after = first.clone(before, "after")
        first.drop(after)
        run(first, "create role tenant_1 login")
        run(first, f'alter database "{before.dbname}" owner to tenant_1')
        run(first, "grant tenant_1 to pg_monitor")
        run(first, "alter role all set lc_numeric = 'POSIX'")
        run(first, "do $$ begin raise log 'of the first one'; end $$")
        assert "of the first one" in logged(first, "of the first one")
    second = lend(lender, programs)
    with second:
        assert port(second) == port(first)
        with connect(second.address()) as session:
            assert not session.execute("select from pg_roles where rolname = 'tenant_1'").fetchall()
            assert session.execute("show lc_numeric").fetchone() != ("POSIX",)
            assert not session.execute("select from pg_database where datname ~ '^pgsafe_'").fetchall()
        # What was logged for another one is no part of its log.
        run(second, "do $$ begin raise log 'of the second one'; end $$")
        assert not {"of the first one"} & set(logged(second, "of the second one"))


@pytest.mark.parametrize(
    "statement",
    [
        "alter system set work_mem = '65MB'",
        "alter role postgres set work_mem = '65MB'",
        "alter role postgres connection limit 90",
        "grant pg_monitor to pg_signal_backend",
        "alter database postgres set work_mem = '65MB'",
        "revoke connect on database postgres from public",
        "create database left_behind",
        "select pg_create_physical_replication_slot('left_behind')",
        "comment on role postgres is 'left behind'",
        "create table public.left_behind (id int)",
        "create function public.left_behind() returns int language sql as 'select 1'",
        "create schema left_behind",
    ],
)
def test_what_stays_behind_ends_the_server(lender: Lender, programs: LocalPrograms, statement: str) -> None:
    with lend(lender, programs) as first:
        used = port(first)
        run(first, statement)
    with lend(lender, programs) as second:
        assert port(second) != used


def test_another_key_is_another_server(lender: Lender, programs: LocalPrograms) -> None:
    with lend(lender, programs, "one") as first:
        used = port(first)
    with lend(lender, programs, "two") as second:
        assert port(second) != used

"""A function that is replaced while it is read has the text of the snapshot, as it has in the dump."""

from __future__ import annotations

import threading
from pathlib import Path

import psycopg
import pytest

from pytest_pgsafe.backup.take import take
from pytest_pgsafe.catalog.read import read
from pytest_pgsafe.runbook.verify import Scratch, verify
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect

BODIES = [
    "select 1", "$a$ $function$ $functionxx$", "-- ü\nselect '\\n'", "$functionx", "$procedure$",
    "\nAS $function$\n", "",
]  # fmt: skip


def test_the_definition_is_what_postgresql_writes(database: Address) -> None:
    with connect(database, read_only=False) as session:
        for number, body in enumerate(BODIES):
            for kind, returns in (("function", "returns text"), ("procedure", "")):
                name = f"public.{kind[0]}{number}"
                session.execute(b"set check_function_bodies = off")
                text = f"create {kind} {name}(a int default 7) {returns} language plpgsql as "
                session.execute((text + f"$q${body}$q$").encode())
        session.execute(b"create function public.atomic() returns int language sql begin atomic select 1; end")
        session.execute(b"create function public.c(text) returns int language internal immutable as 'textlen'")
        found = read(session).functions
        asked = dict(
            session.execute(
                "select format('%I.%I(%s)', pronamespace::regnamespace::text, proname, oidvectortypes(proargtypes)),"
                " pg_get_functiondef(oid) from pg_proc where pronamespace = 'public'::regnamespace"
            ).fetchall()
        )
    assert len(asked) >= 2 * len(BODIES) + 2
    for name, text in asked.items():
        if "BEGIN ATOMIC" not in text:
            assert found[name].definition == text


def test_it_follows_the_snapshot(database: Address) -> None:
    replace = "create or replace function public.f() returns int language sql as $$ select %d $$"
    with (
        connect(database, read_only=False) as session,
        psycopg.connect(**database.parameters, autocommit=True) as other,
    ):  # type: ignore[arg-type]
        other.execute((replace % 1).encode())
        with session.transaction():
            session.execute(b"set transaction isolation level repeatable read, read only")
            before = read(session).functions
            other.execute((replace % 2).encode())
            assert read(session).functions == before


@pytest.mark.parametrize("language", ["sql", "plpgsql"])
def test_a_backup_beside_a_function_that_is_replaced_all_the_time(
    server: Server, database: Address, tmp_path: Path, language: str
) -> None:
    stop = threading.Event()
    body = "select %d" if language == "sql" else "begin return %d; end"
    text = f"create or replace function public.f() returns int language {language} as $$ {body} $$"
    with psycopg.connect(**database.parameters, autocommit=True) as other:  # type: ignore[arg-type]
        other.execute((text % 0).encode())
        other.execute(b"create table public.people as select 1 as id")

        def replace() -> None:
            turn = 0
            while not stop.is_set():
                turn += 1
                other.execute((text % turn).encode())

        replacing = threading.Thread(target=replace)
        replacing.start()
        try:
            take(database, tmp_path / "backup", server.programs)
        finally:
            stop.set()
            replacing.join()
    proof = verify(tmp_path / "backup", Scratch(use="local"))
    assert proof.proven, proof.outcomes

"""Backups that end early leave the source alone; what a source has and a scratch server has not does no harm."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pytest_pgsafe.backup import take as take_module
from pytest_pgsafe.backup.restore import restore
from pytest_pgsafe.backup.take import take
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect

_DUMPS = "select count(*) from pg_stat_activity where application_name ~ '^pgsafe [0-9a-f]{12}$' and datname = %s"


def test_an_interruption_ends_pg_dump_too(
    server: Server, database: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(database, read_only=False) as session:
        session.execute("create sequence public.numbers; create table public.people (id integer primary key)")
    dump = take_module._dump
    # pg_dump waits for the sequence, which nobody but it asks for.
    holder = psycopg.connect(**database.parameters)

    def hold(*arguments: Any, **options: Any) -> None:
        holder.execute("drop sequence public.numbers")
        dump(*arguments, **options)

    def interrupted(*_: Any, **__: Any) -> None:
        deadline = time.monotonic() + 30
        with connect(database) as looking:
            while time.monotonic() < deadline:
                if looking.execute(f"{_DUMPS} and wait_event_type = 'Lock'", (database.dbname,)).fetchone() == (1,):
                    raise KeyboardInterrupt
                time.sleep(0.02)

    monkeypatch.setattr(take_module, "_dump", hold)
    monkeypatch.setattr(take_module.facts_of, "take", interrupted)
    release = threading.Timer(20, holder.close)
    release.start()
    began = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            take(database, tmp_path / "backup", server.programs)
        assert not holder.closed, "pg_dump was waited for"
        assert time.monotonic() - began < 20
        with connect(database) as session:
            assert session.execute(_DUMPS, (database.dbname,)).fetchone() == (0,)
    finally:
        release.cancel()
        holder.close()
    assert list(tmp_path.iterdir()) == []


def test_a_tablespace_of_the_source(server: Server, database: Address, tmp_path: Path) -> None:
    with connect(database, read_only=False) as session:
        version = session.info.server_version
        session.execute("set allow_in_place_tablespaces = on") if version >= 150000 else pytest.skip("from 15 on")
        session.execute("drop tablespace if exists pgsafe_test_space")
        session.execute("create tablespace pgsafe_test_space location ''")
        session.execute("create table public.people (id integer primary key) tablespace pgsafe_test_space")
    backup = take(database, tmp_path / "backup", server.programs)
    with connect(database, read_only=False) as session:
        session.execute("drop table public.people")
        session.execute("drop tablespace pgsafe_test_space")
    target = server.create("restored")
    try:
        restore(backup.archive, target, server.programs)
        with connect(target) as session:
            assert session.execute("select count(*) from public.people").fetchone() == (0,)
    finally:
        server.drop(target)

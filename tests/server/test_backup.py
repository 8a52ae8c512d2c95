"""Backups on a real server: one moment, whole or refused."""

from __future__ import annotations

import shutil
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pytest_pgsafe.backup import archive, manifest
from pytest_pgsafe.backup import take as take_module
from pytest_pgsafe.backup.moment import moment
from pytest_pgsafe.backup.restore import restore
from pytest_pgsafe.backup.take import Backup, take
from pytest_pgsafe.compare import restored_equals_source
from pytest_pgsafe.errors import BackupError, ConfigError, RestoreError
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.snapshot.take import take as read_facts

SCHEMA = """
create table account (id int primary key, balance int not null, note text);
create table log (id bigserial primary key, account int references account, at timestamptz default now());
create table staging (x int);
insert into account select n, 100, 'note ' || n from generate_series(1, 500) n;
insert into log (account) select id from account;
insert into staging select generate_series(1, 2000);
"""


@pytest.fixture
def source(database: Address) -> Address:
    with connect(database, read_only=False) as connection:
        connection.execute("set search_path = public")
        connection.execute(SCHEMA)
    return database


@pytest.fixture
def traffic(server: Server, source: Address) -> Iterator[threading.Event]:
    """Sessions that insert, update, move between rows, use sequences and truncate until the test is over."""
    # pg_dump needs about 0.05 s to get its locks, in a container half a second, on a busy machine more: see the gaps in
    # the documentation.
    begin = time.monotonic()
    server.programs.run("pg_dump", ["--schema-only"], address=source)
    pause = max(3.0 if server.kind == "container" else 0.1, 2 * (time.monotonic() - begin))
    stop, wrote = threading.Event(), threading.Event()
    truncated: list[int] = []

    def write() -> None:
        with psycopg.connect(**source.parameters, autocommit=True) as connection:
            turn, next_truncate = 0, 0.0
            while not stop.is_set():
                turn += 1
                connection.execute("insert into log (account) values (1 + %s %% 500)", (turn,))
                with connection.transaction():
                    connection.execute("update account set balance = balance - 1 where id = 1 + %s %% 500", (turn,))
                    connection.execute("update account set balance = balance + 1 where id = 500 - %s %% 500", (turn,))
                if time.monotonic() > next_truncate:
                    next_truncate = time.monotonic() + pause
                    truncated.append(turn)
                    with connection.transaction():
                        connection.execute("truncate staging")
                        connection.execute("insert into staging select generate_series(1, %s)", (turn % 3000,))
                wrote.set()

    thread = threading.Thread(target=write)
    thread.start()
    assert wrote.wait(30)
    yield wrote
    stop.set()
    thread.join()
    assert truncated


def restored(server: Server, backup: Backup) -> Address:
    target = server.create("restored")
    restore(backup.archive, target, server.programs)
    return target


def test_restored_equals_source_under_traffic_20_times_of_20(
    server: Server, source: Address, traffic: threading.Event, tmp_path: Path
) -> None:
    totals = set()
    for turn in range(20):
        traffic.clear()
        backup = take(source, tmp_path / str(turn), server.programs, durable=False, compress="0")
        target = restored(server, backup)
        assert backup.facts is not None
        with connect(target) as connection:
            facts = read_facts(connection)
        assert restored_equals_source(backup.facts, facts) == ()
        assert facts.tables["public.account"].rows == 500
        totals.add(facts.tables["public.log"].rows)
        server.drop(target)
        assert traffic.wait(30)
    assert len(totals) == 20, "the source was written to between any two backups"


def test_truncate_waits_for_the_moment_and_empties_nothing(source: Address) -> None:
    with moment(source) as now, psycopg.connect(**source.parameters, autocommit=True) as other:
        other.execute("set lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute("truncate staging")
        row = now.connection.execute("select count(*) from public.staging").fetchone()
    assert row == (2000,)


def test_a_big_database_is_dumped_by_several_processes(
    server: Server, source: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(take_module, "PARALLEL_FROM", 0)
    backup = take(source, tmp_path / "backup", server.programs)
    assert backup.archive.form == "directory"
    assert manifest.read(tmp_path / "backup") == backup.manifest
    target = restored(server, backup)
    with connect(target) as connection:
        assert backup.facts is not None
        assert restored_equals_source(backup.facts, read_facts(connection)) == ()


def test_a_lock_request_that_overtakes_pg_dump_stops_nobody(
    server: Server, source: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A TRUNCATE asks for its lock after the moment and before pg_dump: the three would wait for ever."""
    began = threading.Event()
    dump = take_module._dump

    def late(*arguments: Any, **options: Any) -> None:
        if not began.is_set():
            began.set()
            deadline = time.monotonic() + 30
            with connect(source) as looking:
                waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query ~ '^truncate'"
                while looking.execute(waiting).fetchone() != (1,) and time.monotonic() < deadline:
                    time.sleep(0.01)
        dump(*arguments, **options)

    monkeypatch.setattr(take_module, "_dump", late)

    def truncate() -> None:
        began.wait(30)
        with psycopg.connect(**source.parameters, autocommit=True) as other:
            other.execute("truncate staging")

    thread = threading.Thread(target=truncate)
    thread.start()
    backup = take(source, tmp_path / "backup", server.programs)
    thread.join()
    assert backup.facts is not None
    assert backup.facts.tables["public.staging"].rows == 0, "the TRUNCATE was let through, and the moment taken again"


def test_a_table_that_stays_locked_is_named(source: Address) -> None:
    with psycopg.connect(**source.parameters) as other:
        other.execute("lock table staging in access exclusive mode")
        with pytest.raises(BackupError, match="stayed locked for 200ms"), moment(source, lock_timeout="200ms"):
            pass
        other.rollback()


def test_a_backup_is_private_and_proven(server: Server, source: Address, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    backup = take(source, folder, server.programs)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert manifest.read(folder) == backup.manifest
    assert manifest.facts(folder) == backup.facts
    assert backup.manifest is not None
    password = source.parameters["password"]
    assert password
    assert password not in (folder / "manifest.json").read_text() + (folder / "facts.json").read_text()
    origin = archive.origin(archive.recognise(folder))
    assert origin.server == server.version
    assert origin.pg_dump == server.programs.version


@pytest.mark.parametrize("fault", ["cut", "flipped", "emptied", "missing", "added", "manifest"])
def test_an_altered_backup_is_refused(server: Server, source: Address, tmp_path: Path, fault: str) -> None:
    folder = tmp_path / "backup"
    take(source, folder, server.programs)
    dump = folder / "database.dump"
    content = dump.read_bytes()
    if fault == "cut":
        dump.write_bytes(content[: len(content) // 2])
    elif fault == "flipped":
        middle = len(content) // 2
        dump.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    elif fault == "emptied":
        dump.write_bytes(b"")
    elif fault == "missing":
        dump.unlink()
    elif fault == "added":
        (folder / "stray").write_text("")
    else:
        (folder / "manifest.json").write_text((folder / "manifest.json").read_text()[:-20])
    with pytest.raises(BackupError, match="manifest"):
        manifest.read(folder)


def test_a_failed_backup_leaves_nothing(server: Server, source: Address, tmp_path: Path) -> None:
    with connect(source, read_only=False) as connection:
        connection.execute("create role pgsafe_test_reader login password 'secret word'")
        try:
            connection.execute("grant select on public.account, public.log to pgsafe_test_reader")
            reader = source.with_(user="pgsafe_test_reader", password="secret word")
            with pytest.raises(BackupError, match="may not read every table") as caught:
                take(reader, tmp_path / "backup", server.programs)
        finally:
            connection.execute("drop owned by pgsafe_test_reader")
            connection.execute("drop role pgsafe_test_reader")
    assert "secret word" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_pg_dump_that_fails_says_why(server: Server, source: Address, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="pg_dump ended with status"):
        # 14 takes a word for 0.
        take(source, tmp_path / "backup", server.programs, compress="99")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["custom", "directory", "tar", "plain"])
def test_foreign_dumps_are_recognised_by_their_content(
    server: Server, source: Address, tmp_path: Path, form: str
) -> None:
    path = tmp_path / "dump.whatever"
    done = server.programs.run(
        "pg_dump",
        [f"--format={form}", *([f"--file={path}"] if form == "directory" else [])],
        address=source,
        stdout=None if form == "directory" else path,
        files=[path] if form == "directory" else [],
    )
    assert done.returncode == 0, done.stderr
    found = archive.recognise(path)
    assert (found.form, archive.origin(found).server) == (form, server.version)
    target = server.create("restored")
    restore(found, target, server.programs)
    with connect(target) as connection, connect(source) as original:
        assert read_facts(connection) == read_facts(original)


def test_a_cut_plain_dump_is_refused_before_the_first_statement(
    server: Server, source: Address, tmp_path: Path
) -> None:
    path = tmp_path / "dump.sql"
    server.programs.run("pg_dump", ["--format=plain"], address=source, stdout=path)
    text = path.read_text()
    path.write_text(text[: text.index("\\.") - 200])
    target = server.create("restored")
    with pytest.raises(RestoreError, match="is cut"):
        restore(archive.recognise(path), target, server.programs)
    with connect(target) as connection:
        assert read_facts(connection).tables == {}


def test_errors_of_a_restore_are_counted(server: Server, source: Address, tmp_path: Path) -> None:
    path = tmp_path / "dump"
    server.programs.run("pg_dump", ["--format=custom"], address=source, stdout=path)
    target = server.create("restored")
    with connect(target, read_only=False) as connection:
        connection.execute("create table public.account (other text)")
    with pytest.raises(RestoreError, match=r"ended with [2-9] errors") as caught:
        restore(archive.recognise(path), target, server.programs)
    assert 'relation "account" already exists' in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty file"),
        (b"-- PostgreSQL database cluster dump\n", "pg_dumpall"),
        (b"\x1f\x8bgarbage", "damaged gzip"),
        (b"just text", "no backup"),
        (b"-- MySQL dump 10.13  Distrib 8.0.33\n--\n", "of MySQL"),
        (b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n", "of SQLite"),
    ],
)
def test_what_is_no_backup_is_said(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        archive.recognise(path)


def test_an_interrupted_backup_is_no_backup(tmp_path: Path) -> None:
    def interrupted() -> None:
        with manifest.incomplete(tmp_path / "b", durable=True) as partial:
            (partial / "database.dump").write_bytes(b"PGDMP")
            shutil.copytree(partial, tmp_path / "as it was")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == [tmp_path / "as it was"]
    with pytest.raises(ConfigError, match="interrupted backup has no manifest"):
        archive.recognise(tmp_path / "as it was")

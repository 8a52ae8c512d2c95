"""Through a pooler nothing is left for the application behind it: it is recognised, and refused where it has to be."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from poolers import Application, pgbouncer
from pytest_pgsafe.errors import SourceError
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect

SCHEMA = b"create table public.people (id serial primary key, name text); insert into public.people values (0, 'Ada')"


@pytest.fixture
def source(server: Server) -> Iterator[Address]:
    if server.kind != "local":
        pytest.skip("the pooler runs beside a server of local programs")
    address = server.create("pooled")
    with connect(address, read_only=False) as session:
        session.execute(SCHEMA)
    yield address
    server.drop(address)


#: Further variables of the commands.
KEPT: dict[str, str] = {}


def pgsafe(folder: Path, source: Address, *arguments: str, program: str = "pgsafe") -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "PGSAFE"))}
    return subprocess.run(
        [str(Path(sys.executable).with_name(program)), *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**kept, "PGSAFE_SOURCE": source.url(), "PGSAFE_SERVER": "local", **KEPT}, timeout=300,
    )  # fmt: skip


COMMANDS = {
    "snapshot": ("snapshot", "facts.json"),
    "backup": ("backup", "--root=backups"),
    "propose": ("propose",),
    "pitr check": ("pitr", "check"),
    "pytest": ("--pgsafe", "-q", "-p", "no:cacheprovider"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_who_shares_sessions_is_refused_and_finds_nothing_changed(
    source: Address, tmp_path: Path, mode: str, command: str
) -> None:
    (tmp_path / "test_none.py").write_text("def test_none(pgsafe_source): pass\n")
    with pgbouncer(source, tmp_path / "pooler", mode) as pooled:
        application = Application(pooled)
        before = application.sees() if mode == "transaction" else None
        done = pgsafe(tmp_path, pooled, *COMMANDS[command], program="pytest" if command == "pytest" else "pgsafe")
        assert done.returncode == 4, done.stdout + done.stderr
        assert f"pool_mode = {mode}" in done.stderr + done.stdout
        assert "Traceback" not in done.stderr + done.stdout
        if before is not None:
            assert application.sees() == before
            application.works()


@pytest.mark.parametrize("settings", [{}, {"server_round_robin": "1"}, {"default_pool_size": "3"}])
def test_however_sessions_are_chosen(source: Address, tmp_path: Path, settings: dict[str, str]) -> None:
    with pgbouncer(source, tmp_path / "pooler", "transaction", **settings) as pooled:
        application = Application(pooled, sessions=3)
        before = application.sees()
        for _ in range(5):
            with pytest.raises(SourceError, match="pool_mode = transaction"):
                connect(pooled)
        assert application.sees() == before


def test_a_session_that_is_cleared_may_be_used(source: Address, tmp_path: Path) -> None:
    with pgbouncer(source, tmp_path / "pooler", "session", server_reset_query="DISCARD ALL") as pooled:
        application = Application(pooled)
        before = application.sees()
        for command in ("snapshot", "backup", "propose", "pytest"):
            program = "pytest" if command == "pytest" else "pgsafe"
            (tmp_path / "test_none.py").write_text(
                "def test_none(pgsafe_source): assert pgsafe_source.execute('select 1')\n"
            )
            done = pgsafe(tmp_path, pooled, *COMMANDS[command], program=program)
            assert done.returncode == 0, done.stdout + done.stderr
            assert application.sees() == before
            application.works()


def test_a_session_that_is_not_cleared_is_left_as_the_application_left_it(source: Address, tmp_path: Path) -> None:
    with pgbouncer(source, tmp_path / "pooler", "session", server_reset_query="") as pooled:
        with psycopg.connect(**pooled.parameters, autocommit=True) as application:  # type: ignore[arg-type]
            application.execute("set search_path = elsewhere; set timezone = 'Asia/Tokyo'; set array_nulls = off")
        before = Application(pooled).sees()
        done = pgsafe(tmp_path, pooled, *COMMANDS["backup"])
        assert done.returncode == 4
        assert "server_reset_query" in done.stderr
        assert len(before) == 2
        assert Application(pooled).sees() == before


#: What restores, or needs a replication connection, and what it is told; ADDRESS is the pooler's without a password.
CARRIED_BY_NONE = {
    "compare": (["compare", "facts.json", "ADDRESS"], 0),
    "pitr basebackup": (["pitr", "basebackup", "--root=bases"], "it carries no replication"),
    "pitr receive": (["pitr", "receive", "--archive=wal", "--seconds=1"], "it carries no replication"),
    "restore": (["restore", "dump.sql", "--into=ADDRESS"], "it carries no restore"),
    "restore --replace": (["restore", "dump.sql", "--replace", "--into=ADDRESS"], "it carries no restore"),
    "verify": (["verify", "dump.sql", "--server=ADDRESS"], "it carries no rehearsal"),
}


@pytest.mark.parametrize("mode", ["transaction", "statement", "session"])
def test_what_restores_or_replicates_begins_nothing_through_one(
    server: Server, source: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    passes = tmp_path / "passes"
    passes.write_text(f"*:*:*:*:{source.parameters['password']}\n")
    passes.chmod(0o600)
    monkeypatch.setattr(sys.modules[__name__], "KEPT", {"PGPASSFILE": str(passes)})
    assert pgsafe(tmp_path, source, "snapshot", "facts.json").returncode == 0
    assert server.programs.run("pg_dump", [], address=source, stdout=tmp_path / "dump.sql").returncode == 0
    reset = {"server_reset_query": "DISCARD ALL"} if mode == "session" else {}
    with pgbouncer(source, tmp_path / "pooler", mode, **reset) as pooled:
        application = Application(pooled, sessions=2)
        # In statement mode no session of an application's is seen twice.
        before = set[tuple[object, ...]]() if mode == "statement" else application.sees()
        bare = pooled.with_(password=None).url()
        for arguments, told in CARRIED_BY_NONE.values():
            done = pgsafe(tmp_path, pooled, *(word.replace("ADDRESS", bare) for word in arguments))
            wanted = told if mode == "session" else f"pool_mode = {mode}"
            if wanted == 0:
                assert done.returncode == 0, done.stderr
            else:
                assert done.returncode == 4, done.stdout + done.stderr
                assert str(wanted) in done.stderr
                assert "name the server itself" in done.stderr
            assert "Traceback" not in done.stderr
            if mode != "statement":
                assert application.sees() == before
    with connect(server.address()) as session:
        left = session.execute("select datname from pg_database where datname ~ 'pooled|before'").fetchall()
    assert left == [(source.dbname,)]

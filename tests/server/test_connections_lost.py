"""Sessions that are ended, cut or fall silent at any step: one sentence that names the server, and no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from proxy import Proxy
from pytest_pgsafe.backup import take as take_module
from pytest_pgsafe.backup.take import take
from pytest_pgsafe.errors import StepError
from pytest_pgsafe.server import lost
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import ConnectionLost, connect

SCHEMA = b"""
create table public.people (id int primary key, name text);
insert into public.people select g, repeat(md5(g::text), 30) from generate_series(1, 40000) g;
"""


@pytest.fixture
def source(server: Server, database: Address) -> Address:
    if server.kind != "local":
        pytest.skip("the proxy stands before a server of local programs")
    with connect(database, read_only=False) as session:
        session.execute(SCHEMA)
    return database


@pytest.fixture
def proxy(source: Address) -> Iterator[Proxy]:
    with Proxy(int(source.parameters["port"])) as started:
        yield started


@pytest.fixture
def through(source: Address, proxy: Proxy) -> Address:
    return source.with_(port=str(proxy.port))


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lose patience in seconds."""
    for name, seconds in {"SILENCE": 1.0, "GONE": 2.0, "DONE": 1.0, "PATIENCE": 1.0}.items():
        monkeypatch.setattr(lost, name, seconds)


def ended(call: Callable[[], object], within: float) -> StepError:
    began = time.monotonic()
    with pytest.raises(StepError) as caught:
        call()
    assert time.monotonic() - began < within, caught.value
    text = str(caught.value)
    assert "remedy" in text
    assert "127.0.0.1" in text or "pg_dump" in text
    return caught.value


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("new", [True, False], ids=["everything", "what is open"])
def test_a_query_is_not_waited_for_for_ever(through: Address, proxy: Proxy, new: bool) -> None:
    with connect(through) as session:
        threading.Timer(0.3, proxy.stall, kwargs={"new": new}).start()
        error = ended(lambda: session.execute("select pg_sleep(0.6)"), within=30)
        assert "has fallen silent" in str(error)
        assert session.closed


@pytest.mark.usefixtures("soon")
def test_a_query_that_takes_long_is_waited_for(through: Address) -> None:
    with connect(through) as session:
        assert session.execute("select 7 from pg_sleep(6)").fetchone() == (7,)
        # The application is slow, not the server.
        with session.transaction(), session.cursor("named") as cursor:
            cursor.execute("select generate_series(1, 300)")
            time.sleep(3)
            assert len(cursor.fetchall()) == 300


@pytest.mark.usefixtures("soon")
def test_a_query_that_waits_for_a_lock_is_waited_for(through: Address, source: Address) -> None:
    holder = psycopg.connect(**source.parameters)  # type: ignore[arg-type]
    holder.execute("lock table public.people in access exclusive mode")
    release = threading.Timer(5, holder.close)
    release.start()
    with connect(through) as session:
        assert session.execute("select count(*) from public.people").fetchone() == (40000,)
    release.join()


def test_the_servers_last_words_are_told_though_they_came_in_a_rollback(
    source: Address, caplog: pytest.LogCaptureFixture
) -> None:
    """psycopg keeps to itself what goes wrong while it rolls back."""

    def rolled_back(session: psycopg.Connection[Any]) -> None:
        with session.transaction(force_rollback=True), connect(source) as other:
            other.execute("select pg_terminate_backend(%s, 30000)", (session.info.backend_pid,))

    with connect(source) as session:
        rolled_back(session)
        error = ended(lambda: session.execute("select 1"), within=30)
        assert "due to administrator command" in str(error)
    # Once is enough.
    assert caplog.records == []
    with psycopg.connect(**source.parameters, autocommit=True) as others:  # type: ignore[arg-type]
        rolled_back(others)
    # What somebody else's sessions say is theirs.
    assert "error ignored in rollback" in caplog.text


class Moments:
    """Do something at a step of a backup."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, step: str, harm: Callable[[], object]) -> None:
        module, name = {
            "sequences": (take_module.facts_of, "sequences"),
            "facts": (take_module.facts_of, "take"),
            "dump": (take_module, "_dump"),
        }[step]
        real = getattr(module, name)

        def harmed(*arguments: object, **options: object) -> object:
            harm()
            return real(*arguments, **options)

        monkeypatch.setattr(module, name, harmed)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("step", ["sequences", "facts", "dump"])
@pytest.mark.parametrize("how", ["stall", "cut"])
def test_a_backup_over_a_lost_way(
    server: Server, through: Address, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str,
    how: str, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    Moments(monkeypatch, step, getattr(proxy, how))
    ended(lambda: take(through, tmp_path / "backup", server.programs), within=60)
    assert list(tmp_path.iterdir()) == []
    assert "error ignored" not in caplog.text


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("new", [True, False], ids=["everything", "what is open"])
def test_a_dump_that_gets_nothing_more_is_ended(
    server: Server, through: Address, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new: bool
) -> None:
    """The facts are read already: only pg_dump is still at work."""
    real = take_module.facts_of.take

    def stalled(*arguments: object, **options: object) -> object:
        found = real(*arguments, **options)  # type: ignore[arg-type]
        before = proxy.bytes
        while proxy.bytes < before + 200_000:
            time.sleep(0.01)
        proxy.stall(new=new)
        return found

    with connect(through, read_only=False) as session:
        session.execute(
            b"insert into public.people select g, repeat(md5(g::text), 30) from generate_series(5e4, 15e4) g"
        )
    monkeypatch.setattr(take_module.facts_of, "take", stalled)
    error = ended(lambda: take(through, tmp_path / "backup", server.programs), within=90)
    assert "silent" in str(error)
    assert list(tmp_path.iterdir()) == []


END = "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and pid <> pg_backend_pid()"


@pytest.mark.parametrize("step", ["sequences", "facts", "dump"])
def test_a_backup_whose_sessions_are_ended(
    server: Server, source: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    with psycopg.connect(**{**source.parameters, "dbname": "postgres"}, autocommit=True) as other:  # type: ignore[arg-type]

        def harm() -> None:
            time.sleep(0.3)
            other.execute(END, (source.dbname,))

        Moments(monkeypatch, step, harm)
        error = ended(lambda: take(source, tmp_path / "backup", server.programs), within=30)
    assert "terminating connection due to administrator command" in str(error) or "pg_dump's session" in str(error)
    assert "error ignored" not in caplog.text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("times", [0.0, 0.4, 0.8, 1.2, 2.0])
@pytest.mark.parametrize("command", ["snapshot", "backup", "pytest"])
def test_commands_end_in_a_sentence(source: Address, tmp_path: Path, command: str, times: float) -> None:
    """Every session on the source is ended again and again, from some moment on."""
    words = {"snapshot": ["snapshot", "facts.json"], "backup": ["backup", "--root=b"], "pytest": ["--pgsafe", "-q"]}[
        command
    ]
    program = "pytest" if command == "pytest" else "pgsafe"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "PGSAFE"))}
    (tmp_path / "pgsafe.toml").write_text('[server]\nuse = "local"\n')
    with psycopg.connect(**{**source.parameters, "dbname": "postgres"}, autocommit=True) as other:  # type: ignore[arg-type]
        running = subprocess.Popen(
            [str(Path(sys.executable).with_name(program)), *words],
            cwd=tmp_path, env={**kept, "PGSAFE_SOURCE": source.url()}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        waited = other.execute
        while (
            running.poll() is None
            and not waited(
                "select 1 from pg_stat_activity where datname = %s and pid <> pg_backend_pid()", (source.dbname,)
            ).fetchone()
        ):
            time.sleep(0.005)
        time.sleep(times)
        while running.poll() is None:
            other.execute(END, (source.dbname,))
            time.sleep(0.01)
        output = running.communicate(timeout=60)[0]
    assert running.returncode in {0, 1, 4}, output
    for word in ("Traceback", "PGSAFE_TRACEBACK", "error ignored", "OperationalError", "AdminShutdown"):
        assert word not in output, output
    if running.returncode:
        assert any(word in output for word in ("terminating connection", "ended or cut off", "was cut off")), output


def test_a_lost_session_is_both_errors(source: Address) -> None:
    with connect(source) as session, psycopg.connect(**source.parameters, autocommit=True) as other:  # type: ignore[arg-type]
        other.execute("select pg_terminate_backend(%s, 5000)", (session.info.backend_pid,))
        with pytest.raises(psycopg.OperationalError) as caught:
            session.execute("select 1")
        assert isinstance(caught.value, ConnectionLost)
        with pytest.raises(ConnectionLost):
            session.execute("select 1")
    with pytest.raises(ConnectionLost, match="cannot be reached"):
        connect(source.with_(port="1"))

"""A source that is locked, full, stopped, restarted, changed or a standby: one message that says so, and no verdict."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pytest_pgsafe.backup import take as take_module
from pytest_pgsafe.backup.take import take
from pytest_pgsafe.errors import PgsafeError, StepError
from pytest_pgsafe.runbook import facts
from pytest_pgsafe.server import cluster
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms
from pytest_pgsafe.server.tied import Tied
from pytest_pgsafe.server.user import server_user
from tests.server.runbook import answer, env_of, uri
from tests.tiers import FULL

SCHEMA = b"""
create table public.people (id serial primary key, name text);
insert into public.people (name) select repeat(md5(g::text), 5) from generate_series(1, 5000) g;
create table public.visit (id int primary key references public.people, at timestamptz);
create materialized view public.counted as select count(*) as n from public.people;
"""
#: Where a backup is when something happens to its source.
STEPS = {
    "sequences": (take_module.facts_of, "sequences"),
    "facts": (take_module.facts_of, "take"),
    "dump": (take_module, "_dump"),
}
#: Words that nobody is to read.
FOREIGN = (
    "Traceback",
    "PGSAFE_TRACEBACK",
    "LockNotAvailable",
    "OperationalError",
    "SerializationFailure",
    "waited for ever",
)


def at(monkeypatch: pytest.MonkeyPatch, step: str, harm: Callable[[], object]) -> None:
    """Do something once, when a backup has come to a step."""
    module, name = STEPS[step]
    real = getattr(module, name)

    def harmed(*arguments: object, **options: object) -> object:
        monkeypatch.setattr(module, name, real)
        harm()
        return real(*arguments, **options)

    monkeypatch.setattr(module, name, harmed)


def told(call: Callable[[], object], *words: str, within: float = 60) -> str:
    """Return the message of what has to fail."""
    begun = time.monotonic()
    with pytest.raises(PgsafeError) as caught:
        call()
    text = str(caught.value)
    assert time.monotonic() - begun < within, text
    assert "remedy" in text
    for word in words:
        assert word in text, text
    assert not [word for word in FOREIGN if word in text], text
    return text


def session(address: Address, **more: Any) -> psycopg.Connection[Any]:
    return psycopg.connect(**{**address.parameters, **more})


@pytest.fixture
def source(database: Address) -> Address:
    with connect(database, read_only=False) as opened:
        opened.execute(SCHEMA)
    return database


LOCKS = {
    "a table": ("lock table public.people in access exclusive mode", "public.people"),
    "an index that is made": ("alter table public.people add unique (name)", "public.people"),
    "a table that is dropped": ("drop table public.visit", "public.visit"),
    "a sequence": ("alter sequence public.people_id_seq rename to other", "public.other"),
    "a materialized view": ("refresh materialized view public.counted", "public.counted"),
    "a table that is emptied": ("truncate public.visit", "public.visit"),
}


@pytest.mark.parametrize("what", LOCKS)
def test_what_stays_locked_is_named_with_who_holds_it(
    server: Server, source: Address, tmp_path: Path, what: str
) -> None:
    statement, _ = LOCKS[what]
    with session(source) as holder:
        holder.execute(statement)  # type: ignore[arg-type]
        message = told(
            lambda: take(source, tmp_path / "backup", server.programs, lock_timeout="300ms"),
            "end the session",
            within=30,
        )
        assert f"is locked by process {holder.info.backend_pid} of " in message
        assert list(tmp_path.iterdir()) == []


def test_what_is_let_go_in_time_is_waited_for(server: Server, source: Address, tmp_path: Path) -> None:
    with session(source) as holder:
        for what in ("a table", "a sequence", "a materialized view"):
            holder.execute(LOCKS[what][0])  # type: ignore[arg-type]
        release = threading.Timer(1.5, holder.rollback)
        release.start()
        try:
            assert take(source, tmp_path / "backup", server.programs).facts is not None
        finally:
            release.join()


@pytest.mark.parametrize("what", ["a table", "a sequence", "a materialized view"])
def test_facts_of_what_is_locked(source: Address, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    statement, relation = LOCKS[what]
    real = facts.connect
    monkeypatch.setattr(facts, "connect", lambda address, **_: real(address, lock_timeout="300ms"))
    with session(source) as holder:
        holder.execute(statement)  # type: ignore[arg-type]
        message = told(lambda: facts.of_address(source), "end the session", within=30)
        assert f"process {holder.info.backend_pid} of " in message
        # A name that is not committed is not seen.
        assert relation in message or what == "a sequence"


@pytest.fixture
def own(programs: LocalPrograms, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[LocalServer, Address]]:
    """A server that may be stopped, with few connections."""
    with LocalServer.start(
        programs, settings={"max_connections": "8", "superuser_reserved_connections": "0"}
    ) as server:
        address = server.create("source")
        with connect(address, read_only=False) as opened:
            opened.execute(SCHEMA)
        for name, value in env_of(address).items():
            monkeypatch.setenv(name, value)
        yield server, address


def test_a_source_without_a_connection(
    own: tuple[LocalServer, Address],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = own[1]
    backup = ["backup", f"--source={uri(address)}", f"--root={tmp_path / 'root'}", "--environment=e", "--json"]
    snapshot = ["snapshot", f"--source={uri(address)}", str(tmp_path / "facts"), "--json"]

    def fill(held: list[psycopg.Connection[Any]]) -> None:
        with suppress(psycopg.OperationalError):
            while True:
                held.append(session(address))

    def room() -> None:
        """Wait until the server has ended the sessions that were closed: only then there is room for others."""
        until = time.monotonic() + 30
        while backends(own[0]) > len(held):
            assert time.monotonic() < until
            time.sleep(0.01)

    held: list[psycopg.Connection[Any]] = []
    fill(held)
    for command in (backup, snapshot):
        error = answer(command, capsys, status=4)["error"]
        assert "no connection left" in json.dumps(error), error
    # One is enough for facts, and not for a backup.
    held.pop().close()
    room()
    assert "needs 2 sessions" in answer(backup, capsys, status=4)["error"]["message"]
    room()
    answer(snapshot, capsys)
    while held:
        held.pop().close()
    room()
    # Full from some moment on: what was opened already is not taken away.
    at(monkeypatch, "dump", lambda: fill(held))
    message = told(lambda: take(address, tmp_path / "backup", own[0].programs), "no connection left", "max_connections")
    assert message.startswith("pg_dump got no session")
    for one in held:
        one.close()


def postmaster(server: LocalServer) -> int:
    return int((server.data / "postmaster.pid").read_text().split()[0])


def backends(server: LocalServer) -> int:
    """Count the processes that serve a client: one that has ended needs no connection any more."""
    found = 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            found += parent == postmaster(server) and b"127.0.0.1(" in (process / "cmdline").read_bytes()
    return found


def stop(server: LocalServer, number: signal.Signals) -> None:
    os.kill(postmaster(server), number)
    until = time.monotonic() + 30
    while (server.data / "postmaster.pid").exists() and time.monotonic() < until:
        time.sleep(0.01)


@contextmanager
def running(programs: LocalPrograms, data: Path) -> Iterator[None]:
    """Run a cluster until the block ends."""
    user = server_user()
    command = [str(programs.readable_by(user) / "postgres"), "-D", str(data)]
    started = Tied(
        command, user=user, env=cluster.surroundings(), cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until = time.monotonic() + 60
        while not (data / "postmaster.pid").exists() or "ready" not in (data / "postmaster.pid").read_text():
            assert started.poll() is None, "it did not start"
            assert time.monotonic() < until
            time.sleep(0.02)
        yield
    finally:
        started.end()


#: One of each always, all of them with PGSAFE_TEST_FULL=1.
ENDS = [
    (how, step)
    for number, how in enumerate(["stopped", "crashed", "restarted"])
    for place, step in enumerate(STEPS)
    if number == place or FULL
]


@pytest.mark.parametrize(("how", "step"), ENDS)
def test_a_source_that_is_gone_on_the_way(
    own: tuple[LocalServer, Address], programs: LocalPrograms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    step: str, how: str,
) -> None:  # fmt: skip
    server, address = own
    with ExitStack() as stack:

        def harm() -> None:
            stop(server, signal.SIGQUIT if how == "crashed" else signal.SIGINT)
            if how == "restarted":
                stack.enter_context(running(programs, server.data))

        at(monkeypatch, step, harm)
        message = told(lambda: take(address, tmp_path / "backup", programs))
        assert any(
            word in message for word in ("was ended by the server", "was cut off", "cannot be reached", "pg_dump")
        )
        assert list(tmp_path.iterdir()) == []
        if how == "restarted":
            # Nothing of it stays: the next one is taken.
            assert take(address, tmp_path / "backup", programs).facts is not None


def test_a_rehearsal_whose_source_is_gone_has_no_verdict(own: tuple[LocalServer, Address], tmp_path: Path) -> None:
    server, address = own
    (tmp_path / "migration.sql").write_text("alter table people add nickname text")
    (tmp_path / "conftest.py").write_text(
        "import os, time\n"
        "from pytest_pgsafe.backup import take\n"
        "real = take._dump\n"
        "def harmed(*arguments, **options):\n"
        f"    os.kill({postmaster(server)}, {int(signal.SIGQUIT)})\n"
        "    time.sleep(1)\n"
        "    return real(*arguments, **options)\n"
        "take._dump = harmed\n"
    )
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--pgsafe", "--pgsafe-server=local",
        "--pgsafe-migration=migration.sql", "--pgsafe-report=report.json",
    ]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PGSAFE"))}
    done = subprocess.run(
        command, cwd=tmp_path, env={**environment, "PGSAFE_SOURCE": address.url()}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["result"] == "failed", report
    [step] = [step for step in report["steps"] if step["outcome"] == "failed"]
    assert step["name"] == "backup"
    assert "compared" not in report or report["compared"]["relations"] == 0
    assert "was cut off" in done.stdout or "cannot be reached" in done.stdout or "cut off" in done.stdout
    assert not [word for word in FOREIGN if word in done.stdout], done.stdout


def execute(address: Address, *statements: str) -> None:
    with session(address, autocommit=True) as opened:
        for statement in statements:
            opened.execute(statement)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def standby(programs: LocalPrograms) -> Iterator[tuple[Address, Address]]:
    """Yield a primary's database, and the same on its standby, which does not wait for its readers."""
    user = server_user()
    with LocalServer.start(programs) as primary, tempfile.TemporaryDirectory(prefix="standby-", dir="/tmp") as name:
        place = Path(name)
        place.chmod(0o755)
        address = primary.create("source")
        data = place / "data"
        arguments = [f"--pgdata={data}", "--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
        done = programs.run("pg_basebackup", arguments, address=primary.address())
        assert done.returncode == 0, done.stderr
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with (data / "postgresql.conf").open("a") as file:
            file.write(f"\nport = {port}\nunix_socket_directories = ''\nmax_standby_streaming_delay = 0\n")
        if user is not None:
            for path in (data, *data.rglob("*")):
                os.chown(path, user.uid, user.gid)
        with running(programs, data):
            yield address, address.with_(port=str(port))
        shutil.rmtree(data, ignore_errors=True)


@pytest.fixture
def replica(standby: tuple[Address, Address]) -> tuple[Address, Address]:
    primary, there = standby
    execute(primary, "drop table if exists people, visit cascade", SCHEMA.decode())
    caught_up(primary, there)
    return primary, there


def caught_up(primary: Address, there: Address) -> None:
    with session(primary, autocommit=True) as one, session(there, autocommit=True) as two:
        # It is flushed by that, too: commits are not waited for on a scratch server.
        [(position,)] = one.execute("select pg_switch_wal()::text").fetchall()
        until = time.monotonic() + 30
        while two.execute("select pg_last_wal_replay_lsn() >= %s::pg_lsn", (position,)).fetchall() != [(True,)]:
            assert time.monotonic() < until
            time.sleep(0.05)


def test_a_standby_is_a_source(replica: tuple[Address, Address], programs: LocalPrograms, tmp_path: Path) -> None:
    backup = take(replica[1], tmp_path / "backup", programs)
    assert backup.facts is not None
    assert backup.facts.tables["public.people"].rows == 5000


CONFLICTS = {
    "rows that are vacuumed away": (
        "delete from people where id > 100 and id not in (select id from visit)",
        "vacuum people",
    ),
    "a table that is emptied": ("truncate people cascade",),
    "a table that is dropped": ("drop table visit",),
}


@pytest.mark.parametrize("step", ["facts", "dump"])
@pytest.mark.parametrize("what", CONFLICTS)
def test_a_standby_that_cancels_its_readers(
    replica: tuple[Address, Address], programs: LocalPrograms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    what: str, step: str,
) -> None:  # fmt: skip
    primary, there = replica

    def harm() -> None:
        execute(primary, *CONFLICTS[what])
        caught_up(primary, there)

    at(monkeypatch, step, harm)
    told(lambda: take(there, tmp_path / "backup", programs), "standby", "hot_standby_feedback")
    assert list(tmp_path.iterdir()) == []


def test_ddl_under_way_is_waited_for_or_named(server: Server, source: Address, tmp_path: Path) -> None:
    """Tables come and go in a loop: what was taken is equal to what was there, or the reason is said."""
    stopped = threading.Event()

    def work() -> None:
        with session(source, autocommit=True) as other:
            turn = 0
            while not stopped.is_set():
                turn += 1
                other.execute(f"create table public.made_{turn} (id int)".encode())
                # A column that is dropped still counts: a table has 1,600 in its life.
                if turn <= 1500:
                    other.execute(f"alter table public.people add column c{turn} int".encode())
                    other.execute(f"alter table public.people drop column c{turn}".encode())
                other.execute(f"drop table public.made_{turn}".encode())

    writer = threading.Thread(target=work)
    writer.start()
    said = ""
    try:
        backup = take(source, tmp_path / "backup", server.programs)
    except StepError as error:
        said = str(error)
    else:
        assert backup.facts is not None
        assert backup.facts.tables["public.people"].rows == 5000
    finally:
        stopped.set()
        writer.join()
    if said:
        assert "do not come to rest" in said or "asked for an exclusive lock" in said
        assert list(tmp_path.iterdir()) == []

"""Nothing of a local server is left, however its owner ends."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_pgsafe.errors import ServerError
from pytest_pgsafe.server import enclosure, keeper, local, private, segments
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms
from pytest_pgsafe.server.user import ServerUser, may, server_user

OWNER = Path(__file__).with_name("owner.py")
#: Seconds in which everything has to be gone.
SOON = 8.0


def interpreter_for(user: ServerUser) -> str:
    """Return a Python that a user can run: root's own often cannot be read by others."""
    for candidate in (sys.executable, shutil.which("python3", path="/usr/bin:/usr/local/bin:/bin")):
        if candidate and may(user, [("-x", Path(candidate)), ("-r", Path(keeper.__file__))]):
            return candidate
    pytest.skip(f"no Python that {user.name} can run")


@pytest.fixture(params=["as it is", "ordinary user"])
def user(request: pytest.FixtureRequest) -> list[str]:
    if request.param == "as it is":
        return ["-"]
    unprivileged = server_user()
    if unprivileged is None:
        pytest.skip("not root: 'as it is' is an ordinary user already")
    return [unprivileged.name, interpreter_for(unprivileged)]


Owner = Callable[[], tuple["subprocess.Popen[str]", dict[str, Any]]]


@pytest.fixture
def own(programs: LocalPrograms, user: list[str]) -> Iterator[Owner]:
    processes: list[subprocess.Popen[str]] = []

    def start() -> tuple[subprocess.Popen[str], dict[str, Any]]:
        process = subprocess.Popen(
            [sys.executable, str(OWNER), *user], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        processes.append(process)
        assert process.stdout is not None
        return process, json.loads(process.stdout.readline())

    yield start
    for process in processes:
        with process:
            process.kill()


def alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def processes_of(started: dict[str, Any]) -> list[int]:
    return [started["keeper"], started["postmaster"]]


def gone(started: dict[str, Any]) -> bool:
    until = time.monotonic() + SOON
    while time.monotonic() < until:
        if not any(map(alive, processes_of(started))) and not Path(started["folder"]).exists():
            return True
        time.sleep(0.05)
    return False


def test_killed_owner_leaves_nothing(own: Owner) -> None:
    process, started = own()
    assert all(map(alive, processes_of(started)))
    assert Path(started["folder"]).stat().st_mode & 0o777 == 0o700
    process.kill()
    assert gone(started)


def test_a_server_is_shut_in_whoever_calls(own: Owner) -> None:
    if enclosure.missing():
        pytest.skip(f"not on this machine: {enclosure.missing()}")
    _, started = own()
    assert started["enclosure"].startswith("enclosed")
    status = Path(f"/proc/{started['postmaster']}/status").read_text()
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status


def test_one_that_is_shut_in_counts_its_sessions(server: Server) -> None:
    """Up to 14 it sends the counts to itself, at localhost: without them no migration would seem to have run."""
    if not isinstance(server.programs, LocalPrograms):
        pytest.skip("a container's server is shut in by its container")
    with LocalServer.start(server.programs, enclosed=True) as server:
        assert server.describe()["enclosure"].startswith("enclosed")
        connect(server.address("template1")).close()
        with connect(server.address()) as session:
            assert session.execute("show track_counts").fetchone() == ("on",)
            until = time.monotonic() + 30
            query = "select sessions > 0 from pg_stat_database where datname = 'template1'"
            while session.execute(query).fetchone() != (True,):
                assert time.monotonic() < until
                time.sleep(0.05)


def test_interrupted_owner_leaves_nothing(own: Owner) -> None:
    process, started = own()
    # A terminal sends it to the whole foreground process group.
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(SOON) == 130
    assert not any(map(alive, processes_of(started)))
    assert not Path(started["folder"]).exists()


def test_terminated_owner_leaves_nothing(own: Owner) -> None:
    process, started = own()
    process.terminate()
    assert gone(started)


def test_child_that_holds_the_pipe_does_not_keep_the_server(programs: LocalPrograms) -> None:
    code = (
        "import os, sys, time\n"
        "from pytest_pgsafe.server.local import LocalServer\n"
        "from pytest_pgsafe.server.programs import find\n"
        "server = LocalServer.start(find())\n"
        "postmaster = (server.data / 'postmaster.pid').read_text().split()[0]\n"
        "print(server.data.parent, server.keeper, postmaster, flush=True)\n"
        "if os.fork() == 0:\n"
        "    server.close()\n"  # not the owner: changes nothing
        "    print(os.getpid(), os.path.exists(server.data), flush=True)\n"
        "    time.sleep(30)\n"
        "    os._exit(0)\n"
        "time.sleep(30)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        folder, keeper_pid, postmaster = process.stdout.readline().split()
        child, exists = process.stdout.readline().split()
        try:
            assert exists == "True"
            process.kill()
            assert gone({"folder": folder, "keeper": int(keeper_pid), "postmaster": int(postmaster)})
            assert alive(int(child))
        finally:
            os.kill(int(child), signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_killed_keeper_takes_the_server_along_and_its_folder_is_swept_later(programs: LocalPrograms) -> None:
    server = LocalServer.start(programs)
    folder, postmaster = server.data.parent, int((server.data / "postmaster.pid").read_text().split()[0])
    os.kill(server.keeper, signal.SIGKILL)
    until = time.monotonic() + SOON
    while alive(postmaster) and time.monotonic() < until:
        time.sleep(0.05)
    assert not alive(postmaster)
    server.close()
    assert folder.exists()
    # Older than the time that a keeper needs between its folder and its lock.
    os.utime(folder, (time.time() - 3600,) * 2)
    with LocalServer.start(programs) as second:
        assert second.data.exists()
        assert not folder.exists()


def test_two_servers_at_once(programs: LocalPrograms) -> None:
    with LocalServer.start(programs) as one, LocalServer.start(programs) as two:
        assert one.address().parameters["port"] != two.address().parameters["port"]
        assert one.address().parameters["password"] != two.address().parameters["password"]
        one.close()
        with connect(two.address()) as session:
            assert session.execute("select 1").fetchone() == (1,)
        # The first one's password opens nothing here.
        assert not one.data.exists()
    one.close()


def test_close_ends_sessions_that_are_still_open(programs: LocalPrograms) -> None:
    server = LocalServer.start(programs)
    session = connect(server.address())
    begin = time.monotonic()
    server.close()
    assert time.monotonic() - begin < 3
    assert not server.data.exists()
    session.close()


def test_kept_server_lives_until_its_keeper_is_told(programs: LocalPrograms) -> None:
    with LocalServer.start(programs) as server:
        lines = server.keep()
        address = server.address()
    try:
        with connect(address) as session:
            assert session.execute("select 1").fetchone() == (1,)
        assert address.parameters["password"] not in "\n".join(lines)
        command = lines[0].removeprefix("connect: ").replace("DATABASE", "postgres") + " -XAtc 'select 42'"
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True)
        assert done.stdout == "42\n"
    finally:
        os.kill(server.keeper, signal.SIGTERM)
    until = time.monotonic() + SOON
    while server.data.parent.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not server.data.parent.exists()


def test_error_shows_the_end_of_the_log(programs: LocalPrograms, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        place = Path(name)
        # The server's user makes its folder here, and other tests make theirs elsewhere.
        place.chmod(0o777)
        monkeypatch.setattr(tempfile, "tempdir", name)
        with pytest.raises(ServerError) as raised:
            LocalServer.start(programs, settings={"shared_buffers": "enormous"})
        assert list(place.iterdir()) == []
    assert 'invalid value for parameter "shared_buffers": "enormous"' in str(raised.value)
    assert any("pgsafe[server]" in remedy for remedy in raised.value.remedies)


def test_port_that_is_taken_is_tried_again(programs: LocalPrograms, monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalServer.start(programs) as first:
        taken = int(first.address().parameters["port"])
        free = keeper._free_port()
        code = Path(keeper.__file__).read_text().replace("port = _free_port()", f"port = {taken} if not _ else {free}")
        changed = first.data.parent.parent / f"keeper_{os.getpid()}.py"
        changed.write_text(code)
        try:
            monkeypatch.setattr(local.keeper, "__file__", str(changed))
            with LocalServer.start(programs) as second:
                assert second.address().parameters["port"] == str(free)
        finally:
            changed.unlink()


def test_secrets_stand_in_no_command_line_and_no_environment(programs: LocalPrograms) -> None:
    with LocalServer.start(programs) as server:
        server.create("secret")
        password = server.address().parameters["password"].encode()
        with connect(server.address(), read_only=False) as session:
            session.execute("create role someone")
        other = server.address(user="someone").parameters["password"].encode()
        done = server.programs.run("psql", ["-XAtc", "select pg_sleep(0.5)"], address=server.address("postgres"))
        assert done.returncode == 0
        seen = 0
        for process in Path("/proc").glob("[0-9]*"):
            for name in ("cmdline", "environ"):
                try:
                    content = (process / name).read_bytes()
                except OSError:
                    continue
                seen += 1
                assert password not in content
                assert other not in content
        assert seen > 10
        log = (server.data / "log").glob("*")
        assert all(other not in path.read_bytes() and password not in path.read_bytes() for path in log)


def test_environment_of_the_server_is_bare(programs: LocalPrograms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not for PostgreSQL")
    with LocalServer.start(programs) as server:
        postmaster = (server.data / "postmaster.pid").read_text().split()[0]
        if sys.platform == "linux":
            environment = Path(f"/proc/{postmaster}/environ").read_bytes()
            assert b"AWS_SECRET" not in environment
            assert b"PGPORT" not in environment


def segments_of(pid: int) -> list[str]:
    """Return System V's segments that a process made."""
    lines = Path("/proc/sysvipc/shm").read_text("ascii").splitlines()[1:]
    return [line.split()[1] for line in lines if int(line.split()[4]) == pid]


def killed(server: LocalServer) -> int:
    """Kill a server outright, as the kernel does that has no memory left; return its number."""
    postmaster = int((server.data / "postmaster.pid").read_text().split()[0])
    assert segments_of(postmaster)
    others = [child for child in map(int, children(postmaster)) if alive(child)]
    os.kill(postmaster, signal.SIGKILL)
    until = time.monotonic() + SOON
    while any(map(alive, [postmaster, *others])):
        assert time.monotonic() < until
        time.sleep(0.02)
    assert segments_of(postmaster)
    return postmaster


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


needs_segments = pytest.mark.skipif(not segments.LISTED.exists(), reason="no list of shared memory here")


@needs_segments
def test_no_shared_memory_of_a_killed_server_is_left(programs: LocalPrograms) -> None:
    with LocalServer.start(programs) as server:
        with connect(server.address(), read_only=False) as session:
            assert session.execute("show dynamic_shared_memory_type").fetchone() == ("mmap",)
        postmaster = killed(server)
    assert not server.data.exists()
    assert segments_of(postmaster) == []


@needs_segments
def test_that_of_a_killed_run_is_removed_by_the_next_one(programs: LocalPrograms) -> None:
    with LocalServer.start(programs) as server:
        postmaster = killed(server)
        os.kill(server.keeper, signal.SIGKILL)
        os.waitpid(server.keeper, 0)
        private.sweep()
        assert not server.data.exists()
        assert segments_of(postmaster) == []


@needs_segments
def test_a_segment_of_somebody_elses_stays(programs: LocalPrograms) -> None:
    """Whatever stands in the file that names it."""
    libc = ctypes.CDLL(None, use_errno=True)
    key, removes = 0x5047, 0
    number = libc.shmget(key, 56, 0o1600)
    assert number >= 0
    try:
        with LocalServer.start(programs) as server:
            killed(server)
            file = server.data / "postmaster.pid"
            lines = file.read_text().splitlines()
            own = int(lines[6].split()[1])
            lines[6] = f"{key} {number}"
            file.write_text("\n".join(lines))
        assert segments_of(os.getpid()) == [str(number)]
    finally:
        for one in (number, own):
            libc.shmctl(one, removes, None)

"""A run that is told to end: exit status 2, a report that says ``error``, and nothing of it is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_pgsafe.server.programs import LocalPrograms
from tests.tiers import part

#: Seconds until a migration runs, and until everything is gone.
BEGUN, SOON = 120.0, 40.0


@pytest.fixture
def place() -> Iterator[Path]:
    """A temporary folder with room for a socket, where the server's user may go."""
    with tempfile.TemporaryDirectory(prefix="end-", dir="/tmp", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o1777)
        yield Path(name)


@pytest.fixture
def project(tmp_path: Path, programs: LocalPrograms) -> Path:
    assert programs.folder
    (tmp_path / "schema.sql").write_text("create table t (id int primary key); insert into t values (1), (2);")
    command = "setsid sleep 300 & echo $! >daemon; sleep 300 & echo $! >child; mv child begun; sleep 300"
    (tmp_path / "pgsafe.toml").write_text(
        f'[source]\nsql = ["schema.sql"]\n[server]\nuse = "local"\n[migration]\nrun = "{command}"\n'
    )
    return tmp_path


def run(project: Path, place: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PGSAFE"))}
    command = [sys.executable, "-m", "pytest", "--pgsafe", "-p", "no:cacheprovider", "--pgsafe-report=report.json"]
    return subprocess.Popen(
        [*command, *arguments], cwd=project, env={**environment, "TMPDIR": str(place)}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True, preexec_fn=_hears,  # noqa: PLW1509 (no threads here)
    )  # fmt: skip


def _hears() -> None:
    # Below nohup it would be ignored, and rightly: whoever says nohup wants the run to go on.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + BEGUN
    while not path.exists():
        assert time.monotonic() < until, "the migration was not begun"
        if process.poll() is not None:
            pytest.fail(f"it ended by itself: {process.communicate()[0]}")
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def left(place: Path, pids: list[int]) -> list[str]:
    """Return what is left of a run after a while: processes, and folders."""
    until = time.monotonic() + SOON
    while True:
        found = [f"process {pid}" for pid in pids if alive(pid)]
        found += [str(path) for path in place.glob("pgsafe-*")]
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(place) in words and process.name != str(os.getpid()):
                found.append(f"process {process.name}: {words!r}")
        if not found or time.monotonic() > until:
            return found
        time.sleep(0.1)


@pytest.mark.skipif(sys.platform != "linux", reason="it looks for processes in /proc")
@pytest.mark.parametrize(
    ("number", "workers"),
    [
        (signal.SIGTERM, ""),
        (signal.SIGTERM, "-n2"),
        (signal.SIGINT, "-n2"),
        *part([(signal.SIGHUP, ""), (signal.SIGINT, ""), (signal.SIGHUP, "-n2")], 3),
    ],
)
def test_a_run_that_is_told_to_end_leaves_nothing(
    project: Path, place: Path, number: signal.Signals, workers: str
) -> None:
    with run(project, place, *filter(None, [workers])) as process:
        wait_for(project / "begun", process)
        begin = time.monotonic()
        process.send_signal(number)
        try:
            output = process.communicate(timeout=SOON)[0]
        except subprocess.TimeoutExpired:
            # Else it would be waited for without an end.
            process.kill()
            raise
    assert process.returncode == 2, output
    assert time.monotonic() - begin < SOON
    assert json.loads((project / "report.json").read_text())["result"] == "error", output
    assert "Traceback" not in output
    pids = [int((project / name).read_text()) for name in ("begun", "daemon")]
    assert left(place, pids) == []


@pytest.mark.skipif(sys.platform != "linux", reason="it looks for processes in /proc")
@pytest.mark.parametrize("workers", ["", "-n2"])
def test_a_run_that_is_killed_leaves_no_process(project: Path, place: Path, workers: str) -> None:
    with run(project, place, *filter(None, [workers])) as process:
        wait_for(project / "begun", process)
        process.kill()
        process.wait()
        pids = [int((project / name).read_text()) for name in ("begun", "daemon")]
        until = time.monotonic() + 15
        while (any(map(alive, pids)) or any(_others(place))) and time.monotonic() < until:
            time.sleep(0.1)
        assert not any(map(alive, pids))
        assert list(_others(place)) == []
    # Its private folders are the next run's to remove.
    (project / "pgsafe.toml").write_text('[source]\nsql = ["schema.sql"]\n[server]\nuse = "local"\n')
    with run(project, place) as process:
        output = process.communicate(timeout=BEGUN)[0]
    assert process.returncode == 0, output
    assert left(place, pids) == []


@pytest.mark.skipif(sys.platform != "linux", reason="it looks for processes in /proc")
def test_a_worker_ends_with_its_controller(place: Path) -> None:
    """Not only because execnet notices after a while: this one has none."""
    (place / "worker.py").write_text(
        "import sys, time\n"
        "from pathlib import Path\n"
        "from pytest_pgsafe.plugin.interrupting import Interrupting\n"
        "Interrupting(worker=True).pytest_sessionstart()\n"
        "Path(sys.argv[1]).write_text('')\n"
        "time.sleep(300)\n"
    )
    script = '"$0" "$1/worker.py" "$1/new" & echo $! >"$1/pid"; wait'
    with subprocess.Popen(["sh", "-c", script, sys.executable, str(place)], stderr=subprocess.DEVNULL) as controller:
        wait_until((place / "new").exists)
        worker = int((place / "pid").read_text())
        assert alive(worker)
        controller.kill()
    try:
        wait_until(lambda: not alive(worker))
    finally:
        if alive(worker):
            os.kill(worker, signal.SIGKILL)


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def _others(place: Path) -> Iterator[bytes]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.fsencode(place) in (process / "environ").read_bytes() and (
                words := (process / "cmdline").read_bytes()
            ):
                yield words
        except OSError:
            continue

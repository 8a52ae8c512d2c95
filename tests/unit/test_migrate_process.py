"""Commands end in time, with everything that they started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_pgsafe.migrate import process


def execute(command: str, folder: Path, *, deadline: float | None = None, grace: float = 1) -> int:
    environment = {"PATH": os.environ["PATH"]}
    return process.execute(
        ["sh", "-c", command], folder=folder, environment=environment, output=folder / "output", deadline=deadline,
        grace=grace,
    )  # fmt: skip


def alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return status != "Z"


def test_status_streams_and_folder(tmp_path: Path) -> None:
    assert execute("pwd; echo wrong >&2; exit 3", tmp_path) == 3
    assert (tmp_path / "output").read_text() == f"{tmp_path}\nwrong\n"


def test_there_is_no_terminal_and_no_input(tmp_path: Path) -> None:
    assert execute("read answer", tmp_path) == 1


def test_past_the_deadline_the_whole_group_is_gone(tmp_path: Path) -> None:
    called: list[bool] = []
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        process.execute(
            ["sh", "-c", "sleep 60 & echo $! >child; wait"], folder=tmp_path, environment={"PATH": os.environ["PATH"]},
            output=tmp_path / "output", deadline=0.3, before_stop=lambda: called.append(alive(child(tmp_path))),
        )  # fmt: skip
    assert time.monotonic() - started < 3
    assert called == [True]
    assert not alive(child(tmp_path))


def test_a_command_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        execute(
            "trap '' TERM; sleep 60 & echo $! >child; while :; do sleep 0.1; done", tmp_path, deadline=0.3, grace=0.3
        )
    assert not alive(child(tmp_path))


def test_what_is_left_in_the_background_is_ended_too(tmp_path: Path) -> None:
    assert execute("sleep 60 & echo $! >child", tmp_path) == 0
    assert not alive(child(tmp_path))


def child(folder: Path) -> int:
    return int((folder / "child").read_text())


def test_a_long_output_is_cut_in_the_middle(tmp_path: Path) -> None:
    output = tmp_path / "output"
    output.write_text("begin\n" + "x" * 200_000 + "\nend\n")
    shown = process.excerpt(output)
    assert shown.startswith("begin\n")
    assert shown.endswith("\nend\n")
    assert len(shown) < 70_000
    assert "134475 bytes left out" in shown


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        process.execute(["nothing-here"], folder=tmp_path, environment={}, output=tmp_path / "output")


@pytest.mark.skipif(sys.platform != "linux", reason="only there is it told who has lost its parent")
@pytest.mark.parametrize("how", ["setsid", "twice", "ignores SIGTERM"])
def test_what_is_in_a_session_of_its_own_is_ended_too(tmp_path: Path, how: str) -> None:
    command = {
        "setsid": "setsid sleep 60 & echo $! >child; sleep 0.2",
        "twice": "setsid sh -c 'setsid sleep 60 & echo $! >child' & sleep 0.2; wait",
        "ignores SIGTERM": "setsid sh -c 'trap \"\" TERM; echo $$ >child; while :; do sleep 0.1; done' & sleep 0.5",
    }[how]
    assert execute(command, tmp_path, grace=0.5) == 0
    assert not alive(child(tmp_path))


_OWNER = """
import signal, sys, threading
from pathlib import Path
from pytest_pgsafe.migrate import process
# Below nohup it would be ignored.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
def run():
    environment = {"PATH": "/usr/bin:/bin"}
    process.execute(["sh", "-c", sys.argv[1]], folder=Path(), environment=environment, output=Path("output"))
threading.Thread(target=run).start() if sys.argv[2] == "thread" else run()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("where", ["thread", "main"])
def test_a_command_ends_with_its_owner(tmp_path: Path, number: signal.Signals, where: str) -> None:
    command = "setsid sleep 60 & echo $! >child; (sleep 60; true) & sleep 60"
    with subprocess.Popen([sys.executable, "-c", _OWNER, command, where], cwd=tmp_path) as owner:
        until = time.monotonic() + 20
        while not (tmp_path / "child").exists() and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.2)
        owner.send_signal(number)
        owner.wait(20)
    until = time.monotonic() + 10
    while alive(child(tmp_path)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not alive(child(tmp_path))


def test_the_status_tells_what_ended_the_command(tmp_path: Path) -> None:
    assert execute("kill -9 $$", tmp_path) == -9
    assert execute("kill -TERM $$", tmp_path) == -15
    assert execute("exit 200", tmp_path) == 200

"""The step that is under way: shown in one place on a terminal, and nowhere else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_pgsafe.plugin.steps import in_place

CONFTEST = """
import pytest
from pytest_pgsafe.plugin.steps import StepShown

def pytest_configure(config):
    config.pluginmanager.register(StepShown(config), "steps")
"""
TESTS = """
import pytest

@pytest.fixture
def steps(request):
    return request.config.pluginmanager.get_plugin("steps")

def test_first(steps):
    steps("backup")
    steps("migrate\\n" + "x" * 200)
    steps("migrate", 5, 10)

def test_next():
    print("no step")

def test_interrupted(steps):
    steps("restore")
    raise KeyboardInterrupt
"""


def shown(folder: Path, *arguments: str, terminal: bool = True) -> str:
    """Return what pytest writes to a terminal of 60 columns, or to a pipe."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(TESTS)
    known = {name: text for name, text in os.environ.items() if name not in {"CI", "PYTEST_ADDOPTS"}}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments]
    settings = {**known, "TERM": "xterm-256color", "COLUMNS": "60"}
    if not terminal:
        return subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True, check=False).stdout
    master, slave = pty.openpty()
    done = subprocess.Popen(command, cwd=folder, env=settings, stdout=slave, stderr=slave)
    os.close(slave)
    told = b""
    try:
        while more := os.read(master, 4096):
            told += more
    except OSError:
        # The other end is closed.
        pass
    done.wait()
    os.close(master)
    return told.decode()


def test_a_step_is_shown_behind_what_pytest_wrote_and_is_gone_before_it_writes_on(tmp_path: Path) -> None:
    told = shown(tmp_path)
    at = told.index("test_it.py ")
    line = told[at : told.index("\r\n", at)]
    first, second, *_ = line.split("\x1b8\x1b[K")
    assert first == "test_it.py \x1b7 pgsafe: backup"
    # It never reaches the end of the line, where it could not be taken back.
    assert second.startswith(" pgsafe: migrate")
    assert len("test_it.py ") + len(second) < 60
    # An interrupted one, too.
    assert line.endswith(" pgsafe: restore\x1b8\x1b[K")
    assert line.count("\x1b7") == 2
    assert line.count("\x1b8") == 3


@pytest.mark.parametrize(("arguments", "terminal"), [((), False), (("-q",), True)], ids=["pipe", "quiet"])
def test_it_is_shown_nowhere_else(tmp_path: Path, arguments: tuple[str, ...], terminal: bool) -> None:
    told = shown(tmp_path, *arguments, terminal=terminal)
    assert "test_it.py" in told
    assert "pgsafe: " not in told
    assert "\x1b7" not in told


@pytest.mark.parametrize(
    ("environment", "there"),
    [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({}, False), ({"TERM": "xterm", "CI": "true"}, False)],
)
def test_a_terminal_that_cannot_go_back_has_none(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], there: bool
) -> None:
    for name in ("TERM", "CI"):
        monkeypatch.delenv(name, raising=False)
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert in_place() is there


def test_with_v_each_is_a_line(tmp_path: Path) -> None:
    told = shown(tmp_path, "-v", terminal=False).splitlines()
    assert [line[:15] for line in told if line.startswith("pgsafe: ")] == [
        "pgsafe: backup", "pgsafe: migrate", "pgsafe: restore"
    ]  # fmt: skip

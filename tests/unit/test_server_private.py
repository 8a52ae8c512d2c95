"""The folder of a run is gone afterwards, whichever way the run ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pytest_pgsafe.server.private import LOCK, PREFIX, private_folder

_RUN = """
import sys, tempfile
from pytest_pgsafe.server.private import private_folder
tempfile.tempdir = sys.argv[1]
with private_folder('test') as folder:
    (folder / "dump").write_text("rows")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def _old(folder: Path) -> None:
    os.utime(folder, (0, 0))


def test_a_killed_run_is_cleaned_up_by_the_next_one(place: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _RUN, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        folder = Path(run.stdout.readline().strip())
        assert folder.stat().st_mode & 0o777 == 0o700
        _old(folder)
        with private_folder("test", swept=True):
            assert (folder / "dump").exists(), "of a run that is alive"
        run.send_signal(signal.SIGKILL)
        run.wait()
    assert (folder / "dump").exists()
    with private_folder("test", swept=True) as own:
        assert list(place.iterdir()) == [own]
    assert list(place.iterdir()) == []


def test_nothing_of_others_is_touched(place: Path) -> None:
    young, foreign, target = place / f"{PREFIX}young", place / f"{PREFIX}foreign", place / "target"
    for folder in (young, foreign, target):
        folder.mkdir()
    for folder in (young, target):
        (folder / LOCK).touch()
    (place / f"{PREFIX}link").symlink_to(target)
    _old(foreign)
    _old(target)
    with private_folder("test", swept=True):
        pass
    assert sorted(path.name for path in place.iterdir()) == sorted(
        [young.name, foreign.name, target.name, f"{PREFIX}link"]
    )
    assert (target / LOCK).exists()

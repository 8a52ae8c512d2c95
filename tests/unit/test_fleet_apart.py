"""Workers in several places: what each may have of the source's sessions, and where files are there."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_pgsafe.errors import ConfigError
from pytest_pgsafe.fleet.sessions import Sessions
from pytest_pgsafe.plugin.apart import moved, shares

HERE = SimpleNamespace(popen=True, python=None)
NAMESPACE = SimpleNamespace(popen=True, python="/opt/python")
SSH = SimpleNamespace(popen=None, python=None)


@pytest.mark.parametrize(
    ("specs", "sessions", "wanted"),
    [
        ([HERE], 4, (4, 4)),
        ([HERE, HERE, HERE], 4, (4, 4)),
        ([HERE, SSH], 5, (3, 2)),
        ([SSH, SSH, NAMESPACE], 7, (3, 2)),
    ],
)
def test_sessions_are_divided_over_places(specs: list[SimpleNamespace], sessions: int, wanted: tuple[int, int]) -> None:
    together, each = shares(specs, sessions)
    assert (together, each) == wanted
    apart = sum(spec is not HERE for spec in specs)
    assert apart * each + (together if HERE in specs else 0) <= sessions


def test_too_few_sessions_for_all_places() -> None:
    with pytest.raises(ConfigError, match="source_sessions = 6 or more"):
        shares([SSH, SSH, HERE], 5)


def test_paths_below_rootdir_are_found_in_another_checkout(tmp_path: Path) -> None:
    here = tmp_path / "here"
    there = tmp_path / "there"
    (there / "sql").mkdir(parents=True)
    (there / "kept.sql").touch()
    told = json.dumps({"a": [str(there / "m.sql"), str(there / "kept.sql"), f"{there}other", 1, None], "b": str(there)})
    found = json.loads(moved(told, str(there), here))
    assert found == {"a": [str(here / "m.sql"), str(there / "kept.sql"), f"{there}other", 1, None], "b": str(there)}
    assert moved(told, str(there), there) == told


def test_turns_are_never_more_than_there_are_places(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path / "sessions", 7)
    now, most, lock = 0, 0, threading.Lock()

    def take() -> None:
        nonlocal now, most
        # Each of its own, as processes have them.
        with Sessions(sessions.folder, sessions.most).turn():
            with lock:
                now += sessions.each
                most = max(most, now)
            time.sleep(0.02)
            with lock:
                now -= sessions.each

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (now, most) == (0, 6)
    assert (Sessions(tmp_path, 2).each, Sessions(tmp_path, 100).each) == (2, 3)

"""Every program that is started ends with whoever asked for it, whatever ends that one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_pgsafe.server.programs import LocalPrograms

#: Seconds until a program has begun, and until it is gone.
BEGUN, SOON = 30.0, 10.0
#: Programs that never come to an end, and what makes one run in its place. PLACE is a folder of its own.
STARTED = {
    "initdb": "from pytest_pgsafe.server import cluster; cluster._initialise(PLACE, PLACE, [], server_user())",
    "zstd": (
        "from pytest_pgsafe.backup.packing import _Program\n"
        "(PLACE / 'packed').write_bytes(b'1')\n"
        "_Program(['zstd', '-dcq'], PLACE / 'packed').read()"
    ),
    "pgbackrest": (
        "from pytest_pgsafe.pitr.engines.calling import call; call(server_user(), ['pgbackrest', 'info'], os.environ)"
    ),
    "barman": (
        "from pytest_pgsafe.pitr.engines.calling import call; call(server_user(), ['barman', 'recover'], os.environ)"
    ),
    "cp": (
        "from pytest_pgsafe.server.local import LocalServer\n"
        "from pytest_pgsafe.server.programs import find\n"
        "LocalServer.start(find())"
    ),
    "pg_dump": (
        "from pytest_pgsafe.server.programs import LocalPrograms\n"
        "from pytest_pgsafe.server.version import Version\n"
        "LocalPrograms(PLACE, Version(170000), found_by='').run('pg_dump', [])"
    ),
}
HEAD = """
import os
from pathlib import Path
from pytest_pgsafe.server.user import server_user
PLACE = Path(os.environ["PLACE"])
"""


@pytest.fixture
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="end-", dir="/tmp", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o1777)
        yield Path(name)


def begin(place: Path, name: str) -> tuple[subprocess.Popen[bytes], list[int]]:
    """Start an owner; return it, and the processes of its program: itself, and one that it started."""
    program = place / name
    # What it leaves in a session of its own hears of no signal to its group.
    program.write_text(
        f"#!/bin/sh\nsetsid sleep 300 &\necho $$ $! >{place}/new; mv {place}/new {place}/begun; sleep 300\n"
    )
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{place}:{os.environ['PATH']}", "PLACE": str(place), "TMPDIR": str(place)}
    owner = subprocess.Popen([sys.executable, "-c", HEAD + STARTED[name]], env=environment, start_new_session=True)
    until = time.monotonic() + BEGUN
    while not (place / "begun").exists():
        assert owner.poll() is None
        assert time.monotonic() < until, "it was not begun"
        time.sleep(0.02)
    return owner, [int(word) for word in (place / "begun").read_text().split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pids: list[int]) -> bool:
    until = time.monotonic() + SOON
    while any(map(alive, pids)) and time.monotonic() < until:
        time.sleep(0.05)
    return not any(map(alive, pids))


@pytest.mark.skipif(sys.platform != "linux", reason="it looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("name", STARTED)
@pytest.mark.usefixtures("programs")
def test_it_ends_with_its_owner(place: Path, name: str, number: signal.Signals) -> None:
    owner, (program, child) = begin(place, name)
    with owner:
        owner.send_signal(number)
        owner.wait(SOON)
    try:
        # A keeper's own program starts nothing: what it would start is not looked for.
        assert gone([program] if name == "cp" else [program, child])
    finally:
        for pid in filter(alive, (program, child)):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_a_copy_ends_with_its_keeper(place: Path, programs: LocalPrograms) -> None:
    owner, (program, child) = begin(place, "cp")
    keeper = int(Path(f"/proc/{program}/stat").read_text().rpartition(")")[2].split()[1])
    with owner:
        os.kill(keeper, signal.SIGKILL)
        try:
            assert gone([program])
        finally:
            owner.kill()
            for pid in filter(alive, (program, child)):
                os.kill(pid, signal.SIGKILL)

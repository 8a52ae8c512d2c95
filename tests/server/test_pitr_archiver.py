"""``archive_command``: nothing half is ever in the archive, whatever ends the process or fills the disk."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_pgsafe.errors import StorageError
from pytest_pgsafe.pitr import archiver

SEGMENT = "000000010000000000000001"
COMMAND = [sys.executable, "-c", "from pytest_pgsafe.cli import main; main()", "pitr", "archive"]


@pytest.mark.parametrize("name", [SEGMENT, "00000002.history", f"{SEGMENT}.00000028.backup", f"{SEGMENT}.partial"])
def test_each_kind_of_file_once_and_never_over_another(tmp_path: Path, name: str) -> None:
    wal, folder = tmp_path / name, tmp_path / "archive"
    folder.mkdir()
    wal.write_bytes(os.urandom(1 << 16))
    assert archiver.store(wal, folder) is True
    assert (folder / name).read_bytes() == wal.read_bytes()
    assert (folder / name).stat().st_mode & 0o777 == 0o600
    assert archiver.store(wal, folder) is False
    wal.write_bytes(wal.read_bytes()[:-1] + b"x")
    with pytest.raises(StorageError, match=f"another {name} is in the archive already"):
        archiver.store(wal, folder)
    # A shorter one, which a killed cp would have left, is another one too.
    (folder / name).write_bytes(wal.read_bytes()[:100])
    with pytest.raises(StorageError, match="another"):
        archiver.store(wal, folder)


def test_kill_leaves_nothing_under_the_segments_name(tmp_path: Path) -> None:
    wal, folder = tmp_path / SEGMENT, tmp_path / "archive"
    folder.mkdir()
    # Large enough that the copy takes a while.
    wal.write_bytes(os.urandom(1 << 20) * 128)
    child = subprocess.Popen([*COMMAND, str(wal), str(folder)], stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not list(folder.iterdir()) and child.poll() is None:
        assert time.monotonic() < until
    child.kill()
    child.wait()
    if (folder / SEGMENT).exists():
        # It was faster; then it is whole.
        assert (folder / SEGMENT).read_bytes() == wal.read_bytes()
    else:
        assert {path.name[:25] for path in folder.iterdir()} == {f".{SEGMENT}"}
    done = subprocess.run([*COMMAND, str(wal), str(folder)], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in folder.iterdir()] == [SEGMENT]
    assert (folder / SEGMENT).read_bytes() == wal.read_bytes()


def test_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    wal, folder = tmp_path / SEGMENT, tmp_path / "archive"
    folder.mkdir()
    wal.write_bytes(os.urandom(1 << 20))
    # No file of this process may be longer: as with a full disk, the write fails in the middle.
    done = subprocess.run(
        [*COMMAND, str(wal), str(folder)],
        check=False,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, 1 << 19)),
    )
    assert done.returncode == 1
    assert "the WAL archive cannot be written" in done.stderr
    assert list(folder.iterdir()) == []


def test_a_full_file_system_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    wal, folder = tmp_path / SEGMENT, tmp_path / "archive"
    folder.mkdir()
    wal.write_bytes(os.urandom(1 << 20))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no right to mount a small file system")
    try:
        with pytest.raises(StorageError, match="No space left on device"):
            archiver.store(wal, folder)
        assert list(folder.iterdir()) == []
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_it_loads_nothing_heavy(tmp_path: Path) -> None:
    """A process for each segment: what it imports is waited for by every 16 MB of WAL."""
    wal = tmp_path / SEGMENT
    wal.write_bytes(b"wal")
    (tmp_path / "archive").mkdir()
    script = (
        "import sys; from pytest_pgsafe.cli import run; status = run(sys.argv[1:]);"
        " heavy = {'psycopg', 'pydantic', 'pytest', 'sqlglot', 'testcontainers', 'boto3'} & set(sys.modules);"
        " sys.exit(f'loaded: {heavy}' if heavy else status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "pitr", "archive", str(wal), str(tmp_path / "archive")],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr

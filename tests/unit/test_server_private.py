"""The folder of a run is gone afterwards, whichever way the run ended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pytest_pgsafe.server import cache, ours
from pytest_pgsafe.server.private import LOCK, PREFIX, private_folder, sweep

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


@pytest.fixture
def left(place: Path) -> Path:
    """The folder of a run that was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", _RUN, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        folder = Path(run.stdout.readline().strip())
        run.kill()
    _old(folder)
    return folder


def _swept(place: Path) -> str:
    """Let the next run sweep; return what it says of what it left alone in a place."""
    with private_folder("test", swept=True):
        pass
    return "\n".join(line for line in sweep() if line.startswith(str(place)))


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


def test_a_folder_that_is_called_like_ours_stays_with_all_it_holds(place: Path) -> None:
    tools = place / f"{PREFIX}tools"
    (tools / "cluster" / "base").mkdir(parents=True)
    (tools / LOCK).touch()
    (tools / "cluster" / "base" / "1").write_text("rows of somebody else")
    _old(tools)
    assert f"{tools}: it carries no mark of this release" in _swept(place)
    assert (tools / "cluster" / "base" / "1").read_text() == "rows of somebody else"


@pytest.mark.parametrize("how", ["cp -a", "copied mark", "hard link", "symbolic link", "moved contents", "other form"])
def test_a_mark_is_true_of_its_own_folder_alone(place: Path, left: Path, how: str) -> None:
    foreign = place / f"{PREFIX}run-foreign"
    if how == "cp -a":
        subprocess.run(["cp", "-a", left, foreign], check=True)
    else:
        foreign.mkdir(mode=0o700)
    if how == "copied mark":
        shutil.copy2(left / LOCK, foreign / LOCK)
    elif how == "hard link":
        (foreign / LOCK).hardlink_to(left / LOCK)
    elif how == "symbolic link":
        (foreign / LOCK).symlink_to(left / LOCK)
    elif how == "moved contents":
        for entry in left.iterdir():
            entry.rename(foreign / entry.name)
    elif how == "other form":
        text = (left / LOCK).read_text().replace(f'"inode": {left.stat().st_ino}', f'"inode": {foreign.stat().st_ino}')
        (foreign / LOCK).write_text(text.replace("pgsafe-folder/1", "pgsafe-folder/0"))
    (foreign / "precious").write_text("yes")
    _old(foreign)
    said = _swept(place)
    assert (foreign / "precious").read_text() == "yes"
    assert how == "symbolic link" or f"{foreign}: it carries no mark" in said
    # What is ours goes all the same, unless its mark has two names now, or none.
    assert left.exists() == (how in {"hard link", "moved contents"})


def test_links_inside_of_ours_lead_to_nothing_that_is_removed(place: Path, left: Path) -> None:
    theirs = place / "theirs"
    theirs.mkdir()
    (theirs / "file").write_text("kept")
    (left / "folder").symlink_to(theirs)
    (left / "name").hardlink_to(theirs / "file")
    (place / f"{PREFIX}link").symlink_to(theirs)
    assert _swept(place) == ""
    assert not left.exists()
    assert (theirs / "file").read_text() == "kept"
    assert (place / f"{PREFIX}link").is_symlink()


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="it takes root, and Linux")
def test_what_is_mounted_inside_of_ours_is_not_removed(place: Path, left: Path) -> None:
    theirs = place / "theirs"
    theirs.mkdir()
    (theirs / "file").write_text("kept")
    (left / "inside").mkdir()
    done = subprocess.run(["mount", "--bind", theirs, left / "inside"], check=False)
    if done.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        assert "a part of it cannot be removed" in _swept(place)
        assert (theirs / "file").read_text() == "kept"
    finally:
        subprocess.run(["umount", left / "inside"], check=True)
    assert _swept(place) == ""
    assert not left.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="it takes /proc")
@pytest.mark.parametrize("how", ["stands in it", "holds a file of it"])
def test_a_folder_that_a_process_uses_stays(place: Path, left: Path, how: str) -> None:
    code = "import sys; file = open(sys.argv[1]); print('on', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, left / "dump" if how == "holds a file of it" else "/dev/null"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=left if how == "stands in it" else "/",
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        assert f"{left}: process {process.pid} uses it" in _swept(place)
        assert (left / "dump").exists()
        process.kill()
    _swept(place)
    assert not left.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="it takes /proc")
def test_a_folder_whose_process_is_alive_stays_though_its_lock_is_free(place: Path) -> None:
    with private_folder("test") as folder:
        # As on a file system that knows no locks.
        (folder / "copy").write_bytes((folder / LOCK).read_bytes())
        before = json.loads((folder / LOCK).read_bytes())
        (folder / LOCK).unlink()
        other = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        os.write(other, json.dumps({**before, "file": os.fstat(other).st_ino}).encode())
        os.close(other)
        assert f"its process {os.getpid()} is alive" in _swept(place)
        assert folder.exists()
        # The number alone is no process: it is used again.
        (folder / LOCK).write_text(json.dumps({**json.loads((folder / LOCK).read_text()), "started": "1"}))
        _swept(place)
        assert not folder.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root")
def test_a_folder_of_another_user_stays(place: Path, left: Path) -> None:
    for path in (left, left / LOCK):
        os.chown(path, 54321, 54321)
    _swept(place)
    assert (left / "dump").exists()
    # And one that somebody gave a lock of another's.
    os.chown(left, 0, 0)
    assert "its lock belongs to somebody else" in _swept(place)
    assert (left / "dump").exists()


def test_a_folder_that_took_the_place_of_ours_stays(place: Path) -> None:
    with private_folder("test") as folder:
        folder.rename(place / "aside")
        folder.mkdir()
        (folder / "precious").touch()
    assert (folder / "precious").exists()
    assert (place / "aside" / LOCK).exists()


def test_what_lies_in_the_cache_without_a_mark_stays(place: Path) -> None:
    foreign, link, copied = place / "theirs", place / ".entry.link", place / ".entry.copied"
    foreign.mkdir()
    (foreign / "file").touch()
    _old(foreign)
    link.symlink_to(foreign)

    def killed(fresh: Path) -> None:
        # What a process leaves that is killed on the way, and what somebody made of it.
        subprocess.run(["cp", "-a", fresh, copied], check=True)
        subprocess.run(["cp", "-a", fresh, place / "old"], check=True)
        fresh.rename(place / ".entry.killed")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.entry(place / "entry", killed)
    assert ours.mark_of(place / ".entry.killed", cache.MARK) is not None
    _old(place / "old")
    assert cache.entry(place / "entry", lambda fresh: (fresh / "whole").touch()) == place / "entry"
    assert sorted(path.name for path in place.iterdir()) == [
        ".entry.copied", ".entry.link", "entry", "entry.lock", "old", "theirs",
    ]  # fmt: skip
    # An entry of ours that nobody used for long is ours to remove.
    _old(place / "entry")
    cache.entry(place / "next", lambda fresh: (fresh / "whole").touch())
    assert not (place / "entry").exists()
    assert (foreign / "file").exists()

"""``pgsafe prune``, ``pgsafe snapshot`` and ``pgsafe compare`` on a real backup."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from pytest_pgsafe.backup import manifest, proof
from pytest_pgsafe.backup.lock import in_use
from pytest_pgsafe.cli import run
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.connection import connect
from tests.server.runbook import SCHEMA, answer, uri


@pytest.fixture
def source(database: Address, monkeypatch: pytest.MonkeyPatch) -> Address:
    with connect(database, read_only=False) as connection:
        connection.execute("set search_path = public")
        connection.execute(SCHEMA)
    monkeypatch.setenv("PGPASSWORD", database.parameters.get("password", ""))
    return database


@pytest.fixture
def history(source: Address, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[int, bool], Path]:
    """Return a function that puts a copy of one backup, so many days old and proven or not, under a root."""
    arguments = [
        "backup",
        f"--source={uri(source)}",
        f"--root={tmp_path / 'first'}",
        "--retain=0d",
        "--no-plain",
        "--json",
    ]
    taken = Path(answer(arguments, capsys)["folder"])
    now = datetime.now(timezone.utc)

    def put(days: int, proven: bool) -> Path:
        at = now - timedelta(days=days)
        folder = tmp_path / "root" / "e" / f"{at:%Y%m%dT%H%M%SZ}"
        shutil.copytree(taken, folder)
        manifest.write(folder, replace(manifest.load(taken), taken_at=at, environment="e", keep_until=None))
        outcomes = tuple(proof.Outcome(name=name, result="passed") for name in proof.NEEDED)
        found = proof.Proof(
            format=proof.FORMAT, manifest=manifest.sha256(folder / "manifest.json"), verified_at=at, proven=proven,
            server_version="", restore_seconds=None, outcomes=outcomes,
        )  # fmt: skip
        proof.write(folder, found)
        return folder

    return put


def test_prune_shows_and_removes_only_when_told(
    history: Callable[[int, bool], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "root"
    folders = {day: history(day, True) for day in (0, 1, 2, 9)}
    bad = [history(day, False) for day in (3, 4)]
    counts = ["--daily=2", "--weekly=0", "--monthly=0", "--yearly=0"]
    arguments = ["prune", str(root), *counts, "--json"]
    shown = answer(arguments, capsys)
    assert {Path(name) for name in shown["removed"]} == {folders[2], folders[9], *bad}
    assert all(folder.exists() for folder in (*folders.values(), *bad))
    with in_use(folders[9]):
        done = answer([*arguments, "--apply"], capsys)
        assert [Path(name) for name in done["in_use"]] == [folders[9]]
    assert not folders[2].exists()
    assert folders[9].exists()
    answer([*arguments, "--apply"], capsys)
    assert sorted((root / "e").iterdir()) == sorted([folders[0], folders[1]])
    # A backup that is being written is not one that was given up.
    abandoned, current = root / "e" / ".x.partial-1", root / "e" / ".y.partial-2"
    abandoned.mkdir()
    current.mkdir()
    with in_use(current):
        assert answer([*arguments, "--apply"], capsys)["removed"] == [str(abandoned)]
    assert current.exists()
    assert not abandoned.exists()


def test_a_proven_backup_that_rotted_does_not_count(
    history: Callable[[int, bool], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, rotten = history(9, True), history(0, True)
    data = bytearray((rotten / "database.dump").read_bytes())
    data[-300] ^= 1
    (rotten / "database.dump").write_bytes(data)
    arguments = ["prune", str(tmp_path / "root"), "--daily=1", "--weekly=0", "--monthly=0", "--yearly=0", "--apply"]
    assert run(arguments) == 0
    assert good.exists()
    (good / "manifest.json").unlink()
    said = answer([*arguments, "--json"], capsys)
    assert said["faulty"] == [str(good)]
    assert rotten.exists(), "nothing is proven any more"


def test_snapshots_are_compared(source: Address, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    assert answer(["snapshot", f"--source={uri(source)}", str(one), "--json"], capsys)["rows"] == 1000
    taken = answer(["backup", f"--source={uri(source)}", f"--root={tmp_path / 'root'}", "--json"], capsys)
    assert answer(["compare", str(one), taken["folder"], "--json"], capsys)["changes"] == []
    assert answer(["compare", str(one), uri(source), "--json"], capsys)["changes"] == []
    with connect(source, read_only=False) as session:
        session.execute("update public.account set note = null where id = 3")
        session.execute("drop index public.log_at")
    answer(["snapshot", f"--source={uri(source)}", str(two), "--json"], capsys)
    found = answer(["compare", str(one), str(two), "--json"], capsys, status=1)["changes"]
    assert {(change["kind"], change["object"]) for change in found} == {
        ("index", "public.log_at"), ("values", "public.account.note")
    }  # fmt: skip
    assert "cannot be read" in answer(["compare", str(one), "nothing", "--json"], capsys, status=4)["error"]["message"]

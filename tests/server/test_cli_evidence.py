"""``pgsafe evidence``: what the commands left is what they did, and what became of the backups shows."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from pytest_pgsafe.backup import manifest
from pytest_pgsafe.records import chain
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.connection import connect
from tests.server.runbook import SCHEMA, answer, env_of, uri


@pytest.fixture
def shop(database: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Address:
    """A database, a folder whose configuration keeps evidence, and a server to restore into."""
    with connect(database, read_only=False) as session:
        session.execute("set search_path = public")
        session.execute(SCHEMA)
    (tmp_path / "pgsafe.toml").write_text(
        '[backup]\nroot = "kept"\nenvironment = "staging"\nplain = false\n[evidence]\nroot = "kept"\n'
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PGSAFE_SERVER", database.with_(dbname="postgres").url())
    for name, value in env_of(database).items():
        monkeypatch.setenv(name, value)
    return database


def kinds(told: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["kind"], one["result"]) for one in told["entries"]]


def test_the_commands_leave_what_they_did(shop: Address, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken = answer(["backup", f"--source={uri(shop)}", "--verify", "--json"], capsys)
    assert len(taken["evidence"]) == 2
    answer(["verify", "--json"], capsys)
    answer(["daily", "--json"], capsys)
    restored = f"{shop.dbname}_again"
    try:
        done = answer(["restore", f"--into={uri(shop, restored)}", "--json"], capsys)
        answer(["restore", f"--into={uri(shop, restored)}", "--json"], capsys, 4)
    finally:
        with connect(shop.with_(dbname="postgres"), read_only=False) as session:
            session.execute(f'drop database if exists "{restored}"'.encode())
    answer(["prune", "--apply", "--json"], capsys)
    pushed = answer(["push", taken["folder"], "share", "--json"], capsys)
    pulled = answer(["pull", "share", "--root=elsewhere", "--json"], capsys)
    packed = answer(["archive", f"--month={datetime.now(timezone.utc):%Y-%m}", "--to=months", "--json"], capsys)
    answer(["pull", "nowhere", "--root=elsewhere", "--json"], capsys, 4)

    told = answer(["evidence", "--html=page.html", "--json"], capsys)
    assert kinds(told) == [
        ("backup", "passed"), ("verification", "passed"), ("verification", "passed"), ("verification", "passed"),
        ("daily", "passed"), ("restore", "passed"), ("prune", "passed"),
        ("push", "passed"), ("pull", "passed"), ("archive", "passed"), ("pull", "error"),
    ]  # fmt: skip
    assert [one["hash"] for one in told["entries"][:2]] == taken["evidence"]
    *_, sent, fetched, month, missing = told["entries"]
    assert [one["hash"] for one in (sent, fetched, month)] == [
        *pushed["evidence"], *pulled["evidence"], *packed["evidence"]
    ]  # fmt: skip
    assert "no complete backup" in missing["facts"]["error"]
    digest = manifest.sha256(Path(taken["folder"]) / manifest.MANIFEST)
    assert (sent["facts"]["url"], sent["facts"]["manifest"]) == (pushed["url"], digest)
    assert (fetched["facts"]["place"], fetched["facts"]["manifest"]) == (pulled["folder"], digest)
    assert month["facts"]["archived"][0]["sha256"] == packed["archived"][0]["sha256"]
    [one] = told["databases"]
    assert (one["environment"], one["database"]) == ("staging", shop.dbname)
    assert (one["backups"], one["verified"], one["proven"], one["restored"]) == (1, 3, 3, 1)
    assert [point["seconds"] for point in one["rto_seconds"]["points"]][-1] == done["rto_seconds"]
    assert one["rpo_seconds"]["points"]
    assert (told["faults"], told["notes"]) == ([], [])
    assert {control["control"]: sum(control["entries"].values()) for control in told["controls"]} == {
        "A1.2": 8, "A1.3": 5, "A.8.13": 9,
    }  # fmt: skip
    page = (tmp_path / "page.html").read_text("utf-8")
    assert all(entry["hash"][:12] in page for entry in told["entries"])
    assert "intact" in page
    assert answer(["evidence", "--from=2020-01-01", "--to=2020-12-31", "--json"], capsys)["entries"] == []

    # A backup that is not what its entry says, one that is gone, and one that nobody recorded.
    folder = Path(taken["folder"])
    shutil.copytree(folder, folder.with_name("20200101T000000Z"))
    shutil.rmtree(folder)
    told = answer(["evidence", "--json"], capsys)
    assert told["faults"] == []
    assert [note.partition(": ")[0] for note in told["notes"]] == [str(folder)]
    known = manifest.load(folder.with_name("20200101T000000Z"))
    folder.with_name("20200101T000000Z").rename(folder)
    (folder / manifest.MANIFEST).chmod(0o600)
    manifest.write(folder, replace(known, source="somebody@elsewhere"))
    told = answer(["evidence", "--json"], capsys, 1)
    assert told["faults"] == [f"{folder}: the manifest is not the one of its entry"]


def test_what_failed_and_what_was_broken_off_are_entries_too(
    shop: Address, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = answer(["backup", f"--source={uri(shop)}", "--json"], capsys)
    archive = Path(taken["folder"]) / manifest.ARCHIVE
    files = [path for path in archive.rglob("*") if path.is_file()] if archive.is_dir() else [archive]
    for file in files:
        file.chmod(0o600)
        file.write_bytes(file.read_bytes()[:-10])
    answer(["verify", "--json"], capsys, 1)
    answer(["backup", f"--source={uri(shop, 'pgsafe_no_such_database')}", "--json"], capsys, 4)
    told = answer(["evidence", "--json"], capsys)
    assert kinds(told) == [("backup", "passed"), ("verification", "failed"), ("backup", "error")]
    assert told["entries"][1]["facts"]["outcomes"]["checksums"] == "failed"
    assert "pgsafe_no_such_database" in told["entries"][2]["facts"]["error"]
    assert told["databases"][0]["rto_seconds"]["points"] == []

    lines = (tmp_path / "kept" / chain.FILE).read_bytes().splitlines(keepends=True)
    (tmp_path / "kept" / chain.FILE).write_bytes(b"".join(lines[:2]))
    told = answer(["evidence", "--json"], capsys, 1)
    assert told["faults"] == ["at least 1 of 3 lines are missing: entries were cut off the end"]


def test_evidence_that_cannot_be_kept_is_told_before_the_backup(
    shop: Address, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PGSAFE_EVIDENCE_ROOT", "file")
    told = answer(["backup", f"--source={uri(shop)}", "--json"], capsys, 4)
    assert told["error"]["message"] == "the evidence cannot be written"
    assert not (tmp_path / "kept").exists()


def test_a_rehearsal_leaves_its_receipt(
    tmp_path: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGSAFE_SERVER", "PGSAFE_SOURCE"):
        monkeypatch.delenv(name, raising=False)
    pytester.makefile(".sql", schema="create table a (id int primary key);\ninsert into a values (1);")
    pytester.makefile(".sql", up="alter table a add column b int;")
    pytester.makefile(".toml", pgsafe='[retry]\npoints = 0\n[evidence]\nroot = "kept"\n')
    done = pytester.runpytest_subprocess(
        "--pgsafe", "--pgsafe-source=schema.sql", "--pgsafe-migration=up.sql", "--pgsafe-server=local",
        "--pgsafe-report=out.receipt.json",
    )  # fmt: skip
    assert done.ret == 0, done.stdout.str()
    found = chain.read(pytester.path / "kept", None)
    receipt = json.loads((pytester.path / "out.receipt.json").read_text("utf-8"))
    [entry] = found.entries
    assert found.faults == ()
    assert (entry.kind, entry.result, entry.facts) == ("rehearsal", "passed", receipt["facts"])

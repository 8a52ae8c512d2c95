"""``pgsafe archive``: a month's newest proven backup in one file, which gives back what it got or is refused."""

from __future__ import annotations

import gzip
import io
import os
import random
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest
from psycopg import sql

from pytest_pgsafe.backup import manifest, packed, proof
from pytest_pgsafe.backup.archive import recognise
from pytest_pgsafe.cli import run
from pytest_pgsafe.errors import BackupError, ConfigError
from pytest_pgsafe.progress import Progress
from pytest_pgsafe.runbook.monthly import before
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from tests.server.runbook import SCHEMA, answer, uri


@pytest.fixture(scope="module")
def database_of_module(server: Server) -> Iterator[Address]:
    address = server.create(f"pgsafe_archive_{os.getpid()}")
    with connect(address, read_only=False) as connection:
        connection.execute("set search_path = public")
        connection.execute(SCHEMA)
    yield address
    server.drop(address)


@pytest.fixture(scope="module")
def proven(database_of_module: Address, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A proven backup."""
    root = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPASSWORD", database_of_module.parameters.get("password", ""))
        scratch = f"--server={uri(database_of_module, 'postgres')}"
        arguments = ["backup", f"--source={uri(database_of_module)}", f"--root={root}", "--environment=e", "--no-plain"]
        assert run([*arguments, "--verify", scratch]) == 0
    (folder,) = (root / "e").iterdir()
    return folder


def dated(backup: Path, folder: Path, taken_at: datetime, *, verified: bool = True) -> Path:
    """Copy a backup as one of another time."""
    shutil.copytree(backup, folder)
    manifest.write(folder, replace(manifest.load(folder), taken_at=taken_at))
    found = proof.read(backup)
    assert found is not None
    (folder / manifest.PROOF).unlink()
    if verified:
        proof.write(folder, replace(found, manifest=manifest.sha256(folder / manifest.MANIFEST)))
    return folder


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def test_a_month_is_one_file_that_verifies_and_restores(
    proven: Path, database_of_module: Address, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("PGPASSWORD", database_of_module.parameters.get("password", ""))
    place = tmp_path / "kept" / "e"
    dated(proven, place / "1", utc("2026-10-03T10:00"))
    newest = dated(proven, place / "2", utc("2026-10-31T23:59"))
    later = dated(proven, place / "3", utc("2026-10-31T23:59:30"), verified=False)
    dated(proven, place / "4", utc("2026-11-01T00:00"))
    # One that is being written.
    shutil.copytree(newest, place / ".20261031T235959Z.partial-1")
    root = str(tmp_path / "kept")
    found = answer(["archive", root, "--month=2026-10", "--json"], capsys)
    (one,) = found["archived"]
    file = Path(one["file"])
    assert (one["backup"], one["new"], found["failures"]) == (str(newest), True, [])
    assert file == place / f"{database_of_module.dbname}-2026-10.tar.gz"
    assert {path.name for path in place.iterdir() if path.is_file()} == {file.name, f"{file.name}.sha256"}
    assert file.stat().st_mode & 0o777 == 0o600
    subprocess.run(["sha256sum", "--check", "--quiet", f"{file.name}.sha256"], cwd=place, check=True)
    # Without pgsafe.
    subprocess.run(["tar", "-xzf", str(file)], cwd=tmp_path, check=True)
    assert manifest.describe(tmp_path / "2", everything=True) == manifest.describe(newest, everything=True)
    # With it, from the file.
    scratch = f"--server={uri(database_of_module, 'postgres')}"
    assert answer(["verify", str(file), scratch, "--json"], capsys)["proven"] is True
    new = f"{database_of_module.dbname}_new"
    try:
        into = f"--into={uri(database_of_module, new)}"
        assert answer(["restore", str(file), into, "--json"], capsys)["rows"] == 1000
    finally:
        with connect(database_of_module.with_(dbname="postgres"), read_only=False) as session:
            session.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(new)))
    # Other commands see the backups as before.
    assert len(answer(["prune", root, "--json"], capsys)["kept"]) == 4
    # Once more: read back. Another backup: refused, and nothing is replaced.
    content = file.read_bytes()
    assert answer(["archive", root, "--month=2026-10", "--json"], capsys)["archived"][0]["new"] is False
    known = proof.read(newest)
    assert known is not None
    proof.write(later, replace(known, manifest=manifest.sha256(later / manifest.MANIFEST)))
    refused = answer(["archive", root, "--month=2026-10", "--json"], capsys, status=1)
    assert "none is ever replaced" in refused["failures"][0]
    assert file.read_bytes() == content
    elsewhere = ["archive", root, "--month=2026-10", f"--to={tmp_path / 'to'}", "--environment=e", "--json"]
    assert Path(answer(elsewhere, capsys)["archived"][0]["file"]) == tmp_path / "to" / "e" / file.name


def test_nothing_proven_is_no_archive(proven: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "kept"
    one = dated(proven, root / "e" / "1", utc("2026-10-03T10:00"), verified=False)
    told = answer(["archive", str(root), "--month=2026-10", "--json"], capsys, status=1)
    assert "none of 1 backups of 2026-10 is proven" in told["failures"][0]
    assert "no backup of 2026-09" in str(answer(["archive", str(root), "--month=2026-09", "--json"], capsys, status=4))
    assert "is no month" in str(answer(["archive", str(root), "--month=2026-13", "--json"], capsys, status=4))
    two = dated(proven, root / "e" / "2", utc("2026-10-04T10:00"))
    (two / "schema.sql").write_text("select 1;")
    told = answer(["archive", str(root), "--month=2026-10", "--json"], capsys, status=1)
    assert "not what its manifest says" in told["failures"][0]
    assert {path.name for path in (root / "e").iterdir()} == {one.name, two.name}
    assert [before(utc(text)) for text in ("2026-01-01", "2026-03-31T23:00", "2026-12-01")] == [
        "2025-12", "2026-02", "2026-11"
    ]  # fmt: skip


class Meddles(Progress):
    """Alters a file of a backup while it is being packed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, step: str, done: int = 0, total: int | None = None) -> None:
        if step.startswith("pack") and not done:
            content = self.path.read_bytes()
            self.path.write_bytes(bytes([content[0] ^ 1]) + content[1:])


def test_what_is_altered_while_it_is_packed_gets_no_name(proven: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    shutil.copytree(proven, folder)
    for name in ("schema.sql", manifest.ARCHIVE, manifest.MANIFEST):
        content = (folder / name).read_bytes()
        with pytest.raises(BackupError, match="does not hold what the backup does"):
            packed.pack(folder, tmp_path / "to" / "x.tar.gz", Meddles(folder / name))
        assert list((tmp_path / "to").iterdir()) == []
        (folder / name).write_bytes(content)
    assert packed.pack(folder, tmp_path / "to" / "x.tar.gz").new


def test_a_file_gives_back_what_it_got_or_is_refused(proven: Path, tmp_path: Path) -> None:
    file = tmp_path / "x.tar.gz"
    # What one that was killed has left.
    (tmp_path / ".x.tar.gz.partial").write_bytes(b"half")
    packed.pack(proven, file)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.tar.gz", "x.tar.gz.sha256"]
    content = file.read_bytes()
    chance = random.Random(7)
    damaged = tmp_path / "damaged.tar.gz"
    # The last of them are gzip's own checksum.
    places = [len(content) - 1, len(content) - 6, *(chance.randrange(len(content)) for _ in range(58))]
    for number, place in enumerate(places):
        if number < 40:
            damaged.write_bytes(content[:place] + bytes([content[place] ^ 1 << number % 8]) + content[place + 1 :])
        else:
            damaged.write_bytes(content[:place])
        root = tmp_path / str(number)
        root.mkdir()
        try:
            folder = packed.unpack(damaged, root)
            manifest.read(folder)
        except BackupError:
            continue
        # What of gzip's own header says nothing, its time for one.
        assert manifest.describe(folder, everything=True) == manifest.describe(proven, everything=True)
        assert place < 10
    with pytest.raises(ConfigError, match="a backup that was packed"):
        recognise(file)


@pytest.mark.parametrize("which", ["more", "longer", "manifest"])
def test_an_archive_that_holds_more_than_its_manifest_says(proven: Path, tmp_path: Path, which: str) -> None:
    """A small file that would fill the disk is left where its manifest ends."""
    file = tmp_path / "bomb.tar.gz"
    size = 1 << 30
    with gzip.open(file, "wb", compresslevel=1) as packed_, tarfile.open(fileobj=packed_, mode="w") as tar:
        names = [manifest.MANIFEST, "facts.json", *(["more"] if which == "more" else [])]
        for name in names:
            content = b"" if name == "more" else (proven / name).read_bytes()
            entry = tarfile.TarInfo(f"{proven.name}/{name}")
            grown = which == "more" or (which == "longer" and name == "facts.json") or which == "manifest"
            padded = grown and name == {"more": "more", "longer": "facts.json", "manifest": manifest.MANIFEST}[which]
            entry.size = size if padded else len(content)
            tar.addfile(entry, Padded(content, entry.size))
    root = tmp_path / "root"
    root.mkdir()
    with pytest.raises(BackupError, match=r"holds more than its manifest says|is damaged"):
        packed.unpack(file, root)
    assert sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) < size // 8


class Padded(io.RawIOBase):
    """Content with zeros behind it."""

    def __init__(self, content: bytes, size: int) -> None:
        self._content, self._left = content, size

    def read(self, size: int = -1) -> bytes:
        size = min(self._left, size if size >= 0 else self._left)
        head, self._content = self._content[:size], self._content[size:]
        self._left -= size
        return head + bytes(size - len(head))

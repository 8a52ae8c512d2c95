"""A full disk: exit status 4 and one message, nothing lost, nothing left, nothing that looks complete."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pytest_pgsafe.backup import manifest
from pytest_pgsafe.config.values import Source
from pytest_pgsafe.copy.source import examine
from pytest_pgsafe.runbook import before
from pytest_pgsafe.runbook.keep import keep
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from tests.server.runbook import answer, uri

#: Bytes as they are in the database and in SQL, and next to nothing in an archive.
WIDE = """
create table public.wide (id int primary key, body text);
alter table public.wide alter column body set storage external;
insert into public.wide select n, repeat('x', 100000) from generate_series(1, 700) n;
"""
MIB = 100


@pytest.fixture
def small() -> Iterator[Path]:
    """A disk of 100 MiB, unmounted in every case."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    # Not below pytest's own folder, where a server's user may not go.
    place = Path(tempfile.mkdtemp(prefix="small-disk-"))
    place.chmod(0o755)
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={MIB}m,mode=1777", "pgsafe-test", str(place)]
    done = subprocess.run(mounting, capture_output=True, text=True, check=False)
    if done.returncode:
        place.rmdir()
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
        place.rmdir()


@pytest.fixture(scope="module")
def wide(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Address, Path]]:
    if server.kind != "local":
        pytest.skip("the disk is one of this machine")
    database = server.create("wide")
    with connect(database, read_only=False) as session:
        session.execute(WIDE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPASSWORD", database.parameters.get("password", ""))
        root = tmp_path_factory.mktemp("root")
        source = examine(Source(dsn=uri(database)))
        taken = keep(source, root, environment="e", retain=timedelta(0), jobs=1, plain=False)
    assert taken.archive.folder is not None
    yield database, taken.archive.folder
    server.drop(database)


def test_a_scratch_disk_that_is_full_says_nothing_of_the_backup(
    wide: tuple[Address, Path], small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    folder = wide[1]
    monkeypatch.setattr(tempfile, "tempdir", str(small))
    told = answer(["verify", str(folder), "--server=local", "--json"], capsys, status=4)["error"]
    assert told["message"].startswith("a disk is full: what was begun is gone again"), told
    assert not (folder / manifest.PROOF).exists()
    assert list(small.iterdir()) == []
    # The same of pytest, whose checks have no verdict.
    report = tmp_path / "report.json"
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--pgsafe", f"--pgsafe-source={folder}",
        "--pgsafe-server=local", f"--pgsafe-report={report}",
    ]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        command, cwd=tmp_path, env={**environment, "TMPDIR": str(small)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 4, done.stdout + done.stderr
    assert "a disk is full" in done.stdout
    assert json.loads(report.read_text())["result"] == "error"
    assert list(small.iterdir()) == []


#: Its WAL fills the disk, which ends the server; what lies in its temporary file is free again when somebody looks.
CRASHES = """
set work_mem = '64kB';
with made as materialized (select repeat(md5(n::text), 3000) as b from generate_series(1, 250) n)
select count(pg_logical_emit_message(false, 'x', b||b||b||b||b||b||b||b||b||b)) from made;
"""


def test_a_server_that_ends_for_it_during_a_migration(server: Server, small: Path, tmp_path: Path) -> None:
    if server.kind != "local":
        pytest.skip("the disk is one of this machine")
    (tmp_path / "schema.sql").write_text("create table t (id int primary key); insert into t values (1);")
    (tmp_path / "migration.sql").write_text(CRASHES)
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--pgsafe", "--pgsafe-source=schema.sql",
        "--pgsafe-server=local", "--pgsafe-migration=migration.sql",
    ]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        command, cwd=tmp_path, env={**environment, "TMPDIR": str(small)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 4, done.stdout + done.stderr
    assert "a disk is full" in done.stdout
    assert list(small.iterdir()) == []


def test_a_backup_whose_disk_is_full_leaves_what_was_there(
    wide: tuple[Address, Path], small: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = wide[0]
    monkeypatch.setenv("PGPASSWORD", source.parameters.get("password", ""))
    take = ["backup", f"--source={uri(source)}", f"--root={small / 'root'}", "--environment=e", "--json"]
    assert answer(take, capsys, status=4)["error"]["message"].startswith("too little disk")
    # Something else fills it after that was looked at.
    monkeypatch.setattr(before, "ROOM", 0)
    first = Path(answer([*take, "--no-plain"], capsys)["folder"])
    (small / "something").write_bytes(b"\0" * (60 << 20))
    told = answer(take, capsys, status=4)["error"]
    assert told["message"].startswith("a disk is full"), told
    assert list(first.parent.iterdir()) == [first]
    assert manifest.read(first)
    assert [
        one["folder"] for one in answer(["status", str(small / "root"), "--json"], capsys, status=1)["backups"]
    ] == [str(first)]

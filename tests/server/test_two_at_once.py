"""Two projects are rehearsed on one machine at the same time: neither sees the other, and nothing of them is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_pgsafe.server.programs import LocalPrograms
from tests.tiers import FULL

PROJECTS = ("crm", "shop")
#: Under xdist, too, with PGSAFE_TEST_FULL=1.
WORKERS = ["", "-n2"] if FULL else [""]


@pytest.fixture
def place() -> Iterator[Path]:
    """A temporary folder for both, with room for a socket, where the servers' users may go."""
    with tempfile.TemporaryDirectory(prefix="two-", dir="/tmp", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o1777)
        yield Path(name)


@pytest.mark.parametrize("workers", WORKERS)
def test_each_comes_to_its_own_verdict(programs: LocalPrograms, place: Path, tmp_path: Path, workers: str) -> None:
    assert programs.folder
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PGSAFE"))}
    running: dict[str, subprocess.Popen[str]] = {}
    for name in PROJECTS:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "schema.sql").write_text(f"create table {name} (id int primary key); insert into {name} values (1);")
        (folder / "migration.sql").write_text(f"alter table {name} add column note text;")
        command = [
            sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--pgsafe", "--pgsafe-source=schema.sql",
            "--pgsafe-migration=migration.sql", "--pgsafe-server=local", "--pgsafe-report=report.json",
            *filter(None, [workers]),
        ]  # fmt: skip
        running[name] = subprocess.Popen(
            command, cwd=folder, env={**kept, "TMPDIR": str(place)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip
    for name, process in running.items():
        output = process.communicate()[0]
        assert process.returncode == 0, output
        report = json.loads((tmp_path / name / "report.json").read_text())
        assert report["result"] == "passed"
        assert [table["table"] for table in report["tables"]] == [f"public.{name}"]
    assert list(place.glob("pgsafe-*")) == []

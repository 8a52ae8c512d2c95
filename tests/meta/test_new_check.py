"""The skeleton of a new check is found by every test that asks for what a check has, until it is filled."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.new_check import write

ROOT = Path(__file__).parents[2]


def test_a_skeleton_fails_until_it_is_filled(tmp_path: Path) -> None:
    for name in ("pytest_pgsafe", "fixtures/checks", "docs/checks", "tests/unit", "tests/meta"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    made = write(tmp_path, "PGS110", "rows-renumbered", "rows")
    assert tmp_path / "pytest_pgsafe" / "checks" / "rows_renumbered.py" in made

    def failed(*arguments: str) -> set[str]:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *arguments],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1, done.stdout + done.stderr
        return {line.split()[1].partition("::")[2] for line in done.stdout.splitlines() if line.startswith("FAILED")}

    assert failed("tests/meta/test_checks.py") == {"test_pages_are_rendered", "test_a_skeleton_is_filled[PGS110]"}
    assert failed("tests/unit/test_checks_rows_renumbered.py") == {"test_rows_renumbered"}

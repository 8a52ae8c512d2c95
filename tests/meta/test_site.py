"""The site and the list of changes are built from what lies here, and nothing in them leads nowhere."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FRAGMENTS = sorted(path for path in (ROOT / "changelog.d").glob("*.md") if path.name != "README.md")


def site(pages: Path, into: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "-q", "-n", "-W", "--keep-going", "-b", "html", str(pages), str(into)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    done = site(ROOT / "docs", tmp_path / "site")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "site" / "how-to" / "ci.html").read_text("utf-8")
    assert "GitHub Actions" in page


@pytest.mark.parametrize("harm", ["[nowhere](nowhere.md)", "[nowhere](security.md#no-such-heading)"])
def test_a_link_that_leads_nowhere_fails_the_build(tmp_path: Path, harm: str) -> None:
    pages = tmp_path / "docs"
    pages.mkdir()
    for name in ("conf.py", "security.md"):
        shutil.copy(ROOT / "docs" / name, pages)
    (pages / "index.md").write_text(f"# Pages\n\n```{{toctree}}\nsecurity\n```\n\n{harm}\n", encoding="utf-8")
    done = site(pages, tmp_path / "site")
    assert done.returncode != 0
    assert "xref_missing" in done.stderr


def test_a_page_stands_in_the_sites_contents() -> None:
    contents = (ROOT / "docs" / "index.md").read_text("utf-8")
    pages = {path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    missing = {page for page in pages if page not in contents.split() and not page.startswith("checks/PGS")}
    assert missing == {"index"}


def test_every_change_is_gathered() -> None:
    command = [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # Lines are wrapped.
    gathered = "".join(done.stdout.split())
    missing = [path.name for path in FRAGMENTS if "".join(path.read_text("utf-8").split()) not in gathered]
    assert FRAGMENTS
    assert missing == []

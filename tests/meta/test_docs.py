"""The documentation is run: files are written, commands are called, and their output is what the page shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiers import FULL

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if "```console" in page.read_text(encoding="utf-8"))
#: Of the tutorials, which are alike, CI runs the one with .sql files; what the page about migrations shows, other tests
#: show, too.
_MORE = frozenset({"alembic", "django", "migrations"})
_BLOCK = re.compile(r"(?:^File `(?P<name>[^`]+)`:\n\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_does_what_it_says(page: Path, tmp_path: Path) -> None:
    if page.stem in _MORE and not FULL:
        pytest.skip("of what is alike CI runs a part; .ci/full runs all of it")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "PYTEST"))}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    ran = 0
    for block in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        if block["name"]:
            (tmp_path / block["name"]).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / block["name"]).write_text(block["text"], encoding="utf-8")
        elif block["kind"] == "console":
            status = 0
            for command in re.split(r"^\$ ", block["text"], flags=re.MULTILINE)[1:]:
                line, _, expected = command.partition("\n")
                done = subprocess.run(
                    # echo $? speaks of the command before.
                    ["sh", "-c", f"(exit {status}); {line}"],
                    cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                )  # fmt: skip
                status = done.returncode
                assert shown(expected).fullmatch(done.stdout), f"$ {line}\n{done.stdout}\nwanted:\n{expected}"
                ran += 1
    assert ran


def shown(expected: str) -> re.Pattern[str]:
    """Return a pattern for an output: a line that is … stands for any lines, … within a line for any text."""
    pattern = ""
    for line in expected.splitlines(keepends=True):
        if line.strip() == "…":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += re.escape(line.rstrip("\n")).replace("…", ".*") + "\n"
    return re.compile(pattern)

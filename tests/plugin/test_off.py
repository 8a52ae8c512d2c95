"""Without ``--pgsafe``: nothing is loaded, read, collected or touched, and marked tests say why they are skipped."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

MARKED = {"test_marked.py": "import pytest\n@pytest.mark.pgsafe\ndef test_marked(): pass\ndef test_plain(): pass\n"}
HEAVY = ("psycopg", "testcontainers", "sqlglot", "deepdiff", "pydantic", "filelock", "pytest_pgsafe.config")


def loaded(project: Project, *arguments: str) -> set[str]:
    """Return the modules that a run of pytest has loaded at its end."""
    program = (
        "import sys, pytest\n"
        "class Last:\n"
        "    def pytest_unconfigure(self): print('MODULES', *sys.modules)\n"
        f"pytest.main({[*arguments]!r}, plugins=[Last()])\n"
    )
    # Other plugins may load anything: only ours is there.
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "pytest_pgsafe.plugin"},
        cwd=project.path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("MODULES")]
    assert lines, done.stdout + done.stderr
    return set(lines[0].split())


def test_nothing_heavy_is_loaded(project: Project) -> None:
    project.write(MARKED)
    modules = loaded(project, "-q")
    assert "pytest_pgsafe.plugin" in modules
    assert not modules & set(HEAVY)


def test_the_light_load_can_be_seen_to_fail(project: Project) -> None:
    modules = loaded(project, "-q", "--collect-only", "--pgsafe", "--pgsafe-source=schema.sql")
    assert {"pydantic", "filelock", "pytest_pgsafe.config"} <= modules


def test_marked_tests_are_skipped_with_the_reason(project: Project) -> None:
    project.write(MARKED)
    result = project.run("-rs", "--strict-markers")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*pgsafe is off: --pgsafe or PGSAFE=1 turns it on"])


def test_marked_tests_run_with_it_and_without_a_source(project: Project) -> None:
    project.write(MARKED)
    result = project.run("--pgsafe", "--strict-markers")
    result.assert_outcomes(passed=2)
    assert result.ret == 0


def test_nothing_is_collected_and_no_configuration_is_read(project: Project) -> None:
    project.write({**MARKED, "pgsafe.toml": "this is no TOML"})
    result = project.run("--pgsafe-source=schema.sql", "--pgsafe-report=out.json")
    result.assert_outcomes(passed=1, skipped=1)
    assert not (project.path / "out.json").exists()


@pytest.mark.parametrize("value", ["", "0", "no"])
def test_the_variable_off(project: Project, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PGSAFE", value)
    project.write(MARKED)
    project.run().assert_outcomes(passed=1, skipped=1)


def test_the_variable_on(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSAFE", "1")
    monkeypatch.setenv("PGSAFE_SOURCE", "schema.sql")
    result = project.run("--collect-only", "-q")
    result.stdout.fnmatch_lines(["pgsafe.toml::restore"])


def test_the_variable_that_is_neither(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSAFE", "maybe")
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*PGSAFE: 'maybe' is neither on nor off*", "*remedy: set PGSAFE=1*"])


def test_without_the_plugin(project: Project) -> None:
    project.write({"test_plain.py": "def test_plain(): pass\n"})
    project.run_apart("-p", "no:pgsafe", "--strict-markers").assert_outcomes(passed=1)
    result = project.run_apart("-p", "no:pgsafe", "--pgsafe")
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_options_are_in_the_help(project: Project) -> None:
    text = project.run("--help").stdout.str()
    for option in (
        "source", "migration", "rollback", "server", "image", "report", "config", "strict", "update", "keep", "from"
    ):  # fmt: skip
        assert f"--pgsafe-{option}" in text

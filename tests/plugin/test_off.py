"""Without ``--pgsafe``: nothing is loaded, read, collected or touched, and marked tests say why they are skipped."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import pytest_pgsafe.config
from pytest_pgsafe.plugin import off

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
    result = project.run()
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.no_fnmatch_line("*pgsafe is off:*")


def test_options_of_the_call_are_refused_with_the_remedy(project: Project) -> None:
    project.write(MARKED)
    result = project.run("--pgsafe-source=schema.sql", "--pgsafe-migration=loss.sql", "--pgsafe-strict")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "*--pgsafe-source, --pgsafe-migration, --pgsafe-strict have no effect: pgsafe is off*",
            "*remedy: turn it on: --pgsafe, or PGSAFE=1*",
        ]
    )
    result.stdout.no_fnmatch_line("*passed*")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--pgsafe-strict",),
        ("--pgsafe-report", "out.json"),
        ("-q", "test_marked.py", "--pgsafe-from=2"),
        ("--collect-only", "--pgsafe-update"),
        ("@arguments",),
    ],
)
def test_each_option_of_the_call_is_refused(project: Project, arguments: tuple[str, ...]) -> None:
    project.write({**MARKED, "arguments": "--pgsafe-keep\n"})
    if arguments[0].startswith("@") and pytest.version_tuple < (8, 2):
        pytest.skip("pytest reads no file of arguments before 8.2")
    result = project.run(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*has no effect: pgsafe is off*", "*or leave it out*"])


def test_a_variable_that_turns_it_off_refuses_options_of_the_call(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSAFE", "0")
    result = project.run("--pgsafe-strict")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    monkeypatch.delenv("PGSAFE")
    monkeypatch.setenv("PGSAFE_STATIC", "no")
    assert project.run("--pgsafe-strict").ret == pytest.ExitCode.USAGE_ERROR


def test_help_and_names_that_are_no_options_are_left_alone(project: Project) -> None:
    project.write(MARKED)
    assert project.run("--help", "--pgsafe-strict").ret == 0
    result = project.run("test_marked.py", "--", "--pgsafe-strict")
    result.stderr.no_fnmatch_line("*pgsafe is off*")


def test_addopts_and_variables_wait_and_the_head_says_so(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write({**MARKED, "pytest.ini": "[pytest]\naddopts = --pgsafe-strict\n"})
    monkeypatch.setenv("PYTEST_ADDOPTS", "--pgsafe-source=schema.sql")
    monkeypatch.setenv("PGSAFE_MIGRATION", "loss.sql")
    monkeypatch.setenv("PGSAFE_KEEP", "off")
    result = project.run()
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(
        ["pgsafe is off: --pgsafe-source, --pgsafe-strict, PGSAFE_MIGRATION have no effect in this run*"]
    )
    monkeypatch.setenv("PGSAFE", "1")
    on = project.run("--collect-only", "-q")
    assert "pgsafe.toml::rows" in on.outlines


@pytest.mark.parametrize("name", ["PGSAFE_SOURCE", "PGSAFE_REPORT", "PGSAFE_STRICT"])
def test_each_variable_is_told(project: Project, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    project.write(MARKED)
    result = project.run()
    assert result.ret == 0
    result.stdout.fnmatch_lines([f"pgsafe is off: {name} has no effect in this run*"])


def test_the_variables_that_are_told_are_those_that_are_read() -> None:
    read = {
        name
        for path in Path(pytest_pgsafe.config.__file__).parent.glob("*.py")
        for name in re.findall(r'"(PGSAFE_[A-Z_]+)"', path.read_text(encoding="utf-8"))
    }
    assert {*off._VARIABLES, *off._FLAGS} == read - {"PGSAFE_STATIC"}


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

"""Exit status 4: found out before the first step, in the controlling process, with what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_pgsafe.server.base import Server
    from tests.plugin.conftest import Project

OTHER = {"test_other.py": "def test_other(): pass\n"}


def refused(result: pytest.RunResult, *said: str) -> None:
    assert result.ret == pytest.ExitCode.USAGE_ERROR, result.stdout.str() + result.stderr.str()
    text = result.stderr.str()
    for part in said:
        assert part in text
    assert "remedy:" in text
    assert "Traceback" not in text + result.stdout.str()


@pytest.mark.parametrize("arguments", [(), ("-k", "nothing"), ("-m", "pgsafe"), (".",)])
def test_nothing_of_ours_at_all(project: Project, arguments: tuple[str, ...]) -> None:
    project.write(OTHER)
    refused(project.run("--pgsafe", *arguments), "nothing to check", "--pgsafe-source=X")


def test_nothing_of_ours_in_an_empty_folder_that_is_only_looked_at(project: Project) -> None:
    refused(project.run("--pgsafe", "--collect-only"), "nothing to check")


def test_the_file_of_a_folder_above_is_named(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write({"pgsafe.toml": '[source]\nsql = ["a.sql"]\n', "below/pytest.ini": "[pytest]\n"})
    monkeypatch.chdir(project.path / "below")
    above = project.path / "pgsafe.toml"
    refused(project.run("--pgsafe"), "lies in a folder above", f"--pgsafe-config={above}")


def test_nothing_of_ours_under_xdist(project: Project) -> None:
    project.write(OTHER)
    refused(project.run_apart("--pgsafe", "-n", "2"), "nothing to check", "--pgsafe-source=X")


def test_marked_tests_are_something_of_ours_under_xdist(project: Project) -> None:
    project.write({"test_marked.py": "import pytest\n@pytest.mark.pgsafe\ndef test_marked(): pass\n"})
    project.run_apart("--pgsafe", "-n", "2").assert_outcomes(passed=1)


def test_ids_of_other_tests_are_no_mistake(project: Project) -> None:
    project.write(OTHER)
    result = project.run("--pgsafe", "test_other.py::test_other")
    result.assert_outcomes(passed=1)
    assert result.ret == 0


def test_everything_of_ours_left_out_is_no_mistake(project: Project) -> None:
    project.write(OTHER)
    result = project.run(*project.needed, "-k", "other", "--pgsafe-report=out.json")
    result.assert_outcomes(passed=1)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*the rehearsal was not begun*"])
    assert project.report()["result"] == "error"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--pgsafe-source=gone.sql",), ("'gone.sql'", "looked at: ")),
        (("--pgsafe-source=schema.sql", "--pgsafe-migration=gone.sql"), ("'gone.sql' does not exist", "cmd:COMMAND")),
        (("--pgsafe-source=schema.sql", "--pgsafe-report=out.xml"), ("out.xml", ".json, .md, .html")),
        (("--pgsafe-source=schema.sql", "--pgsafe-server=dokcer"), ("dokcer", "auto, container, local")),
        (("--pgsafe-source=schema.sql", "pgsafe.toml::rws"), ("no check 'rws'", "restore")),
        (("pgsafe.toml::rows",), ("no check 'rows'", "--pgsafe-source=X")),
    ],
)
def test_options_that_cannot_be_used(project: Project, arguments: tuple[str, ...], said: tuple[str, ...]) -> None:
    refused(project.run("--pgsafe", *arguments), *said)
    assert not (project.path / "out.json").exists()


def test_an_unknown_key(project: Project) -> None:
    project.write({"pgsafe.toml": '[source]\ndns = "dbname=x"\n'})
    refused(project.run("--pgsafe"), "unknown key source.dns", "did you mean source.dsn?")


def test_two_configurations(project: Project) -> None:
    project.write({"pgsafe.toml": "", "pyproject.toml": "[tool.pgsafe]\n"})
    refused(project.run("--pgsafe"), "both pgsafe.toml and [tool.pgsafe]")


def test_an_unknown_option(project: Project) -> None:
    result = project.run("--pgsafe-sorce=x")
    assert result.ret == pytest.ExitCode.USAGE_ERROR


UNREACHABLE = "host=127.0.0.1 port=1 dbname=crm user=u password=hush"


def test_a_source_that_cannot_be_reached(project: Project) -> None:
    result = project.run("--pgsafe", f"--pgsafe-source={UNREACHABLE}", "--pgsafe-report=out.json")
    refused(result, "127.0.0.1:1/crm", "looked at: ")
    assert not (project.path / "out.json").exists()
    assert "hush" not in result.stderr.str() + result.stdout.str()


def test_a_source_that_cannot_be_reached_under_xdist(project: Project) -> None:
    refused(project.run_apart("--pgsafe", f"--pgsafe-source={UNREACHABLE}", "-n", "2"), "127.0.0.1:1/crm")


@pytest.mark.parametrize("option", ["--collect-only", "--setup-plan", "--fixtures"])
def test_looking_at_tests_looks_at_no_source(project: Project, option: str) -> None:
    result = project.run("--pgsafe", f"--pgsafe-source={UNREACHABLE}", option, "--pgsafe-report=out.json")
    assert result.ret == 0, result.stderr.str()
    assert not (project.path / "out.json").exists()


def test_a_wrong_password(project: Project, server: Server) -> None:
    address = server.address()
    source = address.with_(password="not-this-one").url()
    refused(project.run("--pgsafe", f"--pgsafe-source={source}"), "password")
    assert "not-this-one" not in project.run("--pgsafe", f"--pgsafe-source={source}").stderr.str()


def test_a_plan_under_xdist(project: Project) -> None:
    source = f"--pgsafe-source={UNREACHABLE}"
    assert project.run_apart("--pgsafe", source, "--setup-plan", "-n", "1").ret == 0

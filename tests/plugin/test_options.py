"""Options, one by one, with what each says: from the command line and from the environment."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

SAFE = "--pgsafe-migration=additive.sql"
FOLDER = {"m/1_a.sql": "create table a ();\n", "m/2_b.sql": "create table b ();\n", "back.sql": "drop table b;\n"}


def header(project: Project, *arguments: str) -> str:
    result = project.run("--pgsafe", "--collect-only", *arguments)
    assert result.ret == 0, result.stdout.str() + result.stderr.str()
    return result.stdout.str()


def refused(project: Project, *arguments: str) -> str:
    result = project.run("--pgsafe", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR, result.stdout.str() + result.stderr.str()
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    return result.stderr.str()


GIVEN = {
    "source": ("schema.sql", "source sql schema.sql"),
    "migration": ("additive.sql", "migration additive.sql"),
    "rollback": ("cmd:true", "rollback cmd:true"),
    "server": ("local", "server local"),
    "strict": ("1", "strict on"),
}


@pytest.mark.parametrize("name", GIVEN)
def test_the_header_says_where_a_setting_came_from(
    project: Project, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    text, shown = GIVEN[name]
    others = [f"--pgsafe-{other}={GIVEN[other][0]}" for other in ("source", "migration") if other != name]
    option = "--pgsafe-strict" if name == "strict" else f"--pgsafe-{name}={text}"
    assert f"{shown} (--pgsafe-{name})" in header(project, *others, option)
    variable = f"PGSAFE_{name.upper()}"
    monkeypatch.setenv(variable, text)
    assert f"{shown} ({variable})" in header(project, *others)
    # The command line wins.
    assert f"{shown} (--pgsafe-{name})" in header(project, *others, option)


def test_another_configuration_file(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write({"ci/other.toml": '[source]\nsql = ["../schema.sql"]\n', "pgsafe.toml": "strict = true\n"})
    for given in ("option", "variable"):
        if given == "variable":
            monkeypatch.setenv("PGSAFE_CONFIG", "ci/other.toml")
        text = header(project, *(["--pgsafe-config=ci/other.toml"] if given == "option" else []))
        assert "source sql schema.sql (other.toml)" in text
        assert re.search(r"pgsafe configuration: \S+/ci/other\.toml", text)
        assert "strict" not in text
    assert "PGSAFE_CONFIG: the configuration file 'ci/gone.toml' does not exist" in refused_by(
        project, monkeypatch, "PGSAFE_CONFIG", "ci/gone.toml"
    )


def refused_by(project: Project, monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> str:
    monkeypatch.setenv(variable, value)
    return refused(project)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("PGSAFE_STRICT", "perhaps", "PGSAFE_STRICT: 'perhaps' is neither on nor off"),
        ("PGSAFE_KEEP", "perhaps", "PGSAFE_KEEP: 'perhaps' is neither on nor off"),
        ("PGSAFE_SOURCE", "gone.sql", "PGSAFE_SOURCE: 'gone.sql' is no connection string"),
        ("PGSAFE_MIGRATION", "gone.sql", "PGSAFE_MIGRATION: the migration 'gone.sql' does not exist"),
        ("PGSAFE_REPORT", "out.txt", "PGSAFE_REPORT: no report format is known for 'out.txt'"),
        ("PGSAFE_SERVER", "cloud", "PGSAFE_SERVER: 'cloud' is no kind of server"),
    ],
)
def test_a_variable_that_cannot_be_used(
    project: Project, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    assert said in refused_by(project, monkeypatch, variable, value)


def test_an_image_without_an_engine(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    text = refused(
        project, "--pgsafe-source=schema.sql", "--pgsafe-server=container", "--pgsafe-image=example.org/postgres:17"
    )
    assert "docker.sock" in text
    assert "remedy: " in text


def test_files_that_are_applied(project: Project) -> None:
    project.write(FOLDER)
    folder = (*project.needed, "--pgsafe-migration=m")
    result = project.run(*folder, "--pgsafe-from=1", "-k", "nothing")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(["pgsafe migration: 1 of 2 files are applied already: --pgsafe-from=1"])
    needed = project.needed[1:]
    assert "no file of the folder is meant" in refused(project, *needed, "--pgsafe-migration=m", "--pgsafe-from=7")
    assert "is the last file of the folder" in refused(project, *needed, "--pgsafe-migration=m", "--pgsafe-from=2_b")
    assert "the migration is none" in refused(project, *needed, SAFE, "--pgsafe-from=1")
    assert "there is no migration whose files could be left out" in refused(project, *needed, "--pgsafe-from=1")


def test_a_way_back_alone(project: Project) -> None:
    assert "a way back without a migration" in refused(project, *project.needed[1:], "--pgsafe-rollback=additive.sql")


def test_a_way_back_that_leaves_something_and_what_was_kept_of_it(project: Project) -> None:
    project.write({"back.sql": "alter table people drop column email;\n"})
    result = project.rehearse(SAFE, "--pgsafe-rollback=back.sql", "--pgsafe-keep", "-k", "rollback or rows")
    text = result.stdout.str()
    keeper = re.search(r"stop and remove it: kill (\d+)", text)
    try:
        result.assert_outcomes(passed=1, failed=1, deselected=14)
        assert "public.people.age" in text
        assert keeper, text
        assert "kept: connect: PGSERVICEFILE=" in text
    finally:
        if keeper is not None:
            os.kill(int(keeper[1]), signal.SIGTERM)


def test_strict_makes_notes_of_behaviour_errors(project: Project) -> None:
    project.write({"schema.sql": "create table people (id int primary key, a int);\ncreate index i on people (a);\n"})
    project.write({"drop.sql": "drop index i;\n"})
    # Without the option this is a note, as the unit tests of the checks have it.
    result = project.rehearse("--pgsafe-migration=drop.sql", "-k", "schema", "--pgsafe-strict")
    result.assert_outcomes(failed=1, deselected=15)
    result.stdout.fnmatch_lines(["PGS*error: *public.i*"])

"""The command line without any server: what it imports, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest

from pytest_pgsafe.cli import run
from pytest_pgsafe.cli.main import COMMANDS, group


def test_help_waits_for_nothing_heavy() -> None:
    program = (
        "import sys; from pytest_pgsafe.cli import run; status = run(['--help']);"
        "heavy = {'psycopg', 'pydantic', 'pytest', 'boto3', 'apprise', 'sqlglot', 'rich'};"
        "print(status, sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"
    # Each with the whole of what it is for.
    assert all(f"  {command} " in done.stdout and said in done.stdout for command, said in COMMANDS.items())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_answers_in_json(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--no-such-option", "--json"]) == 4
    told = json.loads(capsys.readouterr().out)
    assert (told["format"], told["result"]) == ("pgsafe-command/1", "error")
    assert "--no-such-option" in told["error"]["message"]
    assert run([command, "--help"]) == 0
    found = group.get_command(click.Context(group), command)
    assert found is not None
    each = found.commands.values() if isinstance(found, click.Group) else [found]
    assert all("--json" in option.opts for one in each for option in one.params if option.name == "as_json")
    assert all(any(option.name == "as_json" for option in one.params) for one in each)


def test_what_nobody_expected_is_a_sentence_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by a defect")

    monkeypatch.setattr("pytest_pgsafe.runbook.ready.status", fail)
    assert run(["status", "."]) == 1
    assert "Traceback" not in (said := capsys.readouterr().err)
    assert "ZeroDivisionError: by a defect" in said

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pytest_pgsafe.runbook.ready.status", interrupt)
    assert run(["status", "."]) == 2


@pytest.mark.parametrize(
    "arguments", [["verify", ""], ["prune", "", "--apply"], ["backup", "--root="], ["backup", "--root", ""]]
)
def test_a_path_of_an_unset_variable_is_not_the_folder_of_the_call(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 4
    named = "an argument" if arguments[0] != "backup" else "--root"
    assert capsys.readouterr().err.startswith(f"pgsafe: {named} is empty")

"""What the runbook's commands are told by pgsafe.toml and the environment, and what is said of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click
import pytest

from pytest_pgsafe.cli import run
from pytest_pgsafe.cli.defaults import PARAMETERS
from pytest_pgsafe.cli.main import group
from pytest_pgsafe.config.commands import keys, variable
from pytest_pgsafe.config.sections import SECTIONS
from pytest_pgsafe.config.words import Section
from pytest_pgsafe.errors import ConfigError
from pytest_pgsafe.runbook import alerts
from pytest_pgsafe.storage.cipher import Cipher
from pytest_pgsafe.storage.open import open_store
from pytest_pgsafe.storage.store import Options

FILE = """
[backup]
root = "kept"
jobs = 3
plain = false
retain = "2w"
[retention]
daily = 3
yearly = 0
[alerts]
to = "https://alerts.example.org/pgsafe"
ping = ["https://ping.example.org", "https://other.example.org"]
[storage]
url = "off-site"
recipient = "age1abc"
[restore]
stop = "systemctl stop crm"
[evidence]
root = "evidence"
"""


def said(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 4) -> dict[str, Any]:
    """Run a command; return its answer."""
    capsys.readouterr()
    done = run([*arguments, "--json"])
    told = capsys.readouterr()
    assert done == status, told.out + told.err
    found: dict[str, Any] = json.loads(told.out)
    return found


@pytest.mark.parametrize("command", PARAMETERS)
def test_every_key_is_the_default_of_a_parameter(command: str) -> None:
    found: click.Command | None = group
    for word in command.split():
        assert isinstance(found, click.Group)
        found = found.get_command(click.Context(found), word)
    assert found is not None
    known = {parameter.name for parameter in found.params}
    assert known.issuperset({*PARAMETERS[command], "config"})
    for section, key in PARAMETERS[command].values():
        model: type[Section] = SECTIONS[(section,)]
        assert key in model.model_fields


def test_the_file_s_words_are_for_the_commands(tmp_path: Path) -> None:
    (tmp_path / "pgsafe.toml").write_text(FILE)
    assert keys(None, environment={}, here=tmp_path) == {
        "backup": {"root": str(tmp_path / "kept"), "jobs": 3, "plain": False, "retain": "2w"},
        "retention": {"daily": 3, "yearly": 0},
        "alerts": {
            "to": ["https://alerts.example.org/pgsafe"],
            "ping": ["https://ping.example.org", "https://other.example.org"],
        },
        "storage": {"url": str(tmp_path / "off-site"), "recipient": ["age1abc"]},
        "restore": {"stop": ["systemctl stop crm"]},
        "evidence": {"root": str(tmp_path / "evidence")},
    }
    # Paths and commands are the file's, wherever the call is made.
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    found = keys("../pgsafe.toml", environment={}, here=elsewhere)
    assert Path(found["backup"]["root"]).resolve() == tmp_path / "kept"
    (command,) = found["restore"]["stop"]
    assert command.endswith(" && systemctl stop crm")
    (elsewhere / "pyproject.toml").write_text('[tool.pgsafe.backup]\nroot = "here"\n')
    assert keys(None, environment={}, here=elsewhere)["backup"] == {"root": str(elsewhere / "here")}


def test_the_page_s_example_is_one(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    (block,) = [text for text in re.findall(r"```toml\n(.*?)```", page, re.DOTALL) if "[retention]" in text]
    (tmp_path / "pgsafe.toml").write_text(block, encoding="utf-8")
    found = keys(None, environment={}, here=tmp_path)
    assert found["retention"] == {"daily": 14}
    assert found["storage"]["encryption"] == "AES256"
    named = {(section, key) for parameters in PARAMETERS.values() for section, key in parameters.values()}
    assert [
        name for name in sorted(named) if f"`{name[1]}`" not in page and f"[{name[0]}] {name[1]}`" not in page
    ] == []


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "pgsafe.toml").write_text(FILE)
    told = {
        "PGSAFE_BACKUP_ROOT": "/srv/backups",
        "PGSAFE_BACKUP_PLAIN": "1",
        "PGSAFE_RETENTION_YEARLY": "9",
        "PGSAFE_STORAGE_URL": "s3://bucket/x",
        "PGSAFE_STORAGE_RECIPIENT": "ssh-ed25519 AAAA\nage1xyz",
        "PGSAFE_BACKUP_RETAIN": " ",
    }
    found = keys(None, environment=told, here=tmp_path)
    assert found["backup"] == {"root": "/srv/backups", "jobs": 3, "plain": True, "retain": "2w"}
    assert found["retention"] == {"daily": 3, "yearly": 9}
    assert found["storage"] == {"url": "s3://bucket/x", "recipient": ["ssh-ed25519 AAAA", "age1xyz"]}
    for name, text in {"PGSAFE_RETENTION_DAILY": "many", "PGSAFE_BACKUP_MAX_AGE": "soon"}.items():
        with pytest.raises(ConfigError, match=name):
            keys(None, environment={name: text}, here=tmp_path)
    assert variable("storage", "kms_key") == "PGSAFE_STORAGE_KMS_KEY"


def test_arguments_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pgsafe.toml").write_text('[backup]\nroot = "a"\n')
    (tmp_path / "d.toml").write_text('[backup]\nroot = "d"\n')

    def looked_at(*arguments: str) -> str:
        return str(said(capsys, *arguments)["error"]["looked_at"][0])

    for command in ("status", "prune", "daily"):
        assert looked_at(command) == str(tmp_path / "a")
        assert looked_at(command, "--config=d.toml") == str(tmp_path / "d")
        with monkeypatch.context() as patch:
            patch.setenv("PGSAFE_BACKUP_ROOT", "b")
            assert looked_at(command) == str(tmp_path / "b")
            assert looked_at(command, "c") == str(tmp_path / "c")
    for command in (["verify"], ["push", "s3://b/x"], ["restore", "--into=dbname=x"]):
        assert looked_at(*command) == str(tmp_path / "a")
        assert looked_at(*command, "--root=c", "--environment=e") == str(tmp_path / "c" / "e")


def test_what_is_named_nowhere_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (["status"], ["verify"], ["prune"], ["daily"], ["push", "s3://x"], ["restore", "--into=dbname=x"]):
        assert said(capsys, *command)["error"]["looked_at"][1:] == [
            "PGSAFE_BACKUP_ROOT", "[backup] root in pgsafe.toml"
        ]  # fmt: skip
    for command in (["push", "."], ["pull"]):
        assert said(capsys, *command)["error"]["looked_at"][1] == "PGSAFE_STORAGE_URL"
    assert "two addresses" in said(capsys, "push", "s3://a", "s3://b")["error"]["message"]
    (tmp_path / "pgsafe.toml").write_text('[backup]\nroute = "x"\n[retention]\ndaily = "7"\n')
    told = said(capsys, "status")["error"]
    assert told["remedies"] == ["did you mean backup.root?"]
    assert "retention.daily is '7' (a text); wanted an integer" in told["message"]


def test_a_secret_is_refused_where_others_can_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "pgsafe.toml"
    for text, remedy in {
        '[storage]\nsecret_access_key = "hidden"': "AWS_PROFILE",
        '[storage]\nurl = "s3://me:hidden@bucket"': "AWS_PROFILE",
        '[storage]\nendpoint = "https://me:hidden@host"': "AWS_PROFILE",
        '[storage]\nrecipient = "AGE-SECRET-KEY-hidden"': "public key",
        '[alerts]\ntoken = "hidden"': "PGSAFE_ALERT",
        '[alerts]\nto = "https://me:hidden@host/x"': "PGSAFE_ALERT",
        '[alerts]\nping = ["https://host/x?token=hidden"]': "PGSAFE_PING",
    }.items():
        file.write_text(text)
        told = json.dumps(said(capsys, "daily", ".")["error"])
        assert remedy in told
        assert "hidden" not in told
    file.unlink()
    for option, name in {"--alert": "PGSAFE_ALERT", "--ping": "PGSAFE_PING"}.items():
        told = json.dumps(said(capsys, "daily", ".", f"{option}=https://hooks.slack.com/services/hidden")["error"])
        assert name in told
        assert "hidden" not in told
    for url, endpoint in {"s3://me:hidden@bucket/x": None, "s3://bucket/x": "https://me:hidden@host"}.items():
        with pytest.raises(ConfigError, match="AWS_PROFILE") as caught:
            open_store(url, Options(endpoint=endpoint))
        assert "hidden" not in str(caught.value)


# Of the libraries that apprise loads.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_only_addresses_with_a_secret_are_refused() -> None:
    pytest.importorskip("apprise")
    for url in ("mailto://localhost/?to=dba@example.com", "https://ping.example.org/pgsafe", "json://host/path"):
        alerts.refuse_secret(url, "--alert", "PGSAFE_ALERT")
    for url in ("mailto://me:hidden@example.com", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general"):
        with pytest.raises(ConfigError, match="PGSAFE_ALERT"):
            alerts.refuse_secret(url, "--alert", "PGSAFE_ALERT")


def test_a_private_key_is_not_shown() -> None:
    pytest.importorskip("pyrage")
    with pytest.raises(ConfigError, match="not a recipient") as caught:
        Cipher.to(["AGE-SECRET-KEY-1HIDDEN"])
    assert "HIDDEN" not in str(caught.value)

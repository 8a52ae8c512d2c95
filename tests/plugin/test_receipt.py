"""The receipt of a rehearsal: what it holds, and that nothing else is deployed on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_pgsafe.records import seal
from pytest_pgsafe.records.values import FORMAT

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

KEY = "0123456789abcdef0123456789abcdef"
#: How often the migration is broken off is not what is looked at here.
QUICK = "[retry]\npoints = 0\n"
RECEIPT = "--pgsafe-report=out.receipt.json"


def verify(folder: Path, *arguments: str, **variables: str) -> tuple[int, dict[str, Any]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PGSAFE")} | variables
    command = [sys.executable, "-m", "pytest_pgsafe", "receipt", "verify", "out.receipt.json", *arguments, "--json"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout)


def refused(folder: Path, *arguments: str, **variables: str) -> list[str]:
    """Return why it is refused; an empty list where it is not."""
    status, told = verify(folder, *arguments, **variables)
    assert status == (1 if told["refused"] else 0), told
    assert told["result"] == ("failed" if told["refused"] else "passed")
    found: list[str] = told["refused"]
    return found


def forged(folder: Path, change: Callable[[dict[str, Any]], object], key: bytes | None = None) -> None:
    """Change a receipt as somebody would who knows how it is made."""
    path = folder / "out.receipt.json"
    entry = json.loads(path.read_text("utf-8"))
    change(entry)
    path.write_text(seal.dumps(seal.sealed(seal.loads(json.dumps(entry).encode()), key)), "utf-8")


def test_a_receipt_covers_what_was_rehearsed_and_nothing_else(project: Project) -> None:
    project.write({"m/1_a.sql": "create table a ();\n", "m/2_b.sql": "create table b ();\n"})
    project.write({"pgsafe.toml": QUICK})
    done = project.rehearse("--pgsafe-migration=m", RECEIPT)
    assert done.ret == 0, done.stdout.str()
    told = json.loads((project.path / "out.receipt.json").read_text("utf-8"))
    assert (told["format"], told["kind"], told["result"], told["signature"]) == (FORMAT, "rehearsal", "passed", None)
    assert [one["path"] for one in told["facts"]["migration"]["files"]] == ["m/1_a.sql", "m/2_b.sql"]
    assert [one["path"] for one in told["facts"]["configuration"]] == ["pgsafe.toml"]
    assert refused(project.path) == []
    away = project.path / "away"
    away.mkdir()
    assert refused(project.path, "--folder=away") == [
        "m/1_a.sql: was rehearsed, and is not here", "m/2_b.sql: was rehearsed, and is not here",
    ]  # fmt: skip
    # The same files at another place.
    (project.path / "m").rename(away / "sql")
    assert refused(project.path, "--migration=away/sql") == []
    (away / "sql" / "3_c.sql").write_text("drop table a;\n", "utf-8")
    (away / "sql" / "1_a.sql").write_text("create table a (); \n", "utf-8")
    (away / "sql" / "2_b.sql").unlink()
    (project.path / "pgsafe.toml").write_text(f"strict = true\n{QUICK}", "utf-8")
    assert refused(project.path, "--migration=away/sql") == [
        "m/1_a.sql: is not what was rehearsed",
        "m/2_b.sql: was rehearsed, and is not here",
        "m/3_c.sql: is here, and was not rehearsed",
        "pgsafe.toml: the configuration is not that of the rehearsal",
    ]


def test_a_rehearsal_that_was_not_safe_gives_a_receipt_that_is_refused(project: Project) -> None:
    project.write({"pgsafe.toml": QUICK})
    assert project.rehearse("--pgsafe-migration=loss.sql", RECEIPT).ret == 1
    assert refused(project.path) == ["the rehearsal was not safe: its result is failed"]


def test_each_reason_is_a_line(project: Project) -> None:
    project.write({"pgsafe.toml": QUICK})
    assert project.rehearse("--pgsafe-migration=additive.sql", RECEIPT).ret == 0
    assert refused(project.path) == []
    path = project.path / "out.receipt.json"
    whole = path.read_text("utf-8")
    assert refused(project.path, "--max-age=1h") == []

    forged(project.path, lambda entry: entry["facts"].update(rehearsed=False, expires="2020-01-01T00:00:00Z"))
    assert refused(project.path) == [
        "the migration was not rehearsed: no step of the run migrated the copy",
        "the receipt expired at 2020-01-01T00:00:00Z",
    ]
    forged(project.path, lambda entry: entry.update(time="2021-01-01T00:00:00Z"))
    assert "the receipt is older than the age that was asked for: it is of 2021-01-01T00:00:00Z" in refused(
        project.path, "--max-age=1h"
    )
    forged(project.path, lambda entry: entry.update(time=f"{datetime.now(timezone.utc).year + 2}-01-01T00:00:00Z"))
    assert any(line.startswith("the receipt is of the future") for line in refused(project.path))
    forged(project.path, lambda entry: entry.update(kind="backup"))
    assert refused(project.path) == ["it is of a backup, and no receipt of a rehearsal"]
    forged(project.path, lambda entry: entry.update(kind="rehearsal", facts={}))
    assert refused(project.path)[0].startswith("it does not say what was rehearsed: ")

    texts = {
        whole.replace(
            '"result": "passed"', '"result": "failed"'
        ): "it was altered: its hash is not that of its content",
        whole.replace(FORMAT, "pgsafe-evidence/2"): (
            f"it has the format 'pgsafe-evidence/2', and this release of pgsafe knows {FORMAT} alone"
        ),
        "{}": "out.receipt.json is no receipt: kind: Field required",
        whole[:-20]: "out.receipt.json is no receipt: ",
        "": "out.receipt.json is no receipt: ",
    }
    for text, reason in texts.items():
        path.write_text(text, "utf-8")
        [line] = refused(project.path)
        assert line.startswith(reason), (line, reason)
    path.unlink()
    assert refused(project.path) == ["there is no receipt out.receipt.json"]


def test_with_a_key_a_receipt_has_to_be_signed_by_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSAFE_RECEIPT_KEY", KEY)
    # A migration cannot read it from its environment.
    seen = "--pgsafe-migration=cmd:env > seen; psql -c 'create table a ()'"
    project.write({"pgsafe.toml": QUICK + '[migration]\nfiles = ["additive.sql"]\n'})
    done = project.rehearse(seen, RECEIPT)
    assert done.ret == 0, done.stdout.str()
    assert KEY not in (project.path / "seen").read_text("utf-8") + done.stdout.str()
    assert KEY not in (project.path / "out.receipt.json").read_text("utf-8")
    status, told = verify(project.path, PGSAFE_RECEIPT_KEY=KEY)
    assert (status, told["signed"]) == (0, True)
    (project.path / "key").write_text(f"{KEY}\n", "utf-8")
    assert refused(project.path, PGSAFE_RECEIPT_KEY_FILE="key") == []
    assert refused(project.path, PGSAFE_RECEIPT_KEY="x" * 32) == [
        "its signature is not by this key: it was altered, or signed by somebody else"
    ]
    assert refused(project.path) == ["it is signed, and PGSAFE_RECEIPT_KEY is not set: nobody can tell by whom"]
    forged(project.path, lambda entry: None)
    assert refused(project.path, PGSAFE_RECEIPT_KEY=KEY) == ["it is not signed, and PGSAFE_RECEIPT_KEY is set"]


MISUSED: Mapping[str, tuple[tuple[str, ...], str]] = {
    "static": (("--pgsafe-static", "--pgsafe-migration=additive.sql"), "--pgsafe-static makes none"),
    "no migration": ((), "a receipt is of a migration, and none is configured"),
    "a command": (("--pgsafe-migration=cmd:true",), "nobody says which cmd:true runs"),
}


@pytest.mark.parametrize("name", MISUSED)
def test_what_no_receipt_can_be_of_is_told_before_the_first_step(project: Project, name: str) -> None:
    arguments, said = MISUSED[name]
    done = project.run(*project.needed, *arguments, RECEIPT)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert said in done.stderr.str()
    assert not (project.path / "out.receipt.json").exists()


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"PGSAFE_RECEIPT_KEY": "short"}, "PGSAFE_RECEIPT_KEY: the key is shorter than 16 characters"),
        ({"PGSAFE_RECEIPT_KEY_FILE": "gone"}, "PGSAFE_RECEIPT_KEY_FILE: the key cannot be read"),
        ({"PGSAFE_RECEIPT_KEY": KEY, "PGSAFE_RECEIPT_KEY_FILE": "x"}, "are both set"),
    ],
)
def test_a_key_that_cannot_be_used_is_no_key(
    project: Project, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    status, told = verify(project.path, **variables)
    assert status == 4
    assert said in told["error"]["message"]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    done = project.run(*project.needed, "--pgsafe-migration=additive.sql", RECEIPT)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert said in done.stderr.str()


def test_files_that_change_while_they_are_rehearsed_give_no_receipt(project: Project) -> None:
    project.write({"pgsafe.toml": QUICK + '[migration]\nfiles = ["additive.sql"]\n'})
    done = project.rehearse("--pgsafe-migration=cmd:psql -f additive.sql && echo '-- more' >> additive.sql", RECEIPT)
    assert done.ret == 1
    done.stdout.fnmatch_lines(
        ["*the receipt is of no verdict: the files of the migration changed while it was rehearsed"]
    )
    assert "the rehearsal was not safe: its result is error" in refused(project.path)


@pytest.mark.parametrize(("more", "arguments"), [("", (RECEIPT,)), ('[evidence]\nroot = "ev"\n', ())])
def test_a_fleet_has_none(project: Project, more: str, arguments: tuple[str, ...]) -> None:
    fleet = '[[source.fleet]]\ndsn = "postgresql://127.0.0.1:1/{name}"\nnames = ["a", "b"]\n'
    project.write({"pgsafe.toml": f'{fleet}[migration]\nsql = "additive.sql"\n{more}'})
    done = project.run("--pgsafe", "--pgsafe-server=local", *arguments)
    assert done.ret == 4
    done.stderr.fnmatch_lines(["*is of one database, and a fleet has many*", "*remedy: leave it out*"])

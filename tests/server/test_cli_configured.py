"""The runbook from beginning to end with everything in pgsafe.toml: no command needs to be told anything more."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from pytest_pgsafe.backup import proof
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.connection import connect
from tests.server.runbook import SCHEMA, answer, env_of, uri

FILE = """
[source]
dsn = "{source}"
[server]
use = "{scratch}"
[backup]
root = "kept"
environment = "staging"
plain = false
retain = "1w"
max_age = "2h"
verify = true
[retention]
daily = 1
weekly = 0
monthly = 0
yearly = 0
[storage]
url = "off-site"
recipient = "{recipient}"
identity = "key.txt"
[restore]
jobs = 2
stall = "5m"
stop = ["echo stopped >> application.log"]
start = ["echo started >> application.log"]
"""


def test_no_command_needs_to_be_told_what_the_file_says(
    database: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pyrage: Any = pytest.importorskip("pyrage")
    with connect(database, read_only=False) as connection:
        connection.execute("set search_path = public")
        connection.execute(SCHEMA)
    for name, value in env_of(database).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "key.txt").write_text(str(identity))
    text = FILE.format(source=uri(database), scratch=uri(database, "postgres"), recipient=identity.to_public())
    (tmp_path / "pgsafe.toml").write_text(text)

    assert "there is no such folder" in answer(["status", "--json"], capsys, status=4)["error"]["message"]
    taken = answer(["backup", "--json"], capsys)
    folder = Path(taken["folder"])
    assert folder.parent == tmp_path / "kept" / "staging"
    assert taken["proven"] is True
    assert not (folder / "database.sql").exists()
    assert answer(["status", "--json"], capsys)["ready"] is True
    # The latest is asked for its age; another one that is named is not.
    with monkeypatch.context() as patch:
        patch.setenv("PGSAFE_BACKUP_MAX_AGE", "0s")
        old = answer(["verify", "--json"], capsys, status=1)
        assert [one["name"] for one in old["outcomes"] if one["result"] == "failed"] == ["age"]
        # It is proven all the same, and retention knows it.
        found = proof.read(folder)
        assert found is not None
        assert found.proven is True
        assert answer(["status", "--json"], capsys, status=1)["ready"] is False
    # A newer one that nobody has proven is verified by verify, and neither restored nor pushed.
    newer = Path(answer(["backup", "--no-verify", "--json"], capsys)["folder"])
    latest = answer(["daily", "--json"], capsys)["backups"]
    assert [one["folder"] for one in latest] == [str(newer)]
    (newer / "proof.json").unlink()
    pushed = answer(["push", "--json"], capsys)
    assert (pushed["url"], pushed["encryption"]) == (f"{tmp_path / 'off-site'}/staging/{folder.name}", "age")
    new = f"{database.dbname}_new"
    try:
        restored = answer(["restore", f"--into={uri(database, new)}", "--json"], capsys)
        assert restored["backup"] == str(folder)
        assert any(str(newer) in note for note in restored["notes"])
        assert (tmp_path / "application.log").read_text().split() == ["stopped", "started"]
    finally:
        with connect(database.with_(dbname="postgres"), read_only=False) as session:
            session.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(new)))
    kept = answer(["prune", "--json"], capsys)["kept"]
    assert any("promised" in reason for reason in kept[0]["reasons"])
    shutil.rmtree(tmp_path / "kept")
    assert Path(answer(["pull", "--json"], capsys)["folder"]) == folder
    assert json.loads((folder / "proof.json").read_text())["proven"] is True
    # Two databases: none is meant more than the other.
    shutil.copytree(folder.parent, tmp_path / "kept" / "production")
    with monkeypatch.context() as patch:
        patch.setenv("PGSAFE_CONFIG", "other.toml")
        (tmp_path / "other.toml").write_text('[backup]\nroot = "kept"\n')
        told = answer(["verify", "--json"], capsys, status=4)["error"]
        assert "backups of 2 databases" in told["message"]

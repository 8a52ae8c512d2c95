"""``pgsafe backup`` and ``pgsafe verify`` on a real server: whole, private, and proven or refused."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from pytest_pgsafe.backup import manifest
from pytest_pgsafe.cli import run
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from tests.server.runbook import SCHEMA, answer, env_of, uri
from tests.tiers import FULL

#: Seconds after the start at which a backup is killed.
MOMENTS = [n / 25 for n in range(50)] if FULL else [0.9, 1.4]
FILES = {
    "MANIFEST.txt", "contents.txt", "data.txt", "database.dump", "database.sql", "facts.json", "globals.sql",
    "metadata.txt", "schema.sql",
}  # fmt: skip


@pytest.fixture
def source(database: Address, monkeypatch: pytest.MonkeyPatch) -> Address:
    with connect(database, read_only=False) as connection:
        connection.execute("set search_path = public")
        connection.execute(SCHEMA)
    for name, value in env_of(database).items():
        monkeypatch.setenv(name, value)
    return database


def test_a_backup_is_whole_private_and_proven(
    source: Address, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["backup", f"--source={uri(source)}", f"--root={tmp_path / 'root'}", "--environment=staging", "--json"]
    taken = answer(arguments, capsys)
    folder = Path(taken["folder"])
    assert folder.parent == tmp_path / "root" / "staging"
    assert {path.name for path in folder.iterdir()} == {*FILES, "manifest.json"}
    assert {file["path"] for file in taken["files"]} == FILES
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder.parent, folder / "database.sql")] == [
        0o700, 0o700, 0o600
    ]  # fmt: skip
    assert manifest.read(folder).environment == "staging"
    assert not list(folder.parent.glob(".*"))
    said = (folder / "MANIFEST.txt").read_text()
    assert all(file["sha256"] in said for file in taken["files"] if file["path"] != "MANIFEST.txt")
    assert "public.account  " in (folder / "data.txt").read_text()
    assert source.parameters.get("password", "no password") not in said

    before = (folder / "manifest.json").read_bytes()
    proof = answer(["verify", str(folder), f"--server={uri(source, 'postgres')}", "--json"], capsys)
    assert proof["proven"] is True
    assert [one["name"] for one in proof["outcomes"] if one["result"] != "passed"] == []
    assert (folder / "manifest.json").read_bytes() == before
    assert manifest.read(folder)
    assert stat.S_IMODE((folder / "proof.json").stat().st_mode) == 0o600


def test_the_manifest_s_own_commands_restore_it(
    server: Server, source: Address, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = answer(["backup", f"--source={uri(source)}", f"--root={tmp_path}", "--jobs=2", "--json"], capsys)
    folder = Path(taken["folder"])
    assert folder.parent.name == source.dbname
    assert (folder / "database.dump").is_dir()
    commands = [line for line in taken["restore"] if not line.startswith("#")]
    new = f"{source.dbname}_restored"
    assert commands[0] == f"NEW={new}"
    where = {"PGHOST": source.parameters["host"], "PGPORT": source.parameters["port"], "PGUSER": source.user}
    programs = getattr(server.programs, "folder", None)
    if programs is None:
        pytest.skip("the programs are not on this machine")
    path = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    try:
        done = subprocess.run(
            ["sh", "-ec", "\n".join(commands)],
            cwd=folder, env={**os.environ, **where, **path}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        with connect(source.with_(dbname=new)) as connection:
            assert connection.execute("select count(*) from public.log").fetchone() == (500,)
    finally:
        with connect(source.with_(dbname="postgres"), read_only=False) as connection:
            connection.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(new)))


def test_a_database_may_have_any_name(
    source: Address, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A conninfo to libpq, quotes to SQL, words to a shell.
    odd = f'{source.dbname} = "It\'s" $HOME'
    rename = sql.SQL("alter database {} rename to {}")
    with connect(source.with_(dbname="postgres"), read_only=False) as session:
        session.execute(rename.format(sql.Identifier(source.dbname), sql.Identifier(odd)))
        monkeypatch.setenv("PGDATABASE", odd)
        try:
            named = f"host={source.parameters['host']} port={source.parameters['port']} user={source.user}"
            taken = answer(["backup", f"--source={named}", f"--root={tmp_path}", "--json"], capsys)
            assert taken["database"] == odd
            assert taken["restore"][0] == f"NEW={source.dbname}_It_s_HOME_restored"
            arguments = ["verify", taken["folder"], f"--server={uri(source, 'postgres')}", "--json"]
            assert answer(arguments, capsys)["proven"] is True
            into = f"--into={uri(source, odd + '2')}"
            assert answer(["restore", taken["folder"], into, "--json"], capsys)["database"] == odd + "2"
        finally:
            session.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(odd + "2")))
            session.execute(rename.format(sql.Identifier(odd), sql.Identifier(source.dbname)))


def test_what_a_role_may_not_read_is_named_before_the_start(
    server: Server, source: Address, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not server.owns_cluster:
        pytest.skip("roles are made on servers of our own alone")
    role = f"{source.dbname}_reader"
    with connect(source, read_only=False) as connection:
        name = sql.Identifier(role)
        connection.execute(sql.SQL("create role {} login").format(name))
        connection.execute(sql.SQL("grant select on public.account to {}").format(name))
        connection.execute("alter table public.account enable row level security")
    reader = server.address(source.dbname, user=role)
    monkeypatch.setenv("PGPASSWORD", reader.parameters["password"])
    arguments = ["backup", f"--source={uri(reader)}", f"--root={tmp_path}", "--json"]
    told = answer(arguments, capsys, status=4)["error"]
    assert told["looked_at"] == [
        "sequence public.log_id_seq: no SELECT",
        "table public.account: row security would hide rows",
        "table public.log: no SELECT",
    ]
    assert not list(tmp_path.iterdir())
    with connect(source, read_only=False) as connection:
        connection.execute(sql.SQL("grant pg_read_all_data to {}").format(name))
        connection.execute(sql.SQL("alter role {} bypassrls").format(name))
    answer(arguments, capsys)


def test_passwords_stand_in_no_argument(
    source: Address, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["backup", f"--root={tmp_path / 'root'}", "--no-plain", "--json"]
    told = answer([*arguments, "--source=postgresql://someone:secret@localhost/x"], capsys, status=4)
    assert "holds a password" in told["error"]["message"]
    assert "secret" not in json.dumps(told)
    monkeypatch.delenv("PGPASSWORD", raising=False)
    if "password" not in source.parameters:
        pytest.skip("the server wants no password")
    passfile = tmp_path / "passfile"
    monkeypatch.setenv("PGPASSFILE", str(passfile))
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    assert "cannot be read" in answer([*arguments, f"--source={uri(source)}"], capsys, status=4)["error"]["message"]
    passfile.write_text(f"*:*:*:*:{source.parameters['password']}\n")
    passfile.chmod(0o600)
    answer([*arguments, f"--source={uri(source)}"], capsys)
    passfile.unlink()
    lines = "".join(f"{key}={value}\n" for key, value in source.parameters.items())
    (tmp_path / "services").write_text(f"[crm]\n{lines}")
    folder = Path(answer([*arguments, "--source=service=crm"], capsys)["folder"])
    said = "".join(path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file())
    assert source.parameters["password"] not in said


def test_a_source_that_is_broken_already_is_told_and_not_proven(
    source: Address, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with connect(source, read_only=False) as connection:
        connection.execute("alter table public.log disable trigger all")
        connection.execute("insert into public.log (account) values (-1)")
        connection.execute("alter table public.log enable trigger all")
    scratch = f"--server={uri(source, 'postgres')}"
    arguments = ["backup", f"--source={uri(source)}", f"--root={tmp_path}", "--verify", scratch, "--json"]
    taken = answer(arguments, capsys, status=1)
    assert any("1 rows without what public.log.log_account_fkey points to" in line for line in taken["left_out"])
    assert [one["name"] for one in taken["outcomes"] if one["result"] == "failed"] == ["restore"]
    assert taken["proven"] is False


def test_denormalized_columns_are_counted_at_the_moment_of_the_backup(
    source: Address, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with connect(source, read_only=False) as connection:
        connection.execute("alter table public.log add note text, add balance int")
        connection.execute(
            "update public.log set note = a.note, balance = a.balance from public.account a where a.id = account"
        )
        connection.execute("update public.log set note = 'another' where id <= 7")
    rules = {
        "log.note": 'source = "account.note"',
        "log.balance": 'source = "account.balance"',
        "log.at": 'sql = "select 1 / (id - id)"',
        "log.gone": 'source = "account.note"',
    }
    config = tmp_path / "pgsafe.toml"
    config.write_text("".join(f'[[denormalized]]\ncolumn = "{column}"\n{rest}\n' for column, rest in rules.items()))
    arguments = ["backup", f"--source={uri(source)}", f"--root={tmp_path}", "--no-plain", f"--config={config}"]
    assert run(arguments) == 0
    said = capsys.readouterr()
    # The folder alone, for a shell; what is wrong beside it.
    folder = Path(said.out.strip())
    warnings = said.err.splitlines()
    broken = "the source is broken already: public.log.note = public.account.note does not hold in 7 of 500 rows"
    assert f"pgsafe: warning: {broken}" in warnings
    assert [line for line in warnings if "balance" in line] == []
    assert sum("was not looked at: " in line for line in warnings) == 2
    written = {" ".join(line.split()) for line in (folder / "data.txt").read_text().splitlines()}
    assert "public.log.note = public.account.note 493 7" in written
    assert "public.log.balance = public.account.balance 500 0" in written
    assert broken in manifest.read(folder).left_out
    assert "another" not in (folder / "data.txt").read_text()


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_backup_that_is_killed_never_looks_like_one(source: Address, tmp_path: Path, moment: float) -> None:
    """Whenever it ends: there is a whole backup, or none."""
    program = "import sys; from pytest_pgsafe.cli import main; main()"
    child = subprocess.Popen(
        [sys.executable, "-c", program, "backup", f"--source={uri(source)}", f"--root={tmp_path}", "--environment=e"],
        stdout=subprocess.DEVNULL,
    )
    try:
        child.wait(moment)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    for folder in tmp_path.glob("e/[!.]*"):
        manifest.read(folder)
    assert run(["status", str(tmp_path)]) in {1, 4}


def test_what_cannot_be_used_ends_with_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cases: dict[str, list[str]] = {
        "No such option": ["backup", "--sauce=x"],
        "no source": ["backup", "--root=."],
        "no such backup": ["verify", "nowhere"],
        "is no age": ["verify", ".", "--max-age=soon"],
        "there is no command": ["backdown"],
        "cannot be read": ["backup", "--root=.", "--source=postgresql://localhost:1/x"],
    }
    for words, arguments in cases.items():
        told: dict[str, Any] = answer([*arguments, "--json"], capsys, status=4)
        assert words in told["error"]["message"], told

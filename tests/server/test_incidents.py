"""What went wrong elsewhere and looked right: each would be green here if the behaviour were theirs.

Others have their place where the behaviour is tested: a disk that is full (test_disk_full.py), a source that is broken
already and a backup that is killed (test_cli_backup.py), an empty root of the daily drill (test_cli_daily.py).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_pgsafe.cli import run
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from tests.server.runbook import SCHEMA, answer, uri

# Its body finds `rate` by the search path, which is empty while a dump is restored.
UNQUALIFIED = """
create table rate (name text primary key, value int);
insert into rate values ('one', 1);
create function known(text) returns boolean language sql stable as 'select exists (select from rate where name = $1)';
create table priced (id int, rate text check (known(rate)));
insert into priced select n, 'one' from generate_series(1, 819) n;
"""


@pytest.fixture
def source(database: Address, monkeypatch: pytest.MonkeyPatch) -> Address:
    monkeypatch.setenv("PGPASSWORD", database.parameters.get("password", ""))
    do(database, SCHEMA)
    return database


def do(address: Address, statements: str) -> None:
    with connect(address, read_only=False) as session:
        session.execute("set search_path = public")
        session.execute(statements.encode())


def taken(source: Address, root: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    arguments = ["backup", f"--source={uri(source)}", f"--root={root}", "--environment=e", "--retain=0d", "--json"]
    return Path(answer(arguments, capsys)["folder"])


def test_clean_at_rest_and_cannot_be_restored(
    source: Address, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """pgbackrest#2139: verify was clean, the restore failed. spindb#320: 819 errors ignored, tables lost, "success"."""
    do(source, UNQUALIFIED)
    folder = taken(source, tmp_path, capsys)
    found = answer(["verify", str(folder), f"--server={uri(source, 'postgres')}", "--json"], capsys, status=1)
    results = {one["name"]: one["result"] for one in found["outcomes"]}
    assert [name for name, result in results.items() if result == "failed"] == ["restore"]
    assert {name: results[name] for name in ("size", "checksums", "contents", "decode")} == dict.fromkeys(
        ("size", "checksums", "contents", "decode"), "passed"
    )
    [said] = [one["said"] for one in found["outcomes"] if one["name"] == "restore"]
    assert 'relation "rate" does not exist' in said
    assert "ALTER FUNCTION known" in said
    assert found["proven"] is False
    assert run(["status", str(tmp_path)]) == 1
    into = f"{source.dbname}_again"
    told = answer(["restore", str(folder), f"--into={uri(source, into)}", "--json"], capsys, status=1)["error"]
    assert "the restore is not complete" in told["message"]
    with connect(source) as session:
        assert session.execute("select from pg_database where datname = %s", (into,)).rowcount == 0


def test_a_backup_of_nothing_never_takes_the_place_of_the_real_one(
    source: Address, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """DBackup#154: an empty backup was a success, retention removed the real one. percona#517: a drill of nothing."""
    scratch = f"--server={uri(source, 'postgres')}"
    real = taken(source, tmp_path, capsys)
    answer(["verify", str(real), scratch, "--json"], capsys)
    do(source, "drop table account, log cascade")
    empty = taken(source, tmp_path, capsys)
    found = answer(["verify", str(empty), scratch, "--json"], capsys, status=1)
    assert "holds no table" in next(one["said"] for one in found["outcomes"] if one["name"] == "restore")
    counts = ["--daily=1", "--weekly=0", "--monthly=0", "--yearly=0", "--apply", "--json"]
    assert str(real) not in answer(["prune", str(tmp_path), *counts], capsys)["removed"]
    assert (real / "manifest.json").exists()
    assert answer(["status", str(tmp_path), "--json"], capsys, status=1)["ready"] is False


def test_roles_that_the_drill_s_server_has_not_are_no_alarm(
    server: Server, source: Address, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """databasus#619, #721, #732: a drill that fails for missing roles is muted, and then nobody hears the real one."""
    if not server.owns_cluster:
        pytest.skip("roles are made on servers of our own alone")
    role = f'"{source.dbname}\'s owner"'
    do(source, f"create role {role}; alter table log owner to {role}; grant select on account to {role}")
    folder = taken(source, tmp_path, capsys)
    do(source, f"reassign owned by {role} to current_user; drop owned by {role}; drop role {role}")
    # A server that is somebody else's: no role is made there, which is said, and is not the backup's fault.
    found = answer(["verify", str(folder), f"--server={uri(source, 'postgres')}", "--json"], capsys)
    assert found["proven"] is True
    assert any("lacks the role" in line for line in found["not_verified"])
    told = answer(["restore", str(folder), f"--into={uri(source, source.dbname + '_x')}", "--json"], capsys, status=4)
    assert "lacks 1 role of the backup" in told["error"]["message"]


def test_an_empty_place_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """open-bank-oss#2495: the drill looked at an empty prefix, found nothing wrong, and was green."""
    place = tmp_path / "prefix"
    place.mkdir()
    for command in (["verify", place.as_uri()], ["pull", str(place), f"--root={tmp_path}"]):
        assert "no complete backup" in answer([*command, "--json"], capsys, status=4)["error"]["message"]
    assert "no complete backup" in answer(["daily", str(place), "--json"], capsys, status=1)["failures"][0]
    assert run(["status", str(place)]) != 0
    assert run(["verify", str(place)]) != 0


def test_a_restore_writes_into_no_tablespace_of_the_source(
    source: Address, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """cybertec#53: a drill on the source's machine could overwrite the source's tablespaces."""
    space, into = f"{source.dbname}_space", f"{source.dbname}_far"
    with connect(source, read_only=False) as session:
        if session.info.server_version < 150000:
            pytest.skip("tablespaces in the data directory came with 15")
        session.execute("set allow_in_place_tablespaces = on")
        session.execute(f"create tablespace {space} location ''".encode())
    try:
        do(source, f"alter table log set tablespace {space}; alter index account_pkey set tablespace {space}")
        files = (
            "with recursive f(path, isdir) as ("
            f" select 'pg_tblspc/' || oid, true from pg_tablespace where spcname = '{space}' union all"
            " select path || '/' || name, (pg_stat_file(path || '/' || name)).isdir from f, pg_ls_dir(path) name"
            " where isdir) select path from f where not isdir order by 1"
        )
        with connect(source) as session:
            before = session.execute(files.encode()).fetchall()
        assert before
        folder = taken(source, tmp_path, capsys)
        answer(["verify", str(folder), f"--server={uri(source, 'postgres')}", "--json"], capsys)
        answer(["restore", str(folder), f"--into={uri(source, into)}", "--json"], capsys)
        with connect(source.with_(dbname=into)) as session:
            assert session.execute("select count(*) from public.log").fetchone() == (500,)
            assert session.execute("select relname from pg_class where reltablespace > 1664").fetchall() == []
            assert session.execute(files.encode()).fetchall() == before
    finally:
        with connect(source.with_(dbname="postgres"), read_only=False) as session:
            session.execute(f'drop database if exists "{into}"'.encode())
        do(source, "drop table if exists log, account cascade")
        do(source, f"drop tablespace {space}")

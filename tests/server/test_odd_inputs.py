"""Names with line ends, names that are no UTF-8, several hosts, sockets: each works, or is told in a sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql

from pytest_pgsafe.cli import run
from pytest_pgsafe.errors import ServerError
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect, resolve

#: A line end, a carriage return, blanks at its end, quotes, an escape, and what turns the direction of writing.
NAMES = ["odd\nname", "odd\r", "odd  ", "o'd\"d\\ \x1b[2J\u202e", "pgsafe passed\n", "a=b ://c"]


@pytest.fixture(params=NAMES)
def odd(request: pytest.FixtureRequest, server: Server) -> Iterator[Address]:
    if not server.owns_cluster or server.kind == "container":
        pytest.skip("a database of any name is made on a server of the tests' own")
    name = sql.Identifier(request.param)
    with connect(server.address(), read_only=False) as session:
        session.execute(sql.SQL("create database {}").format(name))
        session.execute(sql.SQL("create role {} login superuser password 'x'").format(name))
    address = server.address().with_(dbname=request.param, user=request.param, password="x")
    with connect(address, read_only=False) as session:
        session.execute("create table public.t (id int primary key)")
    yield address
    with connect(server.address(), read_only=False) as session:
        session.execute(sql.SQL("drop database {} with (force)").format(name))
        session.execute(sql.SQL("drop role {}").format(name))


def test_a_name_that_no_line_holds(
    odd: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable, name in (
        ("PGUSER", "user"),
        ("PGDATABASE", "dbname"),
        ("PGPORT", "port"),
        ("PGPASSWORD", "password"),
    ):
        monkeypatch.setenv(variable, odd.parameters[name])
    monkeypatch.setenv("PGSAFE_SOURCE", f"host={odd.parameters['host']}")
    assert run(["snapshot", "facts.json"]) == 0
    status = run(["backup", "--root=root"])
    out, err = capfd.readouterr()
    assert "Traceback" not in out + err
    assert "Error:" not in out + err
    assert not [line for line in (out + err).splitlines() if line.startswith("pgsafe passed")]
    assert "\x1b" not in out + err
    # pg_dumpall of newer minors refuses names with a line end by itself.
    assert status == 0 or any(mark in odd.dbname for mark in "\r\n"), err


def test_a_password_with_a_line_end_is_told() -> None:
    with (
        pytest.raises(ServerError, match="password holds a line end") as raised,
        Address({"host": "h", "password": "a\nb"}).service_file(),
    ):
        pass
    assert "a\nb" not in str(raised.value)


def test_of_several_hosts_the_one_that_answered_is_taken(server: Server, database: Address) -> None:
    host, port = database.parameters["host"], database.parameters["port"]
    for several in (
        database.with_(host=f"127.0.0.1,{host}", port=f"1,{port}", target_session_attrs="read-write"),
        database.with_(host=f"{host},nowhere.invalid", port=f"{port},1", load_balance_hosts="disable"),
        database.with_(host="a,b", hostaddr=f"127.0.0.1,{host}", port=f"1,{port}"),
    ):
        with connect(several) as session:
            found = resolve(session, several)
        assert found.parameters["port"] == port
        assert "," not in found.parameters["host"] + found.parameters.get("hostaddr", "")
        assert not {"target_session_attrs", "load_balance_hosts"} & set(found.parameters)
        with connect(found) as session:
            assert session.execute("select current_database()").fetchone() == (database.dbname,)
        done = server.programs.run("psql", ["-Xqc", "select 1", "service=pgsafe"], address=found)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("use", ["auto", "container"])
def test_a_source_on_a_socket(server: Server, database: Address, tmp_path: Path, use: str) -> None:
    if server.kind != "local":
        pytest.skip("a socket of this machine")
    with connect(database, read_only=False) as session:
        session.execute("create table public.t (id int primary key)")
        [folders] = session.execute("show unix_socket_directories").fetchone() or ("",)
    (tmp_path / "up.sql").write_text("create table public.x (id int primary key);")
    address = database.with_(host=folders.split(",")[0].strip())
    done = pytest_run(tmp_path, address, f"--pgsafe-server={use}", "--pgsafe-migration=up.sql")
    if use == "container":
        assert done.returncode == 4
        assert "cannot be reached from a container" in done.stderr
        assert "host=localhost" in done.stderr
    else:
        assert done.returncode == 0, done.stdout
        assert "pgsafe server: local" in done.stdout


def test_a_file_whose_name_is_no_utf8(database: Address, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9\x1b[2J.sql")
    with connect(database, read_only=False) as session:
        session.execute("create table public.t (id int primary key)")
    (tmp_path / name).write_text("create table public.x (id int primary key);\nselect 1/0;\n")
    done = pytest_run(
        tmp_path, database, "--pgsafe-server=local", f"--pgsafe-migration={name}", "--pgsafe-report=r.json",
        "--pgsafe-report=r.html", "--pgsafe-report=r.md", "--junitxml=j.xml",
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "22012" in done.stdout
    assert "\x1b" not in done.stdout
    assert all((tmp_path / file).exists() for file in ("r.json", "r.html", "r.md", "j.xml"))


def pytest_run(folder: Path, source: Address, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--pgsafe", "-p", "no:cacheprovider", *arguments], cwd=folder,
        env={**os.environ, "PGSAFE_SOURCE": source.url()}, capture_output=True, text=True, errors="surrogateescape",
        check=False,
    )  # fmt: skip

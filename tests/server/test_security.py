"""What others wrote runs nothing on this machine: docs/security.md, sentence by sentence."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from pytest_pgsafe.backup import archive
from pytest_pgsafe.backup.restore import restore
from pytest_pgsafe.errors import RestoreError
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.choose import choose
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms, find
from pytest_pgsafe.server.user import OWN

HEAD = "--\n-- PostgreSQL database dump\n--\n\n"
END = "\n--\n-- PostgreSQL database dump complete\n--\n\n"
#: Commands of psql by which a dump would do something besides; FILE is one that must not come to be.
COMMANDS = {
    "shell": "\\! touch FILE",
    "backticks": "\\set x `touch FILE`",
    "backticks in place of the key": "\\unrestrict `touch FILE`",
    "pipe": "select 1 \\g | touch FILE",
    "file": "select 1 \\g FILE",
    "output": "\\o FILE\nselect 1;",
    "output to a pipe": "\\o | touch FILE\nselect 1;",
    "copy to a program": "\\copy (select 1) to program 'touch FILE'",
    "copy to a file": "\\copy (select 1) to 'FILE'",
    "buffer to a file": "select 1\n\\w FILE\n;",
    "editor": "\\setenv PSQL_EDITOR 'touch FILE #'\n\\e",
    "another file": "\\i OTHER",
    "a large object": "\\lo_import OTHER",
    "log": "\\setenv PGHOST FILE",
    "another database": "\\connect postgres\ncreate table public.reached (n int);",
    "after lifting its own restriction": "\\restrict abc\n\\unrestrict abc\n\\! touch FILE",
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("own", [False, True], ids=["bare", "with its own restriction"])
def test_a_plain_dump_gives_psql_no_command(
    server: Server, database: Address, tmp_path: Path, command: str, own: bool
) -> None:
    made, other = tmp_path / "made", tmp_path / "other.sql"
    other.write_text("create table public.reached (n int);")
    text = command.replace("FILE", str(made)).replace("OTHER", str(other))
    before, after = ("\\restrict abc\n\n", "\\unrestrict abc\n\n") if own else ("", "")
    dump = tmp_path / "dump.sql"
    dump.write_text(f"{HEAD}{before}create table public.t (n int);\n{text}\n{END}{after}")
    with pytest.raises(RestoreError) as failed:
        restore(archive.recognise(dump), database, server.programs)
    assert not made.exists(), failed.value
    for dbname in (database.dbname, "postgres"):
        with connect(server.address(dbname)) as session:
            assert session.execute("select to_regclass('public.reached')").fetchone() == (None,)


@pytest.mark.parametrize("key", [[], ["--restrict-key=abc"]], ids=["its own key", "a key that is known"])
def test_a_dump_of_pg_dump_is_restored_as_ever(
    server: Server, database: Address, tmp_path: Path, key: list[str]
) -> None:
    with connect(database, read_only=False) as session:
        session.execute("create table public.t (n int, said text)")
        session.execute(
            "insert into public.t values"
            " (1, '\\! id'), (2, '\\unrestrict `id`'), (3, chr(13) || 'estrict abc'), (4, null)"
        )
        session.execute(
            "create function public.f() returns text language sql as 'select ''\\! id'' || e''\\\\restrict'''"
        )
    dump = tmp_path / "dump.sql"
    done = server.programs.run("pg_dump", [*key, "--format=plain"], address=database, stdout=dump)
    if key and "unrecognized option" in done.stderr:
        pytest.skip(f"pg_dump {server.programs.version} writes no restriction")
    assert done.returncode == 0, done.stderr
    copy = server.create("copy")
    try:
        restore(archive.recognise(dump), copy, server.programs)
        with connect(copy) as session:
            rows = session.execute("select n, said, public.f() from public.t order by n").fetchall()
    finally:
        server.drop(copy)
    said = "\\! id\\restrict"
    assert rows == [(1, "\\! id", said), (2, "\\unrestrict `id`", said), (3, "\restrict abc", said), (4, None, said)]


def test_psql_itself_can_start_no_program_and_write_no_file(
    programs: LocalPrograms, server: Server, database: Address, tmp_path: Path
) -> None:
    """The second wall: whatever psql was led to, restricted or not."""
    if server.kind == "container":
        pytest.skip("psql runs inside of the container")
    for name, command in COMMANDS.items():
        if name in {"another file", "a large object", "another database", "log"}:
            continue
        script, made = tmp_path / "script.sql", tmp_path / "made"
        script.write_text(f"create table if not exists public.t (n int);\n{command.replace('FILE', str(made))}\n")
        server.programs.run(
            "psql", ["-X", f"--file={script}"], address=database, files=[script], confined=True, deadline=60
        )
        assert not made.exists(), name


def test_nothing_of_the_callers_own_psql_is_used(
    server: Server, database: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tmp_path / "made"
    for name in (".psqlrc", "rc"):
        (tmp_path / name).write_text(f"\\! touch {made}\ncreate table public.reached (n int);\n")
    (tmp_path / ".pg_service.conf").write_text("[elsewhere]\ndbname=elsewhere\n")
    own = {
        "HOME": str(tmp_path), "PSQLRC": str(tmp_path / "rc"), "PSQL_EDITOR": f"touch {made}", "PAGER": f"touch {made}",
        "PGOPTIONS": "-c default_transaction_read_only=on", "PGDATABASE": "elsewhere", "PGHOST": "elsewhere.invalid",
        "PGPORT": "1", "PGUSER": "elsewhere", "PGSERVICE": "elsewhere", "PGCLIENTENCODING": "latin1",
    }  # fmt: skip
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    dump = tmp_path / "dump.sql"
    dump.write_text(f"{HEAD}create table public.t (said text);\ninsert into public.t values ('日本');\n{END}")
    restore(archive.recognise(dump), database, server.programs)
    assert not made.exists()
    with connect(database) as session:
        assert session.execute("select said, to_regclass('public.reached') from public.t").fetchall() == [
            ("日本", None)
        ]


@pytest.fixture(scope="module")
def shut() -> Iterator[LocalServer]:
    """A scratch server of this machine."""
    with LocalServer.start(find(), enclosed=True) as server:
        if not server.describe()["enclosure"].startswith("enclosed"):
            pytest.skip(server.describe()["enclosure"])
        yield server


@pytest.fixture(scope="module")
def somebody() -> Iterator[Address]:
    """A database of somebody else's on this machine, whom nothing of a copy may reach."""
    with LocalServer.start(find()) as server:
        yield server.address()


@pytest.fixture
def anybodys() -> Iterator[Path]:
    """A folder that every user of this machine may write to."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o777)
        yield Path(name)


#: What a superuser of the scratch server could do: foreign code that is one, or a migration that runs as one.
ATTEMPTS = {
    "a program writes": "copy (select 1) to program 'touch FILE'",
    "a program reads": "copy public.got from program 'cat SECRET'",
    "a file is written": "copy (select 1) to 'FILE'",
    "a file is read by COPY": "copy public.got from 'SECRET'",
    "pg_read_file": "insert into public.got select pg_read_file('SECRET')",
    "pg_read_binary_file": "insert into public.got select pg_read_binary_file('SECRET')::text",
    "the users of this machine": "copy public.got from '/etc/passwd'",
    "the environment of its keeper": "copy public.got from '/proc/self/environ'",
    "pg_ls_dir": "insert into public.got select pg_ls_dir('FOLDER')",
    "lo_import": "insert into public.got select lo_import('SECRET')::text",
    "lo_export": "select lo_export(lo_from_bytea(0, '\\x41'), 'FILE')",
    "a library": "load 'SECRET'",
    "a function in C": "create function public.c() returns int language c as 'SECRET', 'f'",
    "a tablespace": "create tablespace elsewhere location 'FOLDER'",
    "dblink over TCP": "insert into public.got select * from public.dblink('TCP', 'select 1') as t(a text)",
    "dblink over a socket": "insert into public.got select * from public.dblink('SOCKET', 'select 1') as t(a text)",
    "a subscription": "create subscription outside connection 'TCP' publication p",
    "a file by adminpack": "create extension adminpack; select pg_file_write('FILE', 'x', false)",
}


@pytest.mark.parametrize("statement", ATTEMPTS.values(), ids=ATTEMPTS)
def test_a_superuser_of_the_scratch_server_reaches_nothing_of_this_machine(
    shut: LocalServer, somebody: Address, anybodys: Path, statement: str
) -> None:
    made, secret = anybodys / "made", anybodys / "secret"
    secret.write_text("secret")
    where = somebody.parameters
    tcp = f"host={where['host']} port={where['port']} dbname=postgres user=postgres password={where['password']}"
    socket = tcp.replace(f"host={where['host']}", "host=/tmp")
    text = statement
    for word, value in (
        ("FILE", made), ("SECRET", secret), ("FOLDER", anybodys), ("TCP", tcp), ("SOCKET", socket)
    ):  # fmt: skip
        text = text.replace(word, str(value))
    database = shut.create("attacked")
    try:
        with connect(database, read_only=False) as session:
            session.execute("create table public.got (a text)")
            if "dblink" in text:
                session.execute("create extension dblink schema public")
            with pytest.raises(psycopg.Error) as refused:
                session.execute(text)  # type: ignore[arg-type]
            # Not because the attempt itself is none.
            assert refused.value.sqlstate not in {"42601", "42883", "42P01"} or "adminpack" in statement
            assert session.execute("select count(*) from public.got").fetchone() == (0,)
        assert not made.exists()
    finally:
        shut.drop(database)


def test_the_same_is_possible_where_nothing_shuts_it_in(somebody: Address, anybodys: Path) -> None:
    """The attempts are real: an open server lets them."""
    with connect(somebody, read_only=False) as session:
        session.execute(f"copy (select 1) to program 'touch {anybodys}/made'")  # type: ignore[arg-type]
        assert (anybodys / "made").exists()
        assert session.execute("select pg_read_file('/etc/passwd')").fetchone()


def test_a_command_that_the_server_is_told_later_does_not_run(shut: LocalServer, anybodys: Path) -> None:
    with connect(shut.address(), read_only=False) as session:
        for name in ("archive_cleanup_command", "ssl_passphrase_command", "restore_command"):
            session.execute(
                sql.SQL("alter system set {} = {}").format(sql.Identifier(name), sql.Literal(f"touch {anybodys}/made"))
            )
        session.execute("select pg_reload_conf()")
        session.execute("checkpoint")
        session.execute("alter system reset all")
    assert not (anybodys / "made").exists()


def test_whoever_rehearses_gets_one_that_is_shut_in(shut: LocalServer) -> None:
    with choose("local") as server:
        assert server.describe()["enclosure"].startswith("enclosed")


def test_the_server_of_root_is_a_user_who_owns_nothing_else(shut: LocalServer) -> None:
    if os.geteuid() != 0:
        pytest.skip("an ordinary user's server is that user's")
    owner = shut.data.stat().st_uid
    assert owner in OWN
    with LocalServer.start(find(), enclosed=True) as other:
        assert other.data.stat().st_uid != owner
    postmaster = (shut.data / "postmaster.pid").read_text().split()[0]
    status = Path(f"/proc/{postmaster}/status").read_text()
    assert f"Uid:\t{owner}\t{owner}\t{owner}\t{owner}" in status
    assert "Groups:\t\n" in status or "Groups:\t \n" in status
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status


def test_what_is_not_shut_in_says_so(programs: LocalPrograms, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"archive_mode": "on", "archive_command": "true"}
    with LocalServer.start(programs, settings=settings, enclosed=True) as server:
        assert server.describe()["enclosure"] == "not enclosed: its settings name commands (archive_command)"
    # A loader that may not be run: the server does not start within, and is started without.
    monkeypatch.setattr("pytest_pgsafe.server.enclosure.interpreter", lambda program: None)
    with LocalServer.start(programs, enclosed=True) as server:
        assert server.describe()["enclosure"].startswith("not enclosed: the server did not start so: ")
        with connect(server.address()) as session:
            assert session.execute("select 1").fetchone() == (1,)

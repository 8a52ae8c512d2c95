"""What others wrote runs nothing on this machine: docs/security.md, sentence by sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_pgsafe.backup import archive
from pytest_pgsafe.backup.restore import restore
from pytest_pgsafe.errors import RestoreError
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.programs import LocalPrograms

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

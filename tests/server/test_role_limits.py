"""What roles and databases limit their sessions by does not limit ours; where it does, it is said."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from pytest_pgsafe.backup.archive import recognise
from pytest_pgsafe.backup.complete import GLOBALS
from pytest_pgsafe.backup.moment import moment
from pytest_pgsafe.backup.restore import restore, run_sql
from pytest_pgsafe.backup.room import Room
from pytest_pgsafe.backup.take import take
from pytest_pgsafe.cli import run
from pytest_pgsafe.errors import SourceError
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect, sibling

SCHEMA = """
create table public.people (id int primary key, name text);
insert into public.people values (1, 'Ада 日本'), (2, 'Zoë'), (3, '𝄞');
create table public.big as select g as id, repeat('x', 100) as filler from generate_series(1, 20000) g;
create function public.greet() returns text language sql as $$ select 'Привет' $$;
"""


@pytest.fixture
def reader(server: Server, database: Address) -> Iterator[Address]:
    """A role that may read everything, and nothing else, known to the server by a password."""
    name, password = f"pgsafe_reader_{secrets.token_hex(4)}", secrets.token_hex(8)
    role = sql.Identifier(name)
    with connect(database, read_only=False) as session:
        session.execute(SCHEMA.encode())
        session.execute(sql.SQL("create role {} login password {} in role pg_read_all_data").format(role, password))
        yield Address({**database.parameters, "user": name, "password": password})
        session.execute("select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = %s", (name,))
        session.execute(sql.SQL("drop owned by {}").format(role))
        session.execute(sql.SQL("drop role {}").format(role))


def limit(database: Address, reader: Address, *settings: str) -> None:
    with connect(database, read_only=False) as session:
        for setting in settings:
            text = f"alter role {reader.user} in database {database.dbname} set {setting}"
            session.execute(text.encode())


LIMITS = [
    ["statement_timeout = 5"],
    ["lock_timeout = 1", "idle_in_transaction_session_timeout = 50"],
    ["idle_session_timeout = 200"],
    ["client_encoding = latin1"],
    ["client_encoding = sql_ascii"],
    ["default_transaction_isolation = serializable", "default_transaction_deferrable = on"],
    ["default_transaction_read_only = on"],
    ["work_mem = 64", "search_path = elsewhere", "datestyle = German", "row_security = on"],
    ["timezone = 'Asia/Tokyo'", "intervalstyle = iso_8601", "bytea_output = escape", "extra_float_digits = -15"],
    ["standard_conforming_strings = off", "quote_all_identifiers = on", "xmloption = document"],
    ["synchronize_seqscans = off", "enable_seqscan = off", "jit_above_cost = 0"],
]


@pytest.mark.parametrize("settings", LIMITS, ids=lambda settings: settings[0].split(" ")[0])
def test_what_a_role_is_limited_by_is_overruled(
    server: Server, database: Address, reader: Address, tmp_path: Path, settings: list[str]
) -> None:
    limit(database, reader, *settings)
    backup = take(reader, tmp_path / "backup", server.programs)
    assert backup.facts is not None
    assert backup.facts.tables["public.people"].rows == 3
    copy = server.create("copy")
    try:
        restore(backup.archive, copy, server.programs)
        with connect(copy) as session:
            names = session.execute("select name from public.people order by id").fetchall()
            assert names == [("Ада 日本",), ("Zoë",), ("𝄞",)]
            assert session.execute("select public.greet()").fetchone() == ("Привет",)
    finally:
        server.drop(copy)


def test_a_transaction_may_last(server: Server, database: Address, reader: Address, tmp_path: Path) -> None:
    if server.version.major < 17:
        pytest.skip("from 17 on")
    limit(database, reader, "transaction_timeout = 400")
    with connect(reader) as session, session.transaction():
        session.execute("select pg_sleep(0.8)")
    assert take(reader, tmp_path / "backup", server.programs).facts is not None


def test_a_session_may_be_idle(database: Address, reader: Address) -> None:
    limit(database, reader, "idle_session_timeout = 100", "idle_in_transaction_session_timeout = 100")
    with connect(reader) as session:
        threading.Event().wait(0.4)
        with session.transaction():
            session.execute("select 1")
            threading.Event().wait(0.4)
            session.execute("select 1")


def test_a_role_that_the_login_takes_on(server: Server, database: Address, reader: Address, tmp_path: Path) -> None:
    """One that may do less is put off; one that may do more, and is needed, is kept."""
    less, more = (f"pgsafe_{kind}_{secrets.token_hex(4)}" for kind in ("less", "more"))
    with connect(database, read_only=False) as session:
        session.execute(f"create role {less}; create role {more}; grant pg_read_all_data to {more}".encode())
        session.execute(f"grant {less} to {reader.user}; revoke pg_read_all_data from {reader.user}".encode())
        session.execute(f"grant select on all tables in schema public to {reader.user}".encode())
    try:
        limit(database, reader, f"role = {less}")
        with connect(reader) as session:
            assert session.execute("select current_user::text").fetchone() == (reader.user,)
        assert take(reader, tmp_path / "one", server.programs).facts is not None
        with connect(database, read_only=False) as session:
            session.execute(f"revoke select on all tables in schema public from {reader.user}".encode())
            session.execute(f"alter role {reader.user} noinherit".encode())
            inherits = " with inherit false" if server.version.major >= 16 else ""
            session.execute(f"grant {more} to {reader.user}{inherits}".encode())
        limit(database, reader, f"role = {more}")
        assert take(reader, tmp_path / "two", server.programs).facts is not None
    finally:
        with connect(database, read_only=False) as session:
            for role in (less, more):
                session.execute(f"drop owned by {role}; drop role {role}".encode())


def test_two_sessions_are_enough(server: Server, database: Address, reader: Address, tmp_path: Path) -> None:
    with connect(database, read_only=False) as session:
        session.execute(f"alter role {reader.user} connection limit 2".encode())
    assert take(reader, tmp_path / "backup", server.programs, jobs=4, most=4).facts is not None


@pytest.mark.parametrize("what", ["role", "database"])
def test_one_session_is_too_few(server: Server, database: Address, reader: Address, tmp_path: Path, what: str) -> None:
    name = reader.user if what == "role" else database.dbname
    with connect(database, read_only=False) as session:
        # The superuser's two sessions count for the database.
        session.execute(f"alter {what} {name} connection limit {1 if what == 'role' else 3}".encode())
        with pytest.raises(SourceError, match="needs 2 sessions of the source at once") as caught:
            take(reader, tmp_path / "backup", server.programs)
    assert "CONNECTION LIMIT" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sessions", range(2, 12))
def test_no_more_sessions_are_planned_than_there_are(sessions: int) -> None:
    for wanted in (1, 2, 4, 8):
        jobs, most, watching = Room(sessions=sessions, limit="", remedy="").shared(wanted, wanted)
        assert min(jobs, most) >= 1
        assert 1 + watching + (jobs if jobs == 1 else jobs + 1) + (most - 1) <= max(sessions, 2)


def test_a_role_that_may_not_set_something_is_told(
    database: Address, monkeypatch: pytest.MonkeyPatch, reader: Address
) -> None:
    from pytest_pgsafe.server import limits

    monkeypatch.setitem(limits.PINNED, "temp_file_limit", "-1")
    with pytest.raises(SourceError, match="may not set what pgsafe's sessions need: permission denied"):
        connect(reader)


def test_sibling_is_no_less_free(database: Address, reader: Address) -> None:
    limit(database, reader, "statement_timeout = 20", "client_encoding = latin1")
    with connect(reader) as session, sibling(session) as other:
        other.execute("select pg_sleep(0.1)")
        assert other.execute("select name from public.people where id = 3").fetchone() == ("𝄞",)


def test_a_database_without_encoding(server: Server) -> None:
    address = server.create("ascii", options={"encoding": "SQL_ASCII", "lc_collate": "C", "lc_ctype": "C"})
    try:
        with connect(address, read_only=False) as session:
            session.execute(b"create table public.t (x text); insert into public.t values (E'\\xe4'), ('\xc3\xa4')")
            found = session.execute("select x from public.t").fetchall()
            assert ("ä",) in found
            assert len(found) == 2
    finally:
        server.drop(address)


class _Renaming:
    """Rename a table away as soon as the list was read, and back before it is read again."""

    def __init__(self, session: psycopg.Connection[object], there: str, back: str) -> None:
        self.session, self.there, self.back, self.turns = session, there, back, 0

    def __call__(self, name: str) -> None:
        if name == "listed" and self.turns == 0:
            self.session.execute(self.there.encode())
        elif name == "locked" and self.turns == 0:
            self.session.execute(self.back.encode())
            self.turns = 1


@pytest.mark.parametrize(
    ("there", "back"),
    [
        ("alter table public.people rename to aside", "alter table public.aside rename to people"),
        ("alter schema public rename to aside", "alter schema aside rename to public"),
        ("create schema s; alter table public.people set schema s", "alter table s.people set schema public"),
    ],
)
def test_no_moment_is_without_its_locks(
    database: Address, reader: Address, monkeypatch: pytest.MonkeyPatch, there: str, back: str
) -> None:
    from pytest_pgsafe.backup import moment as module

    with psycopg.connect(**database.parameters, autocommit=True) as other:  # type: ignore[arg-type]
        told = _Renaming(other, there, back)
        lock = module._lock

        def between(*arguments: object) -> bool:
            told("listed")
            found = lock(*arguments)  # type: ignore[arg-type]
            if not found:
                told("locked")
            return found

        monkeypatch.setattr(module, "_lock", between)
        other.execute("set lock_timeout = 200")
        with moment(reader), pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute("truncate public.people")
        assert told.turns == 1


@pytest.fixture
def builder(server: Server) -> Iterator[Address]:
    """A role that owns a database of its own, and may read the server's."""
    name, password = f"pgsafe_builder_{secrets.token_hex(4)}", secrets.token_hex(8)
    made = server.create("built")
    with connect(server.address(), read_only=False) as session:
        session.execute(sql.SQL("create role {} login password {}").format(sql.Identifier(name), password))
        session.execute(sql.SQL("alter database {} owner to {}").format(*map(sql.Identifier, (made.dbname, name))))
    yield Address({**made.parameters, "user": name, "password": password})
    server.drop(made)
    with connect(server.address(), read_only=False) as session:
        session.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


#: What keeps psql, pg_restore and pg_dumpall from their work, or has them write something else.
FOR_PROGRAMS = [
    ["statement_timeout = 10"],
    ["client_encoding = latin1"],
    ["default_transaction_read_only = on"],
    ["default_transaction_isolation = serializable", "default_transaction_deferrable = on", "lock_timeout = 1"],
    ["role = pg_monitor"],
    ["transaction_timeout = 40"],
]


@pytest.mark.parametrize("settings", FOR_PROGRAMS, ids=lambda settings: settings[0].split(" ")[0])
def test_programs_are_as_free_when_they_fill_a_database(
    server: Server, database: Address, builder: Address, tmp_path: Path, settings: list[str]
) -> None:
    if settings[0].startswith("transaction_timeout") and server.version.major < 17:
        pytest.skip("from 17 on")
    with connect(database, read_only=False) as session:
        session.execute(SCHEMA.encode())
        session.execute(b"create table public.slow (n int check (pg_sleep(0.05) is not null))")
        session.execute(b"insert into public.slow values (1)")
        session.execute(f"grant pg_monitor to {builder.user}".encode())
    backup = take(database, tmp_path / "backup", server.programs)
    plain = tmp_path / "plain.sql"
    done = server.programs.run("pg_dump", ["--no-owner"], address=database, stdout=plain)
    assert done.returncode == 0
    script = tmp_path / "script.sql"
    lines = plain.read_text().replace("PostgreSQL database dump", "A script of one's own")
    script.write_text(
        "".join(line for line in lines.splitlines(True) if not line.startswith(("SET ", "\\restrict", "\\unrestrict")))
    )
    with connect(database, read_only=False) as session:
        for setting in settings:
            session.execute(f"alter role {builder.user} set {setting}".encode())
    for way in (
        lambda: restore(backup.archive, builder, server.programs, owners=False),
        lambda: restore(recognise(plain), builder, server.programs, owners=False),
        lambda: run_sql([script], builder, server.programs),
    ):
        with connect(builder, read_only=False) as session:
            session.execute(b"drop table if exists public.people, public.big, public.slow")
            session.execute(b"drop function if exists public.greet")
        way()
        with connect(builder) as session:
            names = session.execute("select name from public.people order by id").fetchall()
            assert names == [("Ада 日本",), ("Zoë",), ("𝄞",)]
            assert session.execute("select public.greet()").fetchone() == ("Привет",)
            owner = session.execute("select tableowner from pg_tables where tablename = 'people'").fetchone()
            assert owner == (builder.user,)


@pytest.mark.parametrize("settings", FOR_PROGRAMS, ids=lambda settings: settings[0].split(" ")[0])
def test_every_program_of_a_backup_is_as_free(
    server: Server, database: Address, reader: Address, tmp_path: Path, settings: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """pg_dumpall, too, which writes down the roles."""
    if settings[0].startswith("transaction_timeout") and server.version.major < 17:
        pytest.skip("from 17 on")
    with connect(database, read_only=False) as session:
        session.execute(f"grant pg_monitor to {reader.user}".encode())
        session.execute(f"comment on role {reader.user} is 'Ада 日本'".encode())
        for setting in settings:
            session.execute(f"alter role {reader.user} set {setting}".encode())
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PGSAFE_SOURCE", reader.url())
    assert run(["backup", f"--root={tmp_path / 'root'}"]) == 0
    [written] = (tmp_path / "root").rglob(GLOBALS)
    assert "Ада 日本" in written.read_text(encoding="utf-8")

"""A server that is not ours: only what pgsafe made there is touched."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_pgsafe.errors import CopyError, ServerError
from pytest_pgsafe.server import existing, marked
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.connection import connect, resolve
from pytest_pgsafe.server.existing import ExistingServer
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms
from pytest_pgsafe.server.version import Version


@pytest.fixture(scope="module")
def host(programs: LocalPrograms) -> Iterator[LocalServer]:
    """A server of somebody else's: theirs are its roles and the database ``theirs``."""
    with LocalServer.start(programs) as started:
        with connect(started.address(), read_only=False) as session:
            session.execute("create role maker createdb")
            session.execute("create role reader")
            session.execute('create role "Odd \\ role"')
            session.execute('grant reader, "Odd \\ role" to maker')
            session.execute("create role idle")
            session.execute("create database theirs")
            session.execute("grant pg_signal_backend to maker")
        yield started


@pytest.fixture
def address(host: LocalServer) -> Address:
    return host.address("theirs", user="maker")


def names(host: LocalServer) -> set[str]:
    with connect(host.address()) as session:
        return {name for (name,) in session.execute("select datname::text from pg_database").fetchall()}


def test_role_that_may_create_databases_is_enough(host: LocalServer, address: Address) -> None:
    before = names(host)
    with ExistingServer.start(address) as server:
        assert not server.owns_cluster
        assert server.version == host.version
        one = server.create("before")
        with connect(one, read_only=False) as session:
            session.execute("create table public.t as select 42 as n")
        two = server.clone(one, "after")
        with connect(two) as session:
            assert session.execute("select n from public.t").fetchone() == (42,)
        server.drop(one)
        assert names(host) - before == {two.dbname}
        with pytest.raises(CopyError, match="was not made by pgsafe"):
            server.drop(address)
        with pytest.raises(CopyError, match="was not made by pgsafe"):
            server.clone(address, "x")
        assert server.log() == ((), 0)
        assert "secret" not in str(server.describe())
        assert address.parameters["password"] not in str(server.describe())
    # Leaving dropped what was left, and nothing else.
    assert names(host) == before
    server.close()


def test_kept_databases_stay(host: LocalServer, address: Address) -> None:
    with ExistingServer.start(address) as server:
        made = server.create("kept")
        assert any(made.dbname in line for line in server.keep())
    assert made.dbname in names(host)
    with ExistingServer.start(address) as server:
        server.drop(made)
    assert made.dbname not in names(host)


@pytest.mark.parametrize("role", ["reader", "Odd \\ role"])
def test_other_role_by_set_role(address: Address, role: str) -> None:
    with ExistingServer.start(address) as server:
        with connect(server.address("theirs", user=role)) as session:
            assert session.execute("select current_user::text, session_user::text").fetchone() == (role, "maker")
        assert server.address("theirs", user="maker") == server.address("theirs")
        with pytest.raises(ServerError, match="no role 'nobody'"):
            server.address(user="nobody")


def test_role_without_createdb_is_refused(host: LocalServer) -> None:
    with pytest.raises(ServerError, match="does not let idle create databases") as raised:
        ExistingServer.start(host.address(user="idle"))
    assert raised.value.remedies == ('ALTER ROLE "idle" CREATEDB',)


def test_older_server_than_needed_is_refused(host: LocalServer, address: Address) -> None:
    needed = host.version.major + 1
    with pytest.raises(ServerError, match=rf"is PostgreSQL {host.version}, older than the {needed}"):
        ExistingServer.start(address, major=needed)


def test_resolved_address_is_complete_and_short(
    address: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = address.parameters["password"]
    passfile = tmp_path / "passfile"
    passfile.write_text(f"*:*:theirs:maker:{secret}\n")
    passfile.chmod(0o600)
    services = tmp_path / "services"
    services.write_text(f"[theirs]\nhost=127.0.0.1\nport={address.parameters['port']}\ndbname=theirs\n")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    monkeypatch.setenv("PGUSER", "maker")
    monkeypatch.setenv("PGPASSFILE", str(passfile))
    named = Address.parse("service=theirs")
    with connect(named) as session:
        assert resolve(session, named) == address
    extended = Address.parse(f"service=theirs passfile={passfile} options='-c work_mem=5MB' sslmode=disable")
    with connect(extended) as session:
        resolved = resolve(session, extended)
    assert resolved == address.with_(options="-c work_mem=5MB", sslmode="disable")


def test_unreachable_server(address: Address) -> None:
    with pytest.raises(ServerError, match="does not answer") as raised:
        ExistingServer.start(address.with_(port="1"))
    with pytest.raises(ServerError, match="password authentication failed") as wrong:
        ExistingServer.start(address.with_(password="wrong-secret"))
    assert "wrong-secret" not in f"{raised.value} {wrong.value}"


def test_what_cannot_be_dropped_is_told(host: LocalServer, address: Address) -> None:
    server = ExistingServer.start(address)
    one, two = server.create("one"), server.create("two")
    with connect(host.address(), read_only=False) as session:
        session.execute(f"comment on database {one.dbname} is 'taken over'")
    with pytest.raises(CopyError, match="were left") as raised:
        server.close()
    assert raised.value.looked_at == (one.dbname,)
    assert one.dbname in names(host)
    assert two.dbname not in names(host)
    with connect(host.address(), read_only=False) as session:
        session.execute(f"drop database {one.dbname}")


def test_client_programs_that_cannot_restore_there_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pg_dump", "pg_restore", "psql"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) 17.2'\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(
        existing.programs.find,
        "__kwdefaults__",
        {**(existing.programs.find.__kwdefaults__ or {}), "usual": (), "wheels": ()},
    )
    assert existing.client_programs(Version(170000)).version == Version(170002)
    with pytest.raises(ServerError, match=r"no client programs for PostgreSQL 16.*older than 17"):
        existing.client_programs(Version(160000))


_KILLED = """
import os, sys, time
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.existing import ExistingServer
server = ExistingServer.start(Address.parse(sys.stdin.readline().strip()))
one = server.create("killed")
if sys.argv[1] == "kept":
    server.keep()
print(one.dbname, flush=True)
time.sleep(60)
"""


@contextlib.contextmanager
def run_of_another(address: Address, how: str = "") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another run, with a database on the server."""
    with subprocess.Popen(
        [sys.executable, "-c", _KILLED, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        run.stdin.write(address.url() + "\n")
        run.stdin.flush()
        try:
            yield run, run.stdout.readline().strip()
        finally:
            run.kill()


def comment(host: LocalServer, name: str) -> str:
    with connect(host.address()) as session:
        query = "select shobj_description(oid, 'pg_database') from pg_database where datname = %s"
        [(found,)] = session.execute(query, (name,)).fetchall()
    return str(found)


def execute(host: LocalServer, *statements: str) -> None:
    with connect(host.address(), read_only=False) as session:
        for statement in statements:
            session.execute(statement)


def test_databases_of_a_killed_run_are_removed_by_the_next_one(host: LocalServer, address: Address) -> None:
    with run_of_another(address) as (run, name):
        with ExistingServer.start(address) as server:
            assert any(name in line and "is alive" in line for line in server.left)
            with pytest.raises(CopyError, match="was not made by pgsafe"):
                server.drop(server.address(name))
        assert name in names(host)
        run.kill()
        run.wait()
    ExistingServer.start(address).close()
    assert name not in names(host)


def test_a_database_that_was_kept_is_not_removed(host: LocalServer, address: Address) -> None:
    with run_of_another(address, "kept") as (run, name):
        run.kill()
        run.wait()
    ExistingServer.start(address).close()
    assert name in names(host)
    execute(host, f"drop database {name}")


def test_a_database_with_a_comment_like_ours_stays(host: LocalServer, address: Address) -> None:
    with run_of_another(address) as (run, name):
        copied = comment(host, name).replace("'", "''")
        run.kill()
        run.wait()
    execute(
        host,
        *(f"create database {one} owner maker" for one in ("pgsafe_x", "pgsafe_copied", "pgsafe_without")),
        "comment on database pgsafe_x is 'pgsafe scratch database, made 2026-01-01 by process 1 on host'",
        f"comment on database pgsafe_copied is '{copied}'",
        # Renamed by somebody who wants it.
        f"alter database {name} rename to pgsafe_renamed",
    )
    mine = {"pgsafe_x", "pgsafe_copied", "pgsafe_without", "pgsafe_renamed"}
    try:
        with ExistingServer.start(address) as server:
            assert {line.partition(":")[0] for line in server.left} == mine
            assert "left alone there: pgsafe_copied" in server.describe()["reason"]
            for one in mine:
                with pytest.raises(CopyError, match="was not made by pgsafe"):
                    server.drop(server.address(one))
        assert mine <= names(host)
    finally:
        execute(host, *(f"drop database {one}" for one in mine))


def test_a_run_on_another_machine_is_told_by_its_lock(host: LocalServer, address: Address) -> None:
    def elsewhere(oid: int, name: str) -> marked.DatabaseMark:
        return replace(marked.own(oid, name), host="elsewhere", boot="another", token="a" * 32)

    execute(host, "create database pgsafe_far owner maker", "create database pgsafe_far_copy owner maker")
    with connect(host.address()) as session:
        [(oid,)] = session.execute("select oid from pg_database where datname = 'pgsafe_far'").fetchall()
    mark = replace(elsewhere(oid, "pgsafe_far"), making=("pgsafe_far_copy", "theirs"))
    execute(host, f"comment on database pgsafe_far is '{mark.comment()}'")
    with connect(address.with_(dbname="postgres")) as session:
        session.execute("select pg_advisory_lock_shared(%s)", (mark.lock,))
        with ExistingServer.start(address) as server:
            assert any("the run on elsewhere that made it is alive" in line for line in server.left)
    with connect(address.with_(dbname="pgsafe_far")), ExistingServer.start(address) as server:
        assert any("somebody is on it" in line for line in server.left)
    ExistingServer.start(address).close()
    # With what was being copied from it; a name of somebody else's in it counts for nothing.
    assert not {"pgsafe_far", "pgsafe_far_copy"} & names(host)
    assert "theirs" in names(host)

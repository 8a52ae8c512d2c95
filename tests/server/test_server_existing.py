"""A server that is not ours: only what pgsafe made there is touched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_pgsafe.errors import CopyError, ServerError
from pytest_pgsafe.server import existing
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

"""Restoring without being superuser: as the roles that managed services give, each made with its rights here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql

from dump_forms import FORMS, ROLES, Made, shop
from pytest_pgsafe.errors import PgsafeError, ServerError, UsageError
from pytest_pgsafe.runbook.admission import Order
from pytest_pgsafe.runbook.restore import restore
from pytest_pgsafe.runbook.verify import Scratch, verify
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from tests.tiers import part

#: What the services call the role of their superusers' stand-in, with the attributes and memberships that it has.
SERVICES = {
    "rds_superuser": ("CREATEDB CREATEROLE", ("pg_monitor", "pg_signal_backend", "pg_checkpoint")),
    "cloudsqlsuperuser": ("CREATEDB CREATEROLE", ("pg_monitor", "pg_signal_backend")),
    "azure_pg_admin": ("CREATEDB CREATEROLE", ("pg_monitor", "pg_read_all_settings")),
    "neon_superuser": ("CREATEDB CREATEROLE BYPASSRLS", ("pg_read_all_data", "pg_write_all_data")),
    "supabase_admin_of_projects": ("CREATEDB CREATEROLE BYPASSRLS", ("pg_read_all_data", "pg_monitor")),
}
PASSWORD = "not a secret"


@pytest.fixture(scope="module")
def source(server: Server) -> Iterator[Address]:
    with shop(server) as address:
        yield address


@pytest.fixture(params=part(SERVICES, 3))
def who(server: Server, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Address]:
    """The address of who restores: a role that logs in, member of the service's own."""
    attributes, memberships = SERVICES[request.param]
    group, login = (f"{request.param}_{os.getpid()}", f"app_admin_{os.getpid()}")
    with connect(server.address(), read_only=False) as session:
        there = {name for (name,) in session.execute("select rolname from pg_roles")}
        session.execute(sql.SQL(f"create role {{}} nologin {attributes}").format(sql.Identifier(group)))  # type: ignore[arg-type]
        session.execute(
            sql.SQL(f"create role {{}} login {attributes} password {{}}").format(  # type: ignore[arg-type]
                sql.Identifier(login), sql.Literal(PASSWORD)
            )
        )
        session.execute(sql.SQL("grant {} to {}").format(sql.Identifier(group), sql.Identifier(login)))
        for name in memberships:
            if name in there:
                session.execute(sql.SQL("grant {} to {}").format(sql.Identifier(name), sql.Identifier(group)))
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    yield server.address().with_(user=login, password=PASSWORD)
    with connect(server.address(), read_only=False) as session:
        made = session.execute(
            "select datname from pg_database where pg_get_userbyid(datdba) = %s", (login,)
        ).fetchall()
        for (name,) in made:
            session.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
        for name in (login, group):
            session.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


#: Of what does not depend on the service.
ONE = pytest.mark.parametrize("who", ["rds_superuser"], indirect=True)
#: One of each program and way; the others differ in what is read, which the other tests try.
TRIED = (
    "plain", "custom called .sql", "directory", "tar called .sql", "session authorization", "hosted service",
    "schemas by name", "schemas by name, custom", "create", "cluster", "structure of Rails",
)  # fmt: skip


def test_without_owners_everything_is_restored(server: Server, source: Address, who: Address, tmp_path: Path) -> None:
    for form in TRIED:
        folder = tmp_path / form
        folder.mkdir()
        made = Made(server.programs, source, folder)
        path = made.dump("--use-set-session-authorization") if form not in FORMS else FORMS[form].make(made)
        with pytest.raises(UsageError, match=r"who restores, may not give anything to Shop owner") as caught:
            restore(path, who.with_(dbname="managed"), Order())
        assert any("--no-owner" in one for one in caught.value.remedies)
        into = who.with_(dbname="managed")
        done = restore(path, into, Order(owners=False))
        assert done.relations == 2, form
        with connect(into) as session:
            owners = session.execute(
                "select distinct pg_get_userbyid(relowner) from pg_class where oid >= 16384 and relkind in ('r', 'v')"
            ).fetchall()
            granted = session.execute("select count(*) from pg_class where oid >= 16384 and relacl is not null")
            assert (owners, granted.fetchone()) == ([(who.user,)], (0,)), form
        with connect(who.with_(dbname="postgres"), read_only=False) as session:
            session.execute("drop database managed")


def test_verify_says_what_the_role_may_not_do(server: Server, source: Address, who: Address, tmp_path: Path) -> None:
    for form in ("plain", "custom called .sql", "schemas by name, custom"):
        folder = tmp_path / form
        folder.mkdir()
        found = verify(FORMS[form].make(Made(server.programs, source, folder)), Scratch(use=who.url()))
        assert {one.name for one in found.outcomes if one.result == "failed"} == set(), found.outcomes
        assert any(
            one.startswith("owners and privileges: ") and "is no member of the role" in one
            for one in found.not_verified
        ), found.not_verified


@ONE
def test_what_takes_a_superuser(server: Server, who: Address, tmp_path: Path, database: Address) -> None:
    extension = "adminpack" if server.version.major < 17 else "pageinspect"
    with connect(database, read_only=False) as session:
        session.execute(
            "create table public.t (n int); create function public.f() returns event_trigger language plpgsql as"
            " 'begin end'; create event trigger watching on ddl_command_end execute function public.f()"
        )
    for form in ("plain", "custom"):
        path = Made(server.programs, database, tmp_path).dump(f"--format={form}", name=form)
        done = restore(path, who.with_(dbname="managed"), Order(owners=False))
        assert [note for note in done.notes if "only a superuser" in note and "event trigger watching" in note], done
        with connect(who.with_(dbname="postgres"), read_only=False) as session:
            session.execute("drop database managed")
    with connect(database, read_only=False) as session:
        session.execute(f"create extension {extension}".encode())
    for form in ("plain", "custom"):
        path = Made(server.programs, database, tmp_path).dump(f"--format={form}", name=form)
        with pytest.raises(ServerError, match=f"may not create the extension {extension}"):
            restore(path, who.with_(dbname="managed"), Order(owners=False))


@ONE
def test_a_member_of_the_owners_is_told_what_they_lack(
    server: Server, source: Address, who: Address, tmp_path: Path
) -> None:
    """From 15 on nobody but the database's owner makes anything in public: no membership cures that."""
    if server.version.major < 15:
        pytest.skip("everybody makes tables in public there")
    members = (*ROLES, source.user)
    with connect(server.address(), read_only=False) as session:
        for role in members:
            session.execute(sql.SQL("grant {} to {}").format(sql.Identifier(role), sql.Identifier(who.user)))
    try:
        path = FORMS["plain"].make(Made(server.programs, source, tmp_path))
        with pytest.raises(PgsafeError, match="permission denied for schema public") as caught:
            restore(path, who.with_(dbname="managed"), Order())
        assert any("may create nothing in the schema public: say --no-owner" in one for one in caught.value.remedies)
    finally:
        with connect(server.address(), read_only=False) as session:
            for role in members:
                session.execute(sql.SQL("revoke {} from {}").format(sql.Identifier(role), sql.Identifier(who.user)))


def test_a_policy_of_a_role_that_is_not_there(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "dump.sql"
    path.write_text(
        "create table public.t (n int);\ncreate policy p on public.t to nobody_at_all, public using (true);\n"
    )
    for owners in (True, False):
        with pytest.raises(PgsafeError, match="nobody_at_all"):
            restore(path, server.address("managed"), Order(owners=owners))

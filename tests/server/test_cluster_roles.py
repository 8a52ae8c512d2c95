"""Roles of the source's cluster are on the copy: a migration may name one that no object of the database names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_pgsafe.backup.globals import of_globals
from pytest_pgsafe.backup.take import take
from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.config.values import Settings, Source, Way
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Outcome, Result
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from tests.conftest import SERVERS, start

ROLES = """
create role clinic_owner nologin connection limit 3;
create role "Odd, role" login password 'secret' nosuperuser createdb;
create role boss superuser login;
create role rds_superuser nologin noinherit in role pg_monitor, pg_signal_backend;
create role nurse login in role clinic_owner;
grant clinic_owner to "Odd, role" with admin option;
alter role nurse set search_path = 'app', public;
alter role nurse set statement_timeout = '61s';
comment on role clinic_owner is 'owns the clinic';
"""
TABLES = "create table public.t (id integer primary key); insert into public.t values (1);"


@pytest.fixture(params=[name for name in SERVERS if not name.startswith("existing")])
def cluster(request: pytest.FixtureRequest) -> Iterator[Server]:
    with start(request.param) as server:
        with connect(server.address(), read_only=False) as session:
            session.execute(ROLES.encode())
        yield server


@pytest.fixture
def source(cluster: Server) -> Address:
    address = cluster.create("source")
    with connect(address, read_only=False) as session:
        session.execute(TABLES.encode())
    return address


def run(cluster: Server, source: Source, folder: Path, migration: str, use: str | None = None) -> Result:
    (folder / "migration.sql").write_text(migration)
    image = cluster.describe()["origin"].removeprefix("image ") if cluster.kind == "container" else None
    server = ServerSettings(use=cluster.kind if use is None else use, image=image)
    way = Way(kind="sql", path=folder / "migration.sql")
    return rehearse(Settings(folder=folder, source=source, migration=way, server=server))


def failures(result: Result) -> list[str | None]:
    return [step.reason for step in result.steps if step.outcome is Outcome.FAILED]


def is_true(condition: str) -> str:
    return f"do $$ begin if not coalesce(({condition}), false) then raise 'it is not so'; end if; end $$;"


#: Each names a role, or asks what it is; one of them that fails ends the migration with its own words.
NAMING = (
    "alter table t owner to clinic_owner;",
    'grant select on t to "Odd, role";',
    "create policy p on t to nurse using (true);",
    "alter default privileges for role clinic_owner grant select on tables to nurse;",
    "set role nurse; reset role; create schema app authorization clinic_owner;",
    is_true("pg_has_role('nurse', 'clinic_owner', 'usage')"),
    is_true("pg_has_role('rds_superuser', 'pg_monitor', 'member')"),
    is_true("""select rolconnlimit = 3 and not rolcanlogin from pg_roles where rolname = 'clinic_owner'"""),
    is_true("""select rolcreatedb and rolcanlogin from pg_roles where rolname = 'Odd, role'"""),
    is_true("""select array_to_string(setconfig, ';') = 'search_path=app, public;statement_timeout=61s'"""
            """ from pg_db_role_setting where setrole = 'nurse'::regrole"""),
    is_true("""select admin_option from pg_auth_members where member = '"Odd, role"'::regrole"""),
    is_true("select shobj_description('clinic_owner'::regrole, 'pg_authid') = 'owns the clinic'"),
    # What a migration may not do as somebody else's superuser.
    is_true("select not rolsuper from pg_roles where rolname = 'boss'"),
    is_true("""select rolpassword is null from pg_authid where rolname = 'Odd, role'"""),
)  # fmt: skip


def test_roles_that_no_object_names_are_there(cluster: Server, source: Address, tmp_path: Path) -> None:
    result = run(cluster, Source(dsn=source.url()), tmp_path, "\n".join(NAMING))
    assert not failures(result)
    assert not [gap for gap in result.not_verified if "ROLE" in gap.object]


def test_what_a_role_is_not_is_seen(cluster: Server, source: Address, tmp_path: Path) -> None:
    """The conditions above can fail."""
    result = run(cluster, Source(dsn=source.url()), tmp_path, is_true("pg_has_role('nurse', 'pg_monitor', 'member')"))
    assert ["it is not so" in str(reason) for reason in failures(result)] == [True]


def test_a_role_that_is_not_there_is_missed_here_too(cluster: Server, source: Address, tmp_path: Path) -> None:
    result = run(cluster, Source(dsn=source.url()), tmp_path, "alter table t owner to nobody_at_all;")
    assert ['role "nobody_at_all" does not exist' in str(reason) for reason in failures(result)] == [True]


def test_a_role_that_is_there_cannot_be_made_again(cluster: Server, source: Address, tmp_path: Path) -> None:
    result = run(cluster, Source(dsn=source.url()), tmp_path, "create role nurse;")
    assert ['role "nurse" already exists' in str(reason) for reason in failures(result)] == [True]


def test_a_reader_without_rights_sees_them_all(cluster: Server, source: Address, tmp_path: Path) -> None:
    with connect(source, read_only=False) as session:
        session.execute("create role reader login; grant pg_read_all_data to reader")
    reader = cluster.address(source.dbname, user="reader")
    result = run(cluster, Source(dsn=reader.url()), tmp_path, "alter table t owner to clinic_owner;")
    assert not failures(result)


def test_a_kept_backup_has_them(cluster: Server, source: Address, tmp_path: Path) -> None:
    take(source, tmp_path / "kept", cluster.programs)
    with connect(source, read_only=False) as session:
        session.execute("drop role nurse; drop role clinic_owner")
    given = Source(backup=tmp_path / "kept")
    assert not failures(run(cluster, given, tmp_path, "alter table t owner to clinic_owner;"))


def test_a_dump_without_facts_has_those_of_globals_beside_it(cluster: Server, source: Address, tmp_path: Path) -> None:
    dump = tmp_path / "crm.dump"
    done = cluster.programs.run("pg_dump", ["--format=custom"], address=source, stdout=dump)
    assert done.returncode == 0
    given = Source(backup=dump)
    assert failures(run(cluster, given, tmp_path, "alter table t owner to clinic_owner;"))
    arguments = ["--globals-only", "--no-role-passwords"]
    done = cluster.programs.run("pg_dumpall", arguments, address=source, stdout=tmp_path / "globals.sql")
    assert done.returncode == 0, done.stderr
    check = "alter table t owner to clinic_owner;" + is_true("pg_has_role('nurse', 'clinic_owner', 'usage')")
    assert not failures(run(cluster, given, tmp_path, check))


def test_what_globals_say_is_what_the_catalog_says(cluster: Server, source: Address, tmp_path: Path) -> None:
    from pytest_pgsafe.catalog.read import read

    arguments = ["--globals-only", "--no-role-passwords"]
    done = cluster.programs.run("pg_dumpall", arguments, address=source, stdout=tmp_path / "globals.sql")
    assert done.returncode == 0, done.stderr
    told = of_globals(tmp_path / "globals.sql")
    with connect(source) as session:
        known = read(session).cluster_roles
    assert known is not None
    assert set(told) == set(known)
    for name, role in known.items():
        found = told[name]
        assert (found.superuser, found.inherit, found.create_db, found.login, found.connection_limit) == (
            role.superuser, role.inherit, role.create_db, role.login, role.connection_limit,
        )  # fmt: skip
        assert set(found.settings) == set(role.settings)
        assert sorted(found.member_of) == sorted(role.member_of)


def test_on_an_existing_server_none_is_made_and_it_is_said(cluster: Server, source: Address, tmp_path: Path) -> None:
    with start(f"existing:{cluster.version.major}") as existing:
        result = run(cluster, Source(dsn=source.url()), tmp_path, "select 1;", existing.address().url())
        assert not failures(result)
        [gap] = [gap for gap in result.not_verified if gap.object == "roles of the cluster"]
        assert "clinic_owner" in gap.reason
        with connect(existing.address()) as session:
            made = session.execute("select count(*) from pg_roles where rolname = 'clinic_owner'").fetchone()
    assert made == (0,)

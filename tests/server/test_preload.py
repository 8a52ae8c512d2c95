"""Extensions that want more of the scratch server than their files: real ones, where their packages are installed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from pytest_pgsafe.backup.archive import recognise
from pytest_pgsafe.backup.restore import restore
from pytest_pgsafe.backup.take import take
from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.config.values import Settings, Source, Way
from pytest_pgsafe.errors import ServerError
from pytest_pgsafe.rehearsal.preflight import preflight
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.runbook.verify import Scratch, verify
from pytest_pgsafe.server import preload
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.choose import choose
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import find

SCHEMA = """
create extension pg_cron;
create table visit (id int primary key, at timestamptz default now());
insert into visit select n from generate_series(1, 20) n;
"""
#: Every second minute something is lost, if it runs.
JOB = "select cron.schedule('purge', '* * * * *', 'delete from public.visit')"


@pytest.fixture(scope="module")
def cron(server: Server) -> Iterator[tuple[Server, Address]]:
    """A server with pg_cron, as somebody runs it, and a database with a job."""
    if server.kind != "local":
        pytest.skip("the source is a local server")
    if "pg_cron" not in server.extensions():
        pytest.skip(f"pg_cron is not installed for PostgreSQL {server.version.major} (Debian: postgresql-MAJOR-cron)")
    settings = {"shared_preload_libraries": "pg_cron", "cron.database_name": "clinic"}
    with choose("local", major=server.version.major, settings=settings) as source:
        with psycopg.connect(**source.address().parameters, autocommit=True) as connection:
            connection.execute("create database clinic")
        address = source.address("clinic")
        with psycopg.connect(**address.parameters, autocommit=True) as connection:
            connection.execute(SCHEMA)
            connection.execute(JOB)
        yield source, address


def settings_of(address: Address, folder: Path, *libraries: str) -> Settings:
    migration = folder / "migration.sql"
    migration.write_text(
        "alter table visit add column note text;\n"
        "select cron.schedule('tidy', '* * * * *', 'delete from public.visit');\n"
    )
    return Settings(
        folder=folder,
        source=Source(dsn=address.url()),
        migration=Way(kind="sql", path=migration),
        server=ServerSettings(use="local", preload=libraries),
    )


def test_what_is_missing_is_told_before_anything_is_restored(cron: tuple[Server, Address], tmp_path: Path) -> None:
    with pytest.raises(ServerError) as error:
        preflight(settings_of(cron[1], tmp_path))
    assert "pg_cron" in error.value.message
    assert list(error.value.remedies) == ['write preload = ["pg_cron"] into [server] of pgsafe.toml']


def test_a_source_with_jobs_is_rehearsed_and_none_of_them_runs(cron: tuple[Server, Address], tmp_path: Path) -> None:
    result = rehearse(settings_of(cron[1], tmp_path, "pg_cron"))
    assert result.verdict == "passed", result
    assert [step.name for step in result.steps if step.outcome.value == "failed"] == []


def test_a_backup_of_it_is_proven_and_its_jobs_are_there(cron: tuple[Server, Address], tmp_path: Path) -> None:
    source, address = cron
    take(address, tmp_path / "backup", source.programs, durable=False)
    with pytest.raises(ServerError, match="shared_preload_libraries"):
        verify(tmp_path / "backup", Scratch(use="local"), record=False)
    proof = verify(tmp_path / "backup", Scratch(use="local", preload=("pg_cron",)), record=False)
    assert proof.proven, proof


_RUNS = "select count(*) > 0 from cron.job_run_details"


def test_a_copy_runs_no_job(cron: tuple[Server, Address]) -> None:
    source, address = cron
    settings = {**preload.settings(["pg_cron"]), "cron.database_name": "copy"}
    with choose("local", major=source.version.major, settings=settings) as server:
        with psycopg.connect(**server.address().parameters, autocommit=True) as connection:
            connection.execute("create database copy")
        copy = server.address("copy")
        with psycopg.connect(**copy.parameters, autocommit=True) as connection:
            connection.execute(SCHEMA)
            connection.execute(JOB)
        # The source has begun its own in the same time.
        with psycopg.connect(**address.parameters, autocommit=True) as connection:
            end = time.monotonic() + 90
            while connection.execute(_RUNS).fetchone() != (True,):
                assert time.monotonic() < end
                time.sleep(0.5)
        time.sleep(2)
        with psycopg.connect(**copy.parameters) as connection:
            assert connection.execute(_RUNS).fetchone() == (False,)


def test_settings() -> None:
    assert preload.settings(()) == {}
    found = preload.settings(["pg_stat_statements", "pg_cron"])
    assert found["shared_preload_libraries"] == '"pg_stat_statements", "pg_cron"'
    assert found["cron.database_name"].startswith(preload.CRON_PREFIX)
    assert "cron.database_name" not in preload.settings(["pgaudit"])


def test_pgaudit_too(server: Server, tmp_path: Path) -> None:
    if server.kind != "local" or "pgaudit" not in server.extensions():
        pytest.skip("pgaudit is not installed (Debian: postgresql-MAJOR-pgaudit)")
    schema = tmp_path / "schema.sql"
    schema.write_text("create extension pgaudit; create table t (id int primary key);")
    wanted = Settings(folder=tmp_path, source=Source(sql=(schema,)), server=ServerSettings(use="local"))
    # Of the major that has it.
    schema.write_text(
        f"-- PostgreSQL database dump\n-- Dumped from database version {server.version.major}.1\n" + schema.read_text()
    )
    result = rehearse(replace(wanted, server=ServerSettings(use="local", preload=("pgaudit",))))
    assert [step.reason for step in result.steps if step.outcome.value == "failed"] == []


#: TimescaleDB's own packages are in no archive of Debian: an extension of its name notes the calls that its manual asks
#: for around a restore.
TIMESCALEDB = """
create function reading() returns bool language sql as $$select to_regclass('public.reading') is not null$$;
create table timescaledb_calls (n int generated always as identity, what text, there bool);
create function timescaledb_pre_restore() returns bool language sql set search_path = public as
$$insert into timescaledb_calls (what, there) values ('pre', reading()) returning true$$;
create function timescaledb_post_restore() returns bool language sql set search_path = public as
$$insert into timescaledb_calls (what, there) values ('post', reading()) returning true$$;
"""


def test_timescaledb_is_told_before_and_after(tmp_path: Path) -> None:
    try:
        wheel = find(path="", usual=())
    except ServerError as error:
        pytest.skip(str(error))
    for part in ("bin", "lib", "share"):
        shutil.copytree(wheel.folder.parent / part, tmp_path / "pg" / part, symlinks=True)
    [plpgsql] = (tmp_path / "pg" / "share").rglob("plpgsql.control")
    (plpgsql.parent / "timescaledb.control").write_text("default_version = '1'\nrelocatable = false\nschema = public\n")
    (plpgsql.parent / "timescaledb--1.sql").write_text(TIMESCALEDB)
    with LocalServer.start(find(bin_dir=tmp_path / "pg" / "bin")) as server:
        source = server.create("source")
        with psycopg.connect(**source.parameters, autocommit=True) as connection:
            connection.execute(
                "create extension timescaledb; create table reading (id int); insert into reading values (1)"
            )
        backup = take(source, tmp_path / "backup", server.programs, durable=False)
        plain = tmp_path / "plain.sql"
        done = server.programs.run("pg_dump", [f"--file={plain}"], address=source)
        assert done.returncode == 0, done.stderr
        for number, archive in enumerate((backup.archive, recognise(plain))):
            copy = server.create(f"copy{number}")
            restore(archive, copy, server.programs)
            with psycopg.connect(**copy.parameters) as connection:
                calls = connection.execute("select what, there from timescaledb_calls order by n").fetchall()
                assert calls == [("pre", False), ("post", True)]
                assert connection.execute("select count(*) from reading").fetchone() == (1,)

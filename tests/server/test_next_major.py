"""From one major to the next: what was planted is found, and nothing else is told."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pytest_pgsafe.backup.restore import run_sql
from pytest_pgsafe.checks.values import Severity
from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.config.values import Settings, Source
from pytest_pgsafe.errors import ConfigError, ServerError
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Outcome, Result
from pytest_pgsafe.report.json import document
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.discovery import examine, places
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import find
from pytest_pgsafe.server.version import SUPPORTED, Version
from pytest_pgsafe.upgrade import collations, gone, settings
from tests.tiers import FULL

ROOT = Path(__file__).parents[2]
BASE = ROOT / "fixtures" / "checks" / "base.sql"
CRM = ROOT / "fixtures" / "crm"
#: Gone with 17.
GONE = {"db_user_namespace": "off"}
PLANTED = """
create table public.noted (id int primary key, what regproc);
insert into public.noted values (1, 'pg_catalog.now');
create function public.load() returns bigint language plpgsql as
    $$declare n bigint; begin select b.{column} into n from {relation} b; return n; end$$;
"""
#: What a newer major writes otherwise, and means the same: words that are keywords there, sequences of unlogged tables,
#: arrays of an extension's types as its members. And a shell operator that nothing names, and a key of two levels of
#: partitions.
PRINTED = """
create extension hstore schema public;
create table public.documents (id int primary key, json jsonb check (json is not null), system_user text);
create table public.loose (a int, json text, json_value int);
insert into public.documents values (1, '{"json": 1}', 'x');
insert into public.loose values (1, '[]', 2), (3, '{}', 4);
create materialized view public.shown as select json, a, json_value from public.loose;
create index json_object on public.documents ((json ->> 'json'));
create type public.json_table as (json text);
create unlogged table public.fast (id int generated always as identity primary key);
create operator public.=== (leftarg = int, rightarg = int, function = int4eq, negator = operator(public.!==));
drop operator public.=== (int, int);
create table public.far (a int primary key);
create table public.near (a int references public.far) partition by range (a);
create table public.middle (a int constraint ours references public.far) partition by range (a);
create table public.inner_part partition of public.middle for values from (0) to (10);
alter table public.near attach partition public.middle for values from (0) to (10);
"""
#: What 17 and 18 have no more, and where it stood.
COLUMNS = {17: ("pg_stat_bgwriter", "buffers_checkpoint"), 18: ("pg_stat_wal", "wal_write")}


def majors() -> list[int]:
    """Return the majors whose server programs this machine has."""
    found = {version.major for place in places(path=None) if isinstance(version := examine(place.folder), Version)}
    return sorted(found & set(SUPPORTED))


def pairs() -> list[tuple[int, int]]:
    """Return each major with each newer one; without PGSAFE_TEST_FULL=1 the two ends."""
    there = majors()
    every = [(old, new) for old in there for new in there if old < new]
    return every if FULL else every[len(there) - 2 : len(there) - 1]


def test_two_majors_are_here() -> None:
    if not pairs():
        assert os.environ.get("PGSAFE_TEST_REQUIRE_SERVER") != "1", majors()
        pytest.skip("the programs of two majors are needed")


@pytest.fixture(scope="module", params=pairs(), ids=lambda pair: f"{pair[0]}-{pair[1]}")
def source(request: pytest.FixtureRequest) -> Iterator[tuple[LocalServer, int]]:
    """A live server, and the major that is to be the next one."""
    old, new = request.param
    with LocalServer.start(find(old, exact=True), settings=GONE if old < 17 <= new else None) as server:
        yield server, new


def upgraded(address: Address, major: int, tmp_path: Path) -> Result:
    told = ServerSettings(use="local", major=major)
    return rehearse(Settings(folder=tmp_path, source=Source(dsn=address.url()), server=told))


def errors(result: Result) -> list[tuple[str, str]]:
    return [(one.code, one.object) for one in result.findings if one.severity is Severity.ERROR]


def stored(address: Address) -> bool:
    """Tell whether the server keeps something for itself among the options of columns, as 15.20 does."""
    with connect(address) as session:
        row = session.execute(
            "select exists (select from pg_attribute where array_to_string(attoptions, ',') like '%pg\\_attver%')"
        ).fetchone()
    return row == (True,)


def built(server: Server, *files: Path, more: str = "") -> Address:
    address = server.create("old")
    run_sql(files, address.with_(options="-c crm.scale=0.02"), server.programs)
    if more:
        with connect(address, read_only=False) as session:
            session.execute(more.encode())
    return address


def test_nothing_is_told_but_what_was_planted(source: tuple[LocalServer, int], tmp_path: Path) -> None:
    server, major = source
    address = built(server, BASE, more=PRINTED)
    result = upgraded(address, major, tmp_path)
    gone = [("PGS040", "setting db_user_namespace")] if server.version.major < 17 <= major else []
    # What 15.20 stores for itself no other server takes: pg_upgrade fails, and says so.
    failed = [("PGS045", "pg_upgrade")] if stored(address) else []
    assert errors(result) == [*gone, *failed], result.findings
    assert not [one for one in result.findings if one.severity is Severity.WARNING], result.findings
    assert not [gap for gap in result.not_verified if gap.object.startswith("type ")]
    assert [step.outcome for step in result.steps if step.name in {"major", "upgrade"}] == [Outcome.PASSED] * 2
    assert result.upgrade is not None
    told = document(result)["major"]
    assert told["pg_upgrade_check"] == "passed"
    assert told["seconds"]["restore"] > 0
    assert (told["seconds"]["pg_upgrade_link"] is None) == bool(failed)
    if not failed:
        assert [one.mode for one in result.upgrade.transfers] == ["copy", "link"]
    else:
        assert "pg_attver" in json.dumps([one.message for one in result.findings])


def test_what_pg_upgrade_refuses_is_told_with_its_object(source: tuple[LocalServer, int], tmp_path: Path) -> None:
    server, major = source
    relation, column = COLUMNS[17 if server.version.major < 17 else 18]
    address = built(server, more=PLANTED.format(relation=relation, column=column))
    result = upgraded(address, major, tmp_path)
    named = [found.message for found in result.findings if (found.code, found.object) == ("PGS015", "public.load()")]
    assert [f"{relation}.{column}" in message for message in named] == [True] * (major >= 17), result.findings
    [one] = [found for found in result.findings if found.code == "PGS044"]
    assert "reg* data types" in one.message
    assert "public.noted.what" in one.message
    # Under the name that the source has, not that of the copy of it.
    assert f"In database: {address.dbname};" in one.message
    assert result.upgrade is not None
    assert not result.upgrade.transfers
    assert result.verdict == "failed"


@pytest.mark.skipif(not FULL, reason="PGSAFE_TEST_FULL=1: half a minute, and programs of 17 and of 18")
def test_what_pg_upgrade_passes_with_a_warning_is_one(source: tuple[LocalServer, int], tmp_path: Path) -> None:
    server, major = source
    if (server.version.major, major) != (17, 18):
        pytest.skip("18 alone warns, of what 17 has")
    address = built(
        server,
        more="create table public.t (id int primary key, name text collate pg_catalog.pg_c_utf8);"
        "create index by_lower on public.t (pg_catalog.lower(name)); insert into public.t values (1, 'a')",
    )
    result = upgraded(address, major, tmp_path)
    [one] = [found for found in result.findings if found.code == "PGS044"]
    assert one.severity is Severity.WARNING
    assert "Your installation contains relations that might be affected by a new version of Unicode" in one.message
    assert f"In database: {address.dbname}; (oid=" in one.message
    assert "public.by_lower" in one.message
    assert result.verdict == "passed"
    # The source has no checksums, and initdb of 18 makes some.
    assert "setting data_checksums" in {found.object for found in result.findings if found.code == "PGS041"}


@pytest.mark.skipif(not FULL, reason="PGSAFE_TEST_FULL=1: a minute for each pair of majors")
def test_the_crm_goes_to_the_next_major(source: tuple[LocalServer, int], tmp_path: Path) -> None:
    server, major = source
    address = built(server, CRM / "schema.sql", CRM / "data.sql")
    result = upgraded(address, major, tmp_path)
    assert {code for code, _ in errors(result)} <= {"PGS040", *({"PGS045"} if stored(address) else ())}, result.findings


def test_what_only_one_of_two_servers_has_is_looked_for_in_functions(two: tuple[Address, Address]) -> None:
    for address, names in zip(two, ("gone, kept", "kept"), strict=True):
        with connect(address, read_only=False) as session:
            session.execute("create extension citext schema public")
            session.execute(
                f"create view public.seen as select {names} from (values (1, 2)) as v (gone, kept)".encode()
            )
            session.execute("create function public.left_out() returns int language sql as 'select 1'")
            session.execute("alter extension citext add view public.seen")
    with connect(two[0], read_only=False) as session:
        session.execute("alter extension citext add function public.left_out()")
    bodies = {
        "of_a_column": "select s.gone from public.seen s",
        "of_a_function": "select public.left_out()",
        "of_none": "select kept from seen; select gone from other.seen; select other.left_out(), left_out from t",
    }
    functions = {
        f"public.{name}()": f"CREATE FUNCTION public.{name}() RETURNS void LANGUAGE sql AS $$ {body} $$"
        for name, body in bodies.items()
    }
    with connect(two[0]) as before, connect(two[1]) as after:
        assert [(one.function, one.named) for one in gone.compare(before, after, functions)] == [
            ("public.of_a_column()", "seen.gone"), ("public.of_a_function()", "left_out()"),
        ]  # fmt: skip


def test_an_older_major_is_refused_before_anything_is_begun(source: tuple[LocalServer, int], tmp_path: Path) -> None:
    server, _ = source
    with pytest.raises(ConfigError, match="no upgrade leads back"):
        upgraded(server.address(), server.version.major - 1, tmp_path)


def test_a_major_that_is_not_here_is_refused_with_what_was_looked_at(tmp_path: Path) -> None:
    told = ServerSettings(use="local", major=99)
    with pytest.raises(ServerError, match="no PostgreSQL 99 programs") as refused:
        rehearse(Settings(folder=tmp_path, source=Source(sql=(BASE,)), server=told))
    assert refused.value.looked_at


def test_a_server_without_icu_is_refused_with_what_to_do(source: tuple[LocalServer, int], tmp_path: Path) -> None:
    server, major = source
    try:
        address = built(server, more="create collation public.german (provider = icu, locale = 'de')")
    except psycopg.errors.FeatureNotSupported:
        pytest.skip("the source's server has no ICU")
    with connect(address, read_only=False) as session:
        session.execute("create table public.people (id int primary key, name text collate public.german)")
    built_with = subprocess.run(
        [find(major, exact=True).folder / "pg_config", "--configure"], check=True, capture_output=True, text=True
    ).stdout
    if "--with-icu" in built_with or (major > 15 and "--without-icu" not in built_with):
        pytest.skip("the next major's programs have ICU")
    result = upgraded(address, major, tmp_path)
    [step] = [step for step in result.steps if step.outcome is Outcome.FAILED]
    assert step.name == "server"
    assert step.reason is not None
    assert "cannot be verified here: the collation public.german is of ICU" in step.reason
    assert "remedy: " in step.reason


def test_a_major_that_the_source_is_of_already_is_skipped(source: tuple[LocalServer, int], tmp_path: Path) -> None:
    server, _ = source
    address = built(server, more="create table public.t (id int)")
    result = upgraded(address, server.version.major, tmp_path)
    assert "already" in result.unused["major"]
    assert result.upgrade is None


@pytest.fixture
def two(server: Server) -> Iterator[tuple[Address, Address]]:
    """Two databases of one server, which stand for a source and its copy."""
    pair = server.create("source"), server.create("copy")
    yield pair
    for address in pair:
        server.drop(address)


def keyed(address: Address, locale: str) -> None:
    with connect(address, read_only=False) as session:
        session.execute(f"create collation public.ours (provider = icu, locale = '{locale}')".encode())
        session.execute(
            "create table public.people (id int, name text collate public.ours unique, plain text, tags text[]);"
            "create index by_lower on public.people (lower(name)); create index by_plain on public.people (plain);"
            "create table public.parted (name text collate public.ours) partition by range (name);"
            "create table public.part partition of public.parted for values from ('A') to ('z');"
            "insert into public.people select n, v, v, array[v] from"
            " unnest(array['a', 'A', 'b', 'B', 'Ärger', 'arg', '9', '']) with ordinality as t (v, n);"
            "insert into public.parted values ('b'), ('B')"
        )


def compared(source: Address, copy: Address, most: int = collations.MOST) -> collations.Found:
    with connect(source) as before, connect(copy) as after:
        return collations.compare(before, after, most)


def test_an_order_that_differs_is_found_in_each_key(two: tuple[Address, Address]) -> None:
    try:
        keyed(two[0], "und-u-kf-lower")
        keyed(two[1], "und-u-kf-upper")
    except psycopg.errors.FeatureNotSupported:
        pytest.skip("this server has no ICU")
    found = compared(*two)
    differing = {(one.key.object, one.key.form): one.pair for one in found.orders}
    # Of lower(name) no two differ by case, and by_plain sorts by code points.
    assert differing[("public.people_name_key", "unique index")] == ("A", "a")
    assert differing[("public.parted", "range partitions")] == ("B", "b")
    assert differing[("public.by_lower", "index")] is None
    assert "public.by_plain" not in {one.key.object for one in found.orders}
    assert not found.not_verified


def test_an_order_that_is_the_same_is_none(two: tuple[Address, Address]) -> None:
    try:
        for address in two:
            keyed(address, "und")
    except psycopg.errors.FeatureNotSupported:
        pytest.skip("this server has no ICU")
    found = compared(*two)
    assert [one.pair for one in found.orders] == [None] * 3
    assert {one.key.object: one.values for one in found.orders}["public.people_name_key"] == 8
    # What more than so many values are is said.
    assert {gap.object for gap in compared(*two, most=2).not_verified} == {
        "order of public.by_lower", "order of public.parted", "order of public.people_name_key",
    }  # fmt: skip


def test_values_that_a_server_refuses_are_told_and_nothing_stays_written(server: Server, database: Address) -> None:
    if not server.owns_cluster:
        pytest.skip("values are tried on a server of ours alone")
    with connect(database, read_only=False) as session:
        session.execute("alter database current_ set work_mem = '1MB'".replace("current_", database.dbname).encode())
        with connect(database) as before:
            given, defaults, _ = settings.compare(before, session, ours=True)
        assert (given, defaults) == ([], [])
        row = session.execute("select count(*) from pg_file_settings where sourcefile like '%auto.conf'").fetchone()
        assert row == (0,)

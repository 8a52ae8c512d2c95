"""What a server stores for itself among options: no dump has to carry it, and no server is given another one's."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_pgsafe.backup import manifest
from pytest_pgsafe.backup.archive import recognise
from pytest_pgsafe.backup.restore import restore
from pytest_pgsafe.backup.take import take
from pytest_pgsafe.catalog import codec
from pytest_pgsafe.catalog.values import Definition
from pytest_pgsafe.checks.values import Severity
from pytest_pgsafe.compare import recorded
from pytest_pgsafe.config.values import Server as ServerSettings
from pytest_pgsafe.config.values import Settings, Source, Way
from pytest_pgsafe.copy import restoring
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.rehearsal.values import Result
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect

#: Text that is no definition, wherever it stands.
LOOKS_SO = "ALTER TABLE ONLY public.t ALTER COLUMN a SET (pg_attnew=1);"
SCHEMA = f"""
create table t (a int primary key with (fillfactor = 80), "SET (pg_attnew=2);" text default '{LOOKS_SO}', c float)
    with (fillfactor = 70, toast.autovacuum_enabled = off);
insert into t values (1, E'x\\n{LOOKS_SO}\\n', 2);
alter table t alter c set (n_distinct = -0.5, n_distinct_inherited = 7);
create index i on t (c) with (fillfactor = 60);
create view v with (security_barrier) as select a, 'WITH (zzz=''1'')' as b from t;
create materialized view m as select * from t;
create table p (a int, b text) partition by hash (a);
create table p1 partition of p for values with (modulus 1, remainder 0);
create function f() returns text language plpgsql as $$begin
{LOOKS_SO}
end$$;
comment on table t is E'x;\\n{LOOKS_SO}\\n';
"""
#: What no server knows: the first only a server can have put there, the other anybody.
PLANTED = """
set allow_system_table_mods = on;
update pg_attribute set attoptions = coalesce(attoptions, '{}') || '{pg_attnew=5,zzz=1}'
where attrelid in ('t'::regclass, 'm'::regclass, 'p'::regclass) and attnum > 0;
update pg_class set reloptions = coalesce(reloptions, '{}') || '{pg_relnew=5,zzz=1}'
where oid in ('t'::regclass, 'i'::regclass, 'v'::regclass, 'm'::regclass, 't_pkey'::regclass);
"""
KEPT = """
select array(
    select format('%s %s', c.relname, o) from pg_class c, unnest(c.reloptions) o
    where relnamespace = 'public'::regnamespace
        or exists (select from pg_class t where t.reltoastrelid = c.oid and t.relname = 't')
    order by 1
), array(
    select format('%s %s', attname, o) from pg_attribute, unnest(attoptions) o
    where attrelid = 't'::regclass and o not like 'pg\\_attver=%' order by 1
), array(select t::text from t order by a), (select prosrc from pg_proc where proname = 'f'),
obj_description('t'::regclass)
"""


@pytest.fixture(scope="module")
def planted(server: Server) -> Iterator[Address]:
    if not server.owns_cluster:
        pytest.skip("the catalog of an existing server is not ours to write")
    address = server.create("planted")
    with connect(address, read_only=False) as session:
        session.execute("set search_path = public")
        session.execute(SCHEMA.encode())
        session.execute(PLANTED)
    yield address
    server.drop(address)


def kept(address: Address) -> tuple[list[str], list[str], list[str], str, str]:
    with connect(address) as session:
        session.execute("set search_path = public")
        [found] = session.execute(KEPT).fetchall()
    relations, *rest = found
    # TOAST tables are named by OIDs.
    return [line.split(" ", 1)[1] if "toast" in line else line for line in relations], *rest  # type: ignore[return-value]


def expected(address: Address) -> tuple[list[str], list[str], list[str], str, str]:
    relations, columns, *rest = kept(address)
    unknown = ("pg_attnew=", "pg_relnew=", "zzz=")
    return (  # type: ignore[return-value]
        [one for one in relations if not one.split(" ")[-1].startswith(unknown)],
        [one for one in columns if not one.split(" ")[-1].startswith(unknown)],
        *rest,
    )


@pytest.mark.parametrize("form", ["custom", "directory", "tar", "plain", "gzip"])
def test_a_dump_in_every_form_is_restored_without(server: Server, planted: Address, form: str, tmp_path: Path) -> None:
    path = tmp_path / "dump"
    wanted = "plain" if form == "gzip" else form
    done = server.programs.run("pg_dump", [f"--format={wanted}", f"--file={path}"], address=planted, files=[path])
    assert done.returncode == 0, done.stderr
    if form == "gzip":
        packed = tmp_path / "dump.gz"
        packed.write_bytes(gzip.compress(path.read_bytes()))
        path = packed
    before = {one: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()}
    copy = server.create("without")
    told = restore(recognise(path), copy, server.programs)
    assert [(line.partition(" where")[0]) for line in told] == [
        "pg_attnew: left out of 8 columns,",
        "pg_relnew: left out of 2 indexes,", "pg_relnew: left out of 2 tables,", "pg_relnew: left out of 1 view,",
        "zzz: left out of 8 columns,",
        "zzz: left out of 2 indexes,", "zzz: left out of 2 tables,", "zzz: left out of 1 view,",
    ]  # fmt: skip
    assert kept(copy) == expected(planted)
    assert {one: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()} == before
    server.drop(copy)


def test_a_backup_of_ours_can_be_restored_by_hand(server: Server, planted: Address, tmp_path: Path) -> None:
    """What only the server can have put there is not even in the archive; what a user may have set is."""
    with connect(planted, read_only=False) as session:
        session.execute("set allow_system_table_mods = on")
        session.execute("create table public.u (a int); insert into public.u values (1)")
        session.execute("update pg_attribute set attoptions = '{pg_attnew=5}' where attrelid = 'public.u'::regclass")
    backup = take(planted, tmp_path / "backup", server.programs)
    assert backup.manifest is not None
    assert [line.partition(":")[0] for line in backup.manifest.stored] == ["pg_attnew", *["pg_relnew"] * 3]
    listed = server.programs.run(
        "pg_restore", ["--file=-", "--schema-only", str(backup.archive.path)], files=[backup.archive.path]
    )
    assert "SET (pg_attnew=5" not in listed.stdout
    assert "pg_relnew='5'" not in listed.stdout
    assert "zzz" in listed.stdout


def settings(server: Server, source: Source, folder: Path, migration: str | None = None) -> Settings:
    if migration is not None:
        (folder / "migration.sql").write_text(migration)
    image = server.describe()["origin"].removeprefix("image ") if server.kind == "container" else None
    return Settings(
        folder=folder,
        source=source,
        migration=None if migration is None else Way(kind="sql", path=folder / "migration.sql"),
        server=ServerSettings(use=server.kind, image=image),
    )


def notes(result: Result) -> set[str]:
    return {one.object for one in result.findings if one.code == "PGS012"}


def test_a_source_with_unknown_options_is_rehearsed(server: Server, planted: Address, tmp_path: Path) -> None:
    result = rehearse(settings(server, Source(dsn=planted.url()), tmp_path, "alter table t add column later int"))
    assert result.verdict == "passed", [step.reason for step in result.steps]
    assert notes(result) == {"pg_attnew", "pg_relnew", "zzz"}
    assert all(one.severity is not Severity.ERROR for one in result.findings)
    assert not [one for one in result.changes if "option" in str(one.attribute)]


@pytest.mark.parametrize(
    ("lost", "told"),
    [
        ("alter table t alter c reset (n_distinct)", "options of column public.t.c"),
        ("alter table t reset (fillfactor)", "options of table public.t"),
        ("alter table t reset (toast.autovacuum_enabled)", "options of table public.t"),
        ("alter index i reset (fillfactor)", "index public.i"),
        ("alter view v reset (security_barrier)", "options of view public.v"),
    ],
)
def test_an_option_that_a_restore_loses_is_a_difference(
    server: Server, planted: Address, lost: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled = restoring.fill

    def fill(source: object, backup: object, prepared: restoring.Prepared, server: Server) -> tuple[str, ...]:
        found = filled(source, backup, prepared, server)  # type: ignore[arg-type]
        with connect(prepared.address, read_only=False) as session:
            session.execute("set search_path = public")
            session.execute(lost.encode())
        return found

    monkeypatch.setattr(restoring, "fill", fill)
    result = rehearse(settings(server, Source(dsn=planted.url()), tmp_path))
    [failed] = [step for step in result.steps if step.reason]
    assert "not equal to the source" in str(failed.reason)
    assert told in str(failed.reason)


def test_what_stands_in_some_objects_alone_is_listed(server: Server, database: Address, tmp_path: Path) -> None:
    """No dump carries the options of a composite type's columns: somebody put it there."""
    if not server.owns_cluster:
        pytest.skip("the catalog of an existing server is not ours to write")
    with connect(database, read_only=False) as session:
        session.execute("create table public.t (a int); create type public.c as (x int, y int)")
        session.execute("set allow_system_table_mods = on")
        session.execute(
            "update pg_attribute set attoptions = '{zzz=1}' where attrelid = 'public.c'::regclass and attname = 'x'"
        )
    result = rehearse(settings(server, Source(dsn=database.url()), tmp_path))
    assert result.verdict == "passed", [step.reason for step in result.steps]
    [gap] = [one for one in result.not_verified if one.object == "public.c.x"]
    assert "stores zzz of a column, which pgsafe does not know" in gap.reason


def test_what_a_migration_changes_of_it_is_told(server: Server, database: Address, tmp_path: Path) -> None:
    with connect(database, read_only=False) as session:
        session.execute("create table public.t (a int, b text)")
    planting = "set allow_system_table_mods = on; update pg_attribute set attoptions = '{zzz=1,pg_attnew=2}' "
    migration = f"{planting} where attrelid = 'public.t'::regclass and attname = 'a';"
    told = settings(server, Source(dsn=database.url()), tmp_path, migration)
    result = rehearse(replace(told, role=server.address().user))
    assert result.verdict == "passed", [step.reason for step in result.steps]
    assert [(one.kind, one.object, one.attribute, one.after) for one in result.changes] == [
        ("column", "public.t.a", "option zzz", "1")
    ]
    assert [one.code for one in result.findings if one.object == "public.t.a"]


def test_facts_of_an_older_release_are_equal(server: Server, tmp_path: Path, database: Address) -> None:
    """It took what 15.20 stores for options of columns, and of columns of materialised views."""
    with connect(database, read_only=False) as session:
        session.execute("create table public.t (a int, b text); insert into public.t values (1, 'x')")
        session.execute("alter table public.t alter a set (n_distinct = 5)")
        session.execute("create materialized view public.m as select * from public.t")
    backup = take(database, tmp_path / "backup", server.programs)
    assert backup.facts is not None
    assert backup.manifest is not None
    catalog = backup.facts.catalog
    older = {
        name: replace(one, options=("n_distinct=5", "pg_attver=77") if one.column == "a" else ("pg_attver=77",))
        for name, one in catalog.columns.items()
    }
    form = "materialized view column"
    views = {
        f"{form} {name}": Definition(name=name, form=form, definition="options {pg_attver=79}")
        for name in ("public.m.a", "public.m.b")
    }
    definitions = dict(sorted({**catalog.definitions, **views}.items()))
    facts = replace(backup.facts, catalog=replace(catalog, columns=older, definitions=definitions))
    (tmp_path / "backup" / manifest.FACTS).write_bytes(codec.dumps(facts))
    files = manifest.describe(tmp_path / "backup")
    manifest.write(tmp_path / "backup", replace(backup.manifest, files=files))
    result = rehearse(settings(server, Source(backup=tmp_path / "backup"), tmp_path))
    assert result.verdict == "passed", [step.reason for step in result.steps]
    assert not result.not_verified
    assert not recorded(facts, backup.facts).changes

"""What a server stores for itself among options: no dump has to carry it, and no server is given another one's."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_pgsafe.backup.archive import recognise
from pytest_pgsafe.backup.restore import restore
from pytest_pgsafe.backup.take import take
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

"""More that can be taken away, and what a rescue refuses. A recovery or two each: run by PGSAFE_TEST_FULL=1."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from pytest_pgsafe.cli import run
from pytest_pgsafe.pitr import base
from pytest_pgsafe.server.connection import Connection, connect
from pytest_pgsafe.server.programs import LocalPrograms
from tests.server.harmed import Cluster, archived, archiving, table
from tests.server.runbook import answer, env_of
from tests.tiers import FULL

pytestmark = pytest.mark.skipif(not FULL, reason="PGSAFE_TEST_FULL=1 runs it")

SCHEMA = """
create role keeper;
create schema app;
grant usage on schema app to keeper;
create type app.state as enum ('new', 'done');
create table app.customers (id int primary key, name text);
create table app.orders (id int primary key, customer int references app.customers, state app.state default 'new');
create view app.open as select * from app.orders where state = 'new';
create view app.names as select o.id, c.name from app.open o join app.customers c on c.id = o.customer;
create materialized view app.counted as select customer, count(*) as n from app.orders group by 1;
create unique index counted_customer on app.counted (customer);
create function app.of(one int) returns setof app.orders language sql
    as 'select * from app.orders where customer = one';
grant select on app.names to keeper;
insert into app.customers select n, 'c' || n from generate_series(1, 20) n;
insert into app.orders select n, 1 + n % 20 from generate_series(1, 120) n;
refresh materialized view app.counted;
create table twice (id int primary key, first text);
insert into twice select n, 'first' from generate_series(1, 10) n;
create table parted (id int, at date, primary key (id, at)) partition by range (at);
create table parted_1 partition of parted for values from ('2026-01-01') to ('2026-07-01');
create table parted_2 partition of parted for values from ('2026-07-01') to ('2027-01-01');
insert into parted select n, date '2026-01-01' + n from generate_series(1, 300) n;
create table lot (id int primary key, at date) partition by hash (id);
create table lot_0 partition of lot for values with (modulus 2, remainder 0);
create table lot_1 partition of lot for values with (modulus 2, remainder 1);
insert into lot select n, date '2026-01-01' + n from generate_series(1, 300) n;
create table prices (id int primary key, price int, word text);
insert into prices select n, n, 'w' || n from generate_series(1, 150) n;
create table columns (id int primary key, kept text, lost text);
insert into columns select n, 'kept', 'lost' from generate_series(1, 5) n;
create table parent (id int primary key);
create table child (id int primary key, parent int references parent on delete cascade);
insert into parent select generate_series(1, 100);
insert into child select n, n from generate_series(1, 100) n;
create table rewritten (id int primary key);
insert into rewritten select generate_series(1, 200);
create table prepared (id int primary key);
insert into prepared select generate_series(1, 30);
create table again (id int primary key, word text);
insert into again select n, 'old' from generate_series(1, 40) n;
create table few (id int primary key);
insert into few select generate_series(1, 20);
create table owners (id int primary key);
insert into owners select generate_series(1, 10);
create table owned (id int primary key, owner int references owners);
insert into owned select n, n from generate_series(1, 10) n;
create schema "Odd Schema";
create table "Odd Schema"."Odd ""Table" ("a b" int primary key, "Value" json, point point, "in" int[],
    late int unique deferrable initially deferred);
insert into "Odd Schema"."Odd ""Table" select n, '{"k": "a\\tb\\n"}', point(n, 1), array[n, null], n
from generate_series(1, 120) n;
create table "Gone Table" ("a b" int primary key, "Value" text);
insert into "Gone Table" select n, E'a\\tb\\\\.\\n\\\\.' from generate_series(1, 5) n;
create function "Gone Table"(one "Gone Table") returns text language plpgsql as $$
begin
/*
SET lock_timeout = 0;
COPY nothing FROM stdin;
\\.
\\unrestrict nothing
*/
return (select "Value" from public."Gone Table" where "a b" = one."a b");
end $$;
create table same (id int primary key);
insert into same select generate_series(1, 10);
create table root (id int primary key);
insert into root select generate_series(1, 10);
create table leaf (id int primary key, root int references root);
insert into leaf select n, n from generate_series(1, 10) n;
"""


@pytest.fixture(scope="module")
def cluster(programs: LocalPrograms) -> Iterator[Cluster]:
    with archiving(programs) as started:
        yield _harmed(started, programs)


def _harmed(cluster: Cluster, programs: LocalPrograms) -> Cluster:
    with connect(cluster.address("other"), read_only=False) as session:
        session.execute(
            "create table public.same (id int primary key); insert into public.same select generate_series(1, 7)"
        )
    with (
        connect(cluster.address(), read_only=False) as session,
        connect(cluster.address("other"), read_only=False) as other,
    ):
        session.execute("set search_path = public")
        session.execute(SCHEMA)
        base.take(cluster.address("postgres"), cluster.place / "base" / "1", programs)
        _first(cluster, session)
        cluster.harm(other, "other", "drop table public.same", "select 1")
        session.execute("select pg_switch_wal()")
        _second(cluster, session)
        cluster.last = archived(session)
    return cluster


def _first(cluster: Cluster, session: Connection) -> None:
    cluster.harm(session, "schema", "drop schema app cascade", "select 1")
    cluster.harm(session, "twice 1", "drop table twice", "select * from twice order by id")
    session.execute("create table twice (id int primary key, second text)")
    session.execute("insert into twice select n, 'second' from generate_series(1, 4) n")
    cluster.harm(session, "twice 2", "drop table twice", "select * from twice order by id")
    cluster.harm(session, "parted", "drop table parted", "select * from parted order by id")
    cluster.harm(session, "lot", "delete from lot where id > 50; drop table lot_1", "select * from lot order by id")


def _second(cluster: Cluster, session: Connection) -> None:
    cluster.harm(session, "prices", "update prices set price = 0", "select * from prices order by id")
    cluster.harm(session, "columns", "alter table columns drop column lost", "select * from columns order by id")
    cluster.harm(session, "child", "savepoint a; delete from parent; release a", "select * from child order by id")
    # Only the moment after each of these tells which of them emptied it.
    session.execute("vacuum full rewritten")
    cluster.harm(session, "rewritten", "truncate rewritten", "select * from rewritten order by id")
    session.execute("insert into rewritten values (1000)")
    session.execute("vacuum full rewritten")
    session.execute("cluster rewritten using rewritten_pkey")
    session.execute("begin; drop table prepared; prepare transaction 'drop'")
    session.execute("commit prepared 'drop'")
    cluster.harm(session, "again", "drop table again", "select * from again order by id")
    session.execute(
        "create table again (id int primary key, word text); insert into again values (3, 'new'), (99, 'new')"
    )
    odd = '"Odd Schema"."Odd ""Table"'
    cluster.harm(session, "odd", f"delete from {odd}", f"select t::text from {odd} t order by 1")
    session.execute(f'insert into {odd} ("a b", late) values (500, 7)')
    cluster.harm(session, "gone", 'drop table "Gone Table" cascade', 'select * from "Gone Table" order by 1')
    session.execute("create table young (id int primary key); insert into young select generate_series(1, 9)")
    cluster.harm(session, "young", "drop table young", "select 1")
    cluster.harm(session, "owned", "drop table owned", "select 1")
    session.execute("delete from owners where id > 8")
    cluster.harm(session, "leaf", "drop table leaf", "select 1")
    cluster.harm(session, "few", "delete from few", "select * from few order by id")


@pytest.fixture(autouse=True)
def _password(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in env_of(cluster.address()).items():
        monkeypatch.setenv(name, value)


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str], status: int = 4) -> str:
    capsys.readouterr()
    assert run(arguments) == status
    return capsys.readouterr().err


def test_a_dropped_schema(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(cluster.arguments("--table=app.orders"), capsys)
    assert any("app.customers too" in note for note in found["notes"])
    assert any(note.startswith("app.orders.orders_customer_fkey: left out") for note in found["notes"])
    xid = cluster.xids["schema"]
    found = answer(cluster.arguments("--all-tables", f"--xid={xid}", "--apply"), capsys)
    assert {one["table"]: one["rows"] for one in found["tables"]} == {"app.customers": 20, "app.orders": 120}
    assert cluster.rows("select count(*) from app.names") == [(120,)]
    assert cluster.rows("select count(*) from app.of(3)") == [(6,)]
    assert cluster.rows("select sum(n) from app.counted") == [(120,)]
    assert cluster.rows("select indisunique from pg_index where indrelid = 'app.counted'::regclass") == [(True,)]
    assert cluster.rows("select has_table_privilege('keeper', 'app.names', 'select'),"
                        " has_schema_privilege('keeper', 'app', 'usage')") == [(True, True)]  # fmt: skip
    assert found["foreign_keys"] == {"app.orders.orders_customer_fkey": 0}


def test_a_name_that_two_tables_had_one_after_the_other(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(cluster.arguments("--table=twice"), capsys)
    assert "2 transactions harmed twice" in said
    for name in ("twice 1", "twice 2"):
        assert f"transaction {cluster.xids[name]}, LSN" in said
    first = answer(cluster.arguments("--table=twice", f"--xid={cluster.xids['twice 1']}"), capsys)
    assert table(first, "public.twice")["rows"] == 10
    answer(cluster.arguments("--table=twice", f"--xid={cluster.xids['twice 2']}", "--apply"), capsys)
    assert cluster.rows("select * from public.twice order by id") == cluster.held["twice 2"]


def test_a_partitioned_table_and_a_partition(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    answer(cluster.arguments("--table=parted", "--apply"), capsys)
    assert cluster.rows("select * from public.parted order by id") == cluster.held["parted"]
    found = answer(cluster.arguments("--table=lot", "--apply"), capsys)
    assert cluster.rows("select * from public.lot order by id") == cluster.held["lot"]
    assert {one["table"]: one["way"] for one in found["tables"]} == {"public.lot": "rows", "public.lot_1": "restored"}


def test_values_are_told_and_not_overwritten(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(cluster.arguments("--table=prices", "--apply"), capsys)
    told = table(found, "public.prices")
    assert (told["changed"], told["rows"]) == (150, 0)
    assert told["samples"]["changed"][0] == "(1,1,w1)"
    assert cluster.rows("select distinct price from public.prices") == [(0,)]
    said = refused(cluster.arguments("--table=columns"), capsys)
    assert f"transaction {cluster.xids['columns']}, LSN" in said
    assert "altered public.columns" in said
    found = answer(cluster.arguments("--table=columns", f"--xid={cluster.xids['columns']}"), capsys)
    assert table(found, "public.columns")["notes"] == ["the live table lacks lost: what they held is not put back"]


def test_rows_that_fell_by_cascade(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(cluster.arguments("--table=child", "--apply"), capsys, 1)
    assert table(found, "public.child")["orphans"] == 100
    assert any("public.parent too" in note for note in found["notes"])
    answer(cluster.arguments("--table=child", "--table=parent", "--apply"), capsys)
    assert cluster.rows("select * from public.child order by id") == cluster.held["child"]
    # Once more there is nothing to do.
    found = answer(cluster.arguments("--table=child", "--table=parent", "--apply"), capsys)
    assert [(one["rows"], one["there"]) for one in found["tables"]] == [(0, 100), (0, 100)]


def test_a_truncate_among_rewrites(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(cluster.arguments("--table=rewritten", "--apply"), capsys)
    assert found["xid"] == cluster.xids["rewritten"]
    assert cluster.rows("select count(*), max(id) from public.rewritten") == [(201, 1000)]


def test_a_prepared_transaction_and_a_table_made_anew(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    answer(cluster.arguments("--table=prepared", "--apply"), capsys)
    assert cluster.rows("select count(*) from public.prepared") == [(30,)]
    found = answer(cluster.arguments("--table=again", "--apply"), capsys)
    told = table(found, "public.again")
    assert (told["way"], told["rows"], told["changed"], told["live"]) == ("rows", 39, 1, 2)
    assert cluster.rows("select count(*), max(word) filter (where id = 3) from public.again") == [(41, "new")]


def test_the_same_name_in_another_database(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no transaction dropped or emptied same of the database shop" in refused(
        cluster.arguments("--table=same"), capsys
    )
    found = answer(cluster.arguments("--table=same", dbname="other"), capsys)
    assert found["xid"] == cluster.xids["other"]
    assert table(found, "public.same")["rows"] == 7


def test_few_rows_are_hinted_at(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(cluster.arguments("--table=few"), capsys)
    assert f"transaction {cluster.xids['few']}" in said
    assert "deleted 20 rows of public.few" in said
    assert "--rows=N" in said
    found = answer(cluster.arguments("--table=few", "--rows=20"), capsys)
    assert table(found, "public.few")["rows"] == 20
    found = answer(cluster.arguments("--table=few", f"--xid={cluster.xids['few']}"), capsys)
    assert table(found, "public.few")["rows"] == 20


def test_a_moment_outside_of_the_archive(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    now = datetime.now(timezone.utc)
    said = refused(cluster.arguments("--table=parted", f"--after={(now + timedelta(days=1)).isoformat()}"), capsys)
    assert "WAL 0/" in said
    said = refused(cluster.arguments("--table=parted", f"--around={(now - timedelta(days=3)).isoformat()}"), capsys)
    assert "no base backup ended before the time that is searched" in said
    assert refused(cluster.arguments("--table=parted", "--around=yesterday"), capsys)


def test_a_segment_that_is_missing_or_compressed(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    # The server's user reads it.
    folder = cluster.place / "packed"
    shutil.copytree(cluster.place / "archive", folder, copy_function=_readable)
    held = sorted(path for path in folder.iterdir() if len(path.name) == 24)
    # Both segments in which harm was done.
    second = folder / cluster.last
    first = held[held.index(second) - 1]
    arguments = [
        f"--archive={folder}" if one.startswith("--archive=") else one
        for one in cluster.arguments("--table=few", "--rows=20")
    ]
    second.rename(folder / f"{second.name}.zst")
    said = refused(arguments, capsys)
    assert f"{second.name}.zst is compressed and was not read" in said
    # This one is read.
    packed = folder / f"{second.name}.gz"
    with (cluster.place / "archive" / second.name).open("rb") as source, gzip.open(packed, "wb") as target:
        shutil.copyfileobj(source, target)
    packed.chmod(0o644)
    assert answer(arguments, capsys)["xid"] == cluster.xids["few"]
    first.unlink()
    assert f"{first.name}: missing" in refused(arguments, capsys)


def _readable(source: str, target: str) -> None:
    shutil.copyfile(source, target)
    Path(target).chmod(0o644)


def test_a_key_that_cannot_be_made_again(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = cluster.arguments("--table=owned", f"--xid={cluster.xids['owned']}")
    said = (
        "public.owned.owned_owner_fkey cannot be made again: 2 rows of public.owned point to what public.owners lacks"
    )
    assert said in answer(arguments, capsys)["notes"]
    assert "nothing was kept" in refused([*arguments, "--apply"], capsys, 1)
    assert cluster.rows("select to_regclass('public.owned')") == [(None,)]


def test_names_and_values_that_have_to_be_quoted(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    name = '"Odd Schema"."Odd ""Table"'
    found = answer(cluster.arguments(f"--table={name}", "--apply"), capsys, 1)
    assert (table(found, name)["rows"], table(found, name)["taken"]) == (119, 1)
    rows = cluster.rows(f'select t::text from {name} t where "a b" <> 500 order by 1')
    assert rows == [row for row in cluster.held["odd"] if not row[0].startswith("(7,")]
    arguments = cluster.arguments("--table=Gone Table", f"--xid={cluster.xids['gone']}", "--apply")
    answer(arguments, capsys)
    assert cluster.rows('select * from public."Gone Table" order by 1') == cluster.held["gone"]
    source = (
        "select count(*) from pg_proc where proname = 'Gone Table' and prosrc ~ 'SET lock_timeout.*unrestrict nothing'"
    )
    assert cluster.rows(source) == [(1,)]


def test_a_table_that_no_base_backup_has(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(cluster.arguments("--table=young", "--apply"), capsys)
    assert found["xid"] == cluster.xids["young"]
    assert cluster.rows("select count(*) from public.young") == [(9,)]


def test_a_lock_that_somebody_holds(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    with connect(cluster.address(), read_only=False, autocommit=False) as session:
        session.execute("insert into public.few values (500)")
        arguments = cluster.arguments("--table=few", "--rows=20", "--apply", "--lock-timeout=100ms")
        said = refused(arguments, capsys, 1)
        assert "lock timeout" in said
        assert "nothing was kept" in said
        session.rollback()
    assert cluster.rows("select count(*) from public.few") == [(0,)]
    assert cluster.rows("select count(*) from pg_namespace where nspname ~ 'pgsafe'") == [(0,)]


def test_a_lock_that_a_foreign_key_waits_for(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    # What a dump sets, lock_timeout = 0, would have a key to a table that somebody writes wait for ever.
    with connect(cluster.address(), read_only=False, autocommit=False) as session:
        session.execute("insert into public.root values (500)")
        said = refused(cluster.arguments("--table=leaf", "--apply", "--lock-timeout=100ms"), capsys, 1)
        assert "lock timeout" in said
        session.rollback()
    assert cluster.rows("select count(*) from pg_class where relname = 'leaf'") == [(0,)]
    answer(cluster.arguments("--table=leaf", "--apply"), capsys)
    assert cluster.rows("select count(*) from public.leaf") == [(10,)]

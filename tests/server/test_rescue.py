"""The rescue: what a transaction took away is found in the archive, recovered, and put back, and nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pytest_pgsafe.pitr import base
from pytest_pgsafe.server.connection import Connection, connect
from pytest_pgsafe.server.programs import LocalPrograms
from tests.server.harmed import Cluster, archived, archiving, table, until
from tests.server.runbook import answer, env_of

PAGE = (Path(__file__).parents[2] / "docs" / "rescue.md").read_text(encoding="utf-8")
SCHEMA = """
create role clerk;
create table customers (id int primary key, name text unique);
insert into customers select n, 'Customer ' || n from generate_series(1, 50) n;
create table orders (id bigserial primary key, customer int references customers, total numeric default 0, note text);
create index orders_customer on orders (customer);
insert into orders (customer, total, note) select 1 + n % 50, n, 'note ' || n from generate_series(1, 300) n;
create table lines (id int primary key, orders bigint references orders, amount int);
insert into lines select n, n, n * 2 from generate_series(1, 300) n;
create view large as select id, total from orders where total > 250;
grant select on orders, large to clerk;
comment on table orders is 'what was ordered';
create table counters (id int generated always as identity primary key, parent int references counters,
    name text unique, twice int generated always as (length(name) * 2) stored);
insert into counters (parent, name) select nullif(n / 2, 0), 'counter ' || n from generate_series(1, 200) n;
create table venues (id int primary key);
insert into venues select generate_series(1, 50);
create table events (id int primary key, venue int references venues, kind text unique);
insert into events select n, 1 + n % 50, 'kind ' || n from generate_series(1, 200) n;
create function stamp() returns trigger language plpgsql as $$begin new.kind := 'stamped'; return new; end$$;
create trigger stamp before insert on events for each row execute function stamp();
create table plain (a int, b text);
insert into plain select n / 2, 'b' from generate_series(0, 299) n;
create table busy (id int primary key);
"""


@pytest.fixture(scope="module")
def cluster(programs: LocalPrograms) -> Iterator[Cluster]:
    with archiving(programs) as started:
        yield _harmed(started, programs)


def _harmed(cluster: Cluster, programs: LocalPrograms) -> Cluster:
    with connect(cluster.address("other"), read_only=False) as session:
        session.execute("set search_path = public")
        session.execute("create table orders (id int primary key); insert into orders select generate_series(1, 500)")
    with connect(cluster.address(), read_only=False) as session:
        session.execute("set search_path = public")
        session.execute(SCHEMA)
        base.take(cluster.address("postgres"), cluster.place / "base" / "1", programs)
        # A rewrite takes nothing away, and gives the table another file.
        session.execute("vacuum full counters")
        with connect(cluster.address("other"), read_only=False) as other:
            # The same name elsewhere is another table.
            other.execute("truncate public.orders")
        _dropped_while_others_write(cluster, session)
        cluster.harm(session, "truncated", "truncate counters restart identity", "select * from counters order by id")
        # What was written since, with a number that one of the rows had.
        session.execute("insert into counters (name) values ('counter 7'), ('counter since'), ('counter 3')")
        cluster.harm(session, "deleted", "delete from events where id > 20", "select * from events order by id")
        session.execute("alter table events disable trigger stamp")
        session.execute("insert into events values (30, 1, 'kind 30'), (40, 1, 'since'), (900, 1, 'kind 50')")
        session.execute("alter table events enable trigger stamp")
        session.execute("delete from events where id = 5 or venue = 50; delete from venues where id = 50")
        cluster.harm(session, "plain", "delete from plain where ctid in (select min(ctid) from plain group by a)",
                     "select * from plain order by a")  # fmt: skip
        archived(session)
    return cluster


def _dropped_while_others_write(cluster: Cluster, session: Connection) -> None:
    """Drop a table while another session inserts rows, each in a transaction of its own."""
    others, stop = [0], threading.Event()

    def write() -> None:
        with connect(cluster.address(), read_only=False) as writer:
            while not stop.is_set():
                try:
                    row = writer.execute("insert into public.orders (note) values ('written') returning id").fetchone()
                    assert row is not None
                    cluster.written.append(row[0])
                except psycopg.errors.UndefinedTable:
                    writer.execute("insert into public.busy values (%s)", (others[0] + 1,))
                    others[0] += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        until(lambda: len(cluster.written) >= 20)
        cluster.harm(
            session, "dropped", "drop table orders cascade", "select * from orders where id <= 300 order by id"
        )
        until(lambda: others[0] >= 20)
    finally:
        stop.set()
        thread.join()


@pytest.fixture(autouse=True)
def _password(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in env_of(cluster.address()).items():
        monkeypatch.setenv(name, value)


def test_a_dropped_table_comes_back_by_the_commands_of_the_page(cluster: Cluster, tmp_path: Path) -> None:
    """docs/rescue.md, whose commands are run one after the other."""
    blocks = re.findall(r"^```shell\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    lines = "".join(f"{key}={value}\n" for key, value in cluster.address().parameters.items())
    (tmp_path / "services").write_text(f"[shop]\n{lines}")
    program = tmp_path / "bin" / "pgsafe"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nfrom pytest_pgsafe.cli import main\nmain()\n")
    program.chmod(0o755)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "PYTEST"))}
    environment |= {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PGSERVICEFILE": str(tmp_path / "services"),
    }
    said: list[str] = []
    for block in blocks:
        text = block.replace("/srv/wal", str(cluster.place / "archive")).replace(
            "/srv/base", str(cluster.place / "base")
        )
        done = subprocess.run(
            ["sh", "-c", f"set -eu\n{text}"],
            cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        said.append(done.stdout)
        # A dry run has written nothing.
        if len(said) == 1:
            assert cluster.rows("select to_regclass('public.orders')") == [(None,)]
    dry, applied = said
    rows = 300 + len(cluster.written)
    assert f"transaction {cluster.xids['dropped']}, LSN" in dry
    assert f"public.orders: the table would be put back, {rows} rows" in dry
    assert f"public.orders: the table put back, {rows} rows" in applied
    assert "foreign keys: 2 checked, no orphans" in applied
    assert "RTO: " in applied
    assert cluster.rows("select * from public.orders where id <= 300 order by id") == cluster.held["dropped"]
    # Every row that another session had committed, and none of what it wrote later is touched.
    others = cluster.rows("select id from public.orders where id > 300 order by id")
    assert [row[0] for row in others] == cluster.written
    assert cluster.rows("select count(*) = max(id) and count(*) >= 20 from public.busy") == [(True,)]
    assert cluster.rows("select count(*) from public.large") == [(50,)]
    for name in ("public.orders", "public.large"):
        assert cluster.rows(f"select has_table_privilege('clerk', '{name}', 'select')") == [(True,)]
    assert cluster.rows("select obj_description('public.orders'::regclass)") == [("what was ordered",)]
    assert cluster.rows("select last_value >= (select max(id) from public.orders) from public.orders_id_seq") == [
        (True,)
    ]


def test_rows_of_a_truncated_table_come_back_beside_those_written_since(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    since = cluster.rows("select * from public.counters order by id")
    found = answer(cluster.arguments("--table=counters", "--apply"), capsys, 1)
    told = table(found, "public.counters")
    held = {row[0]: row for row in cluster.held["truncated"]}
    rows = {row[0]: row for row in cluster.rows("select * from public.counters order by id")}
    # The rows written since have the numbers 1 to 3, and two of their names.
    assert [rows[row[0]] for row in since] == since
    assert told["changed"] == 3
    back = {number for number, row in rows.items() if row == held.get(number)}
    assert set(rows) - back == {1, 2, 3}
    assert told["rows"] == len(back)
    assert told["rows"] + told["changed"] + told["taken"] + told["orphans"] == 200
    assert told["taken"] == 1
    assert cluster.rows("select count(*) from public.counters where parent is not null and parent not in"
                        " (select id from public.counters)") == [(0,)]  # fmt: skip
    assert cluster.rows("select last_value from public.counters_id_seq") == [(200,)]


def test_deleted_rows_come_back_and_no_other(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(cluster.arguments("--table=events", "--apply"), capsys, 1)
    assert found["xid"] == cluster.xids["deleted"]
    assert any(one == "deleted 180 rows of public.events" for one in found["did"])
    told = table(found, "public.events")
    held = {row[0]: row for row in cluster.held["deleted"]}
    rows = {row[0]: row for row in cluster.rows("select * from public.events order by id")}
    # Deleted by somebody else, later: it stays so.
    assert 5 not in rows
    # Written since.
    assert (rows[40][2], rows[900][2]) == ("since", "kind 50")
    assert told["changed"] == 2
    assert 50 not in rows
    assert told["taken"] == 1
    gone = {number for number, row in held.items() if row[1] == 50 and number > 20 and number != 50}
    assert told["orphans"] == len(gone)
    assert told["rows"] == 180 - 2 - 1 - len(gone)
    assert all(row == held[number] for number, row in rows.items() if number > 20 and number not in {30, 40, 900})
    assert cluster.rows("select tgenabled::text from pg_trigger where tgname = 'stamp'") == [("O",)]


def test_rows_without_a_key_are_counted(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(cluster.arguments("--table=plain", "--apply"), capsys)
    assert table(found, "public.plain")["rows"] == 150
    assert cluster.rows("select * from public.plain order by a") == cluster.held["plain"]

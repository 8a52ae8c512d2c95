"""What the facts of a table cost, beside other ways to read it.

    python benchmarks/digests.py --dsn="host=127.0.0.1 user=postgres dbname=postgres" --rows=1000000

Makes a database of its own on that server and drops it. Prints seconds (the best of three) and the ratio to count(*).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from contextlib import ExitStack

from pytest_pgsafe.catalog.read import read as read_catalog
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.connection import Connection, connect
from pytest_pgsafe.snapshot.align import align
from pytest_pgsafe.snapshot.difference import difference
from pytest_pgsafe.snapshot.digest import read_contents
from pytest_pgsafe.snapshot.plan import plan_tables
from pytest_pgsafe.snapshot.session import moment
from pytest_pgsafe.snapshot.take import take

TABLE = """
create table public.t (id {key}, account int not null, kind smallint, name text, email varchar(80), total numeric(12,2),
    created timestamptz, updated timestamp, token uuid, note text);
insert into public.t select g, g % 1000, g % 7, 'customer ' || g, 'user' || g || '@example.org', g * 1.37,
    timestamptz '2020-01-01' + g * interval '61.234567 s', timestamp '2020-01-01' + g * interval '59.1 s',
    md5(g::text)::uuid, case when g % 3 = 0 then md5(g::text) end
from generate_series(1, {rows}) g
"""


def best(work: Callable[[], object]) -> float:
    times: list[float] = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def scans(connection: Connection, second: Connection) -> dict[str, float]:
    plans = plan_tables(read_catalog(connection))[0]

    def run(statement: str) -> Callable[[], object]:
        return lambda: connection.execute(statement.encode()).fetchall()

    def facts(*connections: Connection) -> None:
        with ExitStack() as stack:
            for each in connections:
                stack.enter_context(moment(each))
            found, missing = read_contents(connections, plans)
        assert found
        assert not missing

    def copied() -> None:
        with connection.cursor().copy("copy public.t to stdout") as rows:
            for _ in rows:
                pass

    return {
        "count(*)": best(run("select count(*) from public.t")),
        "facts, 1 connection": best(lambda: facts(connection)),
        "facts, 2 connections": best(lambda: facts(connection, second)),
        "sum(hashtext(md5(t::text)))": best(run("select sum(hashtext(md5(t::text))) from public.t t")),
        "COPY to the client, thrown away": best(copied),
    }


def show(title: str, found: dict[str, float]) -> None:
    print(f"\n{title}")
    unit = next(iter(found.values()))
    for name, seconds in found.items():
        print(f"  {name:<40} {seconds:8.3f} s  x {seconds / unit:6.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--tables", type=int, default=0, help="also read this many small tables")
    arguments = parser.parse_args()
    address = Address.parse(arguments.dsn)
    with connect(address, read_only=False) as admin:
        names = ["pgsafe_benchmark", "pgsafe_benchmark_after"]
        for name in names:
            admin.execute(f"drop database if exists {name}".encode())
        admin.execute(b"create database pgsafe_benchmark template template0")
        try:
            measure(admin, address, arguments.rows)
            if arguments.tables:
                small(address, arguments.tables)
        finally:
            for name in names:
                admin.execute(f"drop database if exists {name}".encode())


def measure(admin: Connection, address: Address, rows: int) -> None:
    first = address.with_(dbname="pgsafe_benchmark")
    for title, key in (("with a key", "bigint primary key"), ("without a key", "bigint")):
        with connect(first, read_only=False) as connection, connect(first) as second:
            connection.execute("drop table if exists public.t")
            for statement in TABLE.format(key=key, rows=rows).split(";\n"):
                connection.execute(statement.encode())
            connection.execute("vacuum analyze public.t")
            # One process reads for all ways alike; parallel plans would blur what a way costs.
            connection.execute("set max_parallel_workers_per_gather = 0")
            show(f"{rows} rows x 10 columns, {title}", scans(connection, second))
        if key == "bigint":
            continue
        admin.execute(b"create database pgsafe_benchmark_after template pgsafe_benchmark")
        with (
            connect(first) as before,
            connect(address.with_(dbname="pgsafe_benchmark_after"), read_only=False) as after,
        ):
            show("difference", differences(before, after))


def differences(before: Connection, after: Connection) -> dict[str, float]:
    catalogs = read_catalog(before), read_catalog(after)
    same = {name: name for name in catalogs[0].columns}
    (pair,) = align(*catalogs, tables={"public.t": "public.t"}, columns=same)
    found: dict[str, float] = {}
    for title, statement in (
        ("nothing differs", "select"),
        ("3 rows differ", "update public.t set note = 'x' where id in (10, 20, 30)"),
        ("every row differs", "update public.t set total = total + 1"),
    ):
        after.execute(statement.encode())
        start = time.perf_counter()
        rows = difference(before, after, pair.before, pair.after)
        found[f"{title}: {dict(rows.changed)}"] = time.perf_counter() - start
    return found


def small(address: Address, tables: int) -> None:
    with connect(address.with_(dbname="pgsafe_benchmark"), read_only=False) as connection:
        for start in range(0, tables, 500):
            # A batch for each transaction: each table holds locks until its end.
            connection.execute(
                "do $$ begin for i in"
                f" {start} .. {min(start + 500, tables) - 1} loop execute format('create table public.s%s"
                " (id serial primary key, a int, b text, c timestamptz, d numeric)', i); end loop; end $$".encode()
            )
        start_time = time.perf_counter()
        catalog = read_catalog(connection)
        read = time.perf_counter()
        with moment(connection):
            read_contents([connection], plan_tables(catalog)[0])
        contents = time.perf_counter()
        take(connection, catalog=catalog, plans=[])
        print(
            f"\n{tables} small tables: catalog {read - start_time:.1f} s, contents {contents - read:.1f} s,"
            f" the rest {time.perf_counter() - contents:.1f} s"
        )


if __name__ == "__main__":
    main()

"""What the facts of a database cost, beside other ways to read it, and whether that is what was promised.

    python benchmarks/facts.py --dsn="host=127.0.0.1 user=postgres dbname=postgres" --rows=5000000

Makes a database of its own on that server, as a superuser, and drops it. The server runs on this machine: the CPU time
of its processes is read from /proc. Prints seconds (of the quickest of some runs, in which the ways take turns), CPU
seconds of the server, and the ratio to count(*); then what must hold, in ratios of one run. On a busy machine the CPU
seconds say more; with --first, as root, the sessions come before what else runs there.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import psycopg

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


@dataclass(frozen=True)
class Cost:
    """Seconds, and CPU seconds of each of the server's processes, of the quickest run."""

    wall: float
    each: tuple[float, ...]

    @property
    def cpu(self) -> float:
        return sum(self.each)


@dataclass(frozen=True)
class Target:
    what: str
    demanded: str
    measured: str
    holds: bool


def cpu(connection: Connection) -> float:
    """Return the CPU seconds that the server's process for a connection has used."""
    return int(Path(f"/proc/{connection.info.backend_pid}/schedstat").read_text().split()[0]) / 1e9


def cost(work: Callable[[], object], *connections: Connection) -> Cost:
    before, start = [cpu(each) for each in connections], time.perf_counter()
    work()
    wall = time.perf_counter() - start
    return Cost(wall=wall, each=tuple(cpu(each) - was for each, was in zip(connections, before, strict=True)))


def put_first(*processes: int | str) -> None:
    """Ask the scheduler to run processes before others: each session of PostgreSQL is a group of its own to it."""
    for process in processes:
        Path(f"/proc/{process}/autogroup").write_text("-19")


def resident() -> float:
    """Return the most memory that this process has ever held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextmanager
def counted() -> Iterator[list[int]]:
    """Count the statements that this process sends."""
    number = [0]

    def counting(method: Callable[..., object]) -> Callable[..., object]:
        def sent(*arguments: object, **options: object) -> object:
            number[0] += 1
            return method(*arguments, **options)

        return sent

    with (
        patch.object(psycopg.Cursor, "execute", counting(psycopg.Cursor.execute)),
        patch.object(psycopg.Cursor, "stream", counting(psycopg.Cursor.stream)),
    ):
        yield number


def scans(connection: Connection, second: Connection) -> dict[str, Cost]:
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

    ways: dict[str, tuple[Callable[[], object], tuple[Connection, ...]]] = {
        COUNT: (run("select count(*) from public.t"), (connection,)),
        ONE: (lambda: facts(connection), (connection,)),
        TWO: (lambda: facts(connection, second), (connection, second)),
        MD5: (run("select sum(hashtext(md5(t::text))) from public.t t"), (connection,)),
        COPY: (lambda: connection.execute(b"copy public.t to '/dev/null'"), (connection,)),
        "COPY to the client, thrown away": (copied, (connection,)),
    }
    found: dict[str, list[Cost]] = {name: [] for name in ways}
    for _ in range(5):
        for name, (work, connections) in ways.items():
            found[name].append(cost(work, *connections))
    return {name: min(costs, key=lambda one: one.wall) for name, costs in found.items()}


COUNT = "count(*)"
ONE = "facts, 1 connection"
TWO = "facts, 2 connections"
MD5 = "sum(hashtext(md5(t::text)))"
COPY = "COPY to '/dev/null' on the server"


def show(title: str, found: dict[str, Cost]) -> None:
    print(f"\n{title} (load {os.getloadavg()[0]:.1f})")
    unit = next(iter(found.values()))
    for name, cost in found.items():
        print(
            f"  {name:<40} {cost.wall:8.3f} s  x {cost.wall / unit.wall:6.2f}"
            f"   CPU {cost.cpu:7.2f} s  x {cost.cpu / unit.cpu:6.2f}"
        )


def judged(rows: int, title: str, found: dict[str, Cost]) -> list[Target]:
    count, one, two, md5, copy = (found[name] for name in (COUNT, ONE, TWO, MD5, COPY))
    what = f"facts of {rows:,} rows x 10 columns, {title}"
    return [
        Target(
            f"{what} / count(*)",
            "at most 15",
            f"{one.wall / count.wall:.1f} (CPU {one.cpu / count.cpu:.1f})",
            one.cpu <= 15 * count.cpu,
        ),
        Target(
            f"{what} / sum(hashtext(md5(t::text)))",
            "at most 0.33",
            f"{one.wall / md5.wall:.2f} (CPU {one.cpu / md5.cpu:.2f})",
            one.cpu <= md5.cpu / 3,
        ),
        Target(f"{what}: CPU / COPY to '/dev/null'", "less than 1", f"{one.cpu / copy.cpu:.2f}", one.cpu < copy.cpu),
        Target(
            f"{what}: 1 connection / 2 connections",
            "at least 1.5",
            # What the busier one of two computes is what two cost where each has a processor.
            f"{one.wall / two.wall:.2f} (CPU {one.cpu / max(two.each):.2f})",
            one.wall >= 1.5 * two.wall,
        ),
        Target("memory of this process, big table", "below 200 MB", f"{resident():.0f} MB", resident() < 200),
    ]


def report(targets: list[Target]) -> None:
    width = max(len(target.what) for target in targets)
    print(f"\n{'':<{width}}  {'demanded':<14} {'measured':<26} holds")
    for target in targets:
        print(f"{target.what:<{width}}  {target.demanded:<14} {target.measured:<26} {'yes' if target.holds else 'NO'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--first", action="store_true", help="as root: run the sessions before what else runs here")
    parser.add_argument("--tables", type=int, default=0, help="also read this many small tables: 20000 is the target")
    arguments = parser.parse_args()
    address = Address.parse(arguments.dsn)
    with connect(address, read_only=False) as admin:
        names = ["pgsafe_benchmark", "pgsafe_benchmark_after"]
        for name in names:
            admin.execute(f"drop database if exists {name}".encode())
        admin.execute(b"create database pgsafe_benchmark template template0")
        try:
            if arguments.first:
                put_first("self")
            targets = measure(admin, address, arguments.rows, first_of_all=arguments.first) if arguments.rows else []
            if arguments.tables:
                targets += small(address, arguments.tables, first_of_all=arguments.first)
            report(targets)
        finally:
            for name in names:
                admin.execute(f"drop database if exists {name}".encode())


def measure(admin: Connection, address: Address, rows: int, *, first_of_all: bool) -> list[Target]:
    targets: list[Target] = []
    first = address.with_(dbname="pgsafe_benchmark")
    for title, key in (("with a key", "bigint primary key"), ("without a key", "bigint")):
        with connect(first, read_only=False) as connection, connect(first) as second:
            connection.execute("drop table if exists public.t")
            for statement in TABLE.format(key=key, rows=rows).split(";\n"):
                connection.execute(statement.encode())
            connection.execute("vacuum analyze public.t")
            # One process reads for all ways alike; parallel plans would blur what a way costs.
            for each in (connection, second):
                each.execute("set max_parallel_workers_per_gather = 0")
                if first_of_all:
                    put_first(each.info.backend_pid)
            found = scans(connection, second)
            show(f"{rows} rows x 10 columns, {title}", found)
            targets += judged(rows, title, found)
        if key == "bigint":
            continue
        admin.execute(b"create database pgsafe_benchmark_after template pgsafe_benchmark")
        with (
            connect(first) as before,
            connect(address.with_(dbname="pgsafe_benchmark_after"), read_only=False) as after,
        ):
            print("\ndifference")
            for what, seconds in differences(before, after).items():
                print(f"  {what:<40} {seconds:8.3f} s")
    return targets


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


def small(address: Address, tables: int, *, first_of_all: bool) -> list[Target]:
    """Read a database of so many small tables, and another of a tenth: the number of queries may hardly grow."""
    measured: list[tuple[int, float, int]] = []
    with connect(address.with_(dbname="pgsafe_benchmark"), read_only=False) as connection:
        if first_of_all:
            put_first(connection.info.backend_pid)
        for first, last in ((0, tables // 10), (tables // 10, tables)):
            for start in range(first, last, 500):
                # A batch for each transaction: each table holds locks until its end.
                connection.execute(
                    "do $$ begin for i in"
                    f" {start} .. {min(start + 500, last) - 1} loop execute format('create table public.s%s"
                    " (id serial primary key, a int, b text, c timestamptz, d numeric)', i); end loop; end $$".encode()
                )
            begin = time.perf_counter()
            with counted() as number:
                take(connection)
            measured.append((last, time.perf_counter() - begin, number[0]))
    for number_of, seconds, queries in measured:
        print(f"\n{number_of} small tables: {seconds:.1f} s, {queries} statements")
    (_, _, few), (_, seconds, many) = measured
    return [
        Target(f"facts of {tables:,} small tables", "below 60 s", f"{seconds:.1f} s", seconds < 60),
        Target(
            f"queries for {tables:,} tables / for {tables // 10:,}",
            "bounded",
            f"{many} / {few}",
            many < tables / 10,
        ),
        Target(f"memory of this process, {tables:,} tables", "below 200 MB", f"{resident():.0f} MB", resident() < 200),
    ]


if __name__ == "__main__":
    main()

"""What a physical copy costs beside a dump and a restore: the same stopped data directory, rehearsed in both ways.

python benchmarks/physical.py [GB OF DATA] [ROUNDS]

In turns, each with nothing kept; the median of each is printed, and the ratio. Beside it the data directory is copied
by ``cp -R``, which is as fast as a physical copy can be where files cannot share their blocks.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from pytest_pgsafe.config import Options, resolve
from pytest_pgsafe.rehearsal.preflight import preflight
from pytest_pgsafe.rehearsal.run import rehearse
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import find

#: Half of each GB is rows, the rest their indexes.
FILL = """
create table public.filled (id int primary key, other int not null, text text not null);
insert into public.filled select n, n % 1000, repeat(md5(n::text), 20) from generate_series(1, {rows}) n;
create index on public.filled (other);
create index on public.filled (text);
"""
#: Rows that make a GB of table and indexes.
ROWS = 700_000


def main(gigabytes: float = 0.25, rounds: int = 3) -> None:
    programs = find()
    with tempfile.TemporaryDirectory(dir="/tmp") as name, LocalServer.start(programs) as source:
        place = Path(name)
        with connect(source.address(), read_only=False) as session:
            session.execute("create database crm")
        with connect(source.address("crm"), read_only=False) as session:
            session.execute(FILL.format(rows=int(gigabytes * ROWS)).encode())
            size = session.execute("select pg_database_size('crm')").fetchone()
        assert size is not None
        data = source.seal().data
        migration = place / "migration.sql"
        migration.write_text("create table public.added (id int)")
        options = Options(source=(f"pgdata:data={data} dbname=crm",), migration=str(migration), server="local")
        environment = {"PGSAFE_SERVER_CACHE": "off", "PGSAFE_RETRY_POINTS": "0"}
        settings = resolve(options, environment=environment, rootdir=place, invocation_dir=place)
        plan = preflight(settings)
        physical: list[float] = []
        dumped: list[float] = []
        copied: list[float] = []
        for _ in range(rounds):
            for found, seconds in ((plan, physical), (replace(plan, dumped="it is measured"), dumped)):
                start = time.perf_counter()
                result = rehearse(settings, plan=found)
                seconds.append(time.perf_counter() - start)
                assert result.verdict == "passed", result
                told = [f"{step.name} {step.seconds:.1f}" for step in result.steps if step.seconds >= 0.3]
                print("physical:" if seconds is physical else "dumped:  ", ", ".join(told))
            start = time.perf_counter()
            subprocess.run(["cp", "-R", str(data), str(place / "by-hand")], check=True)
            copied.append(time.perf_counter() - start)
            shutil.rmtree(place / "by-hand")
    one, other, least = (statistics.median(each) for each in (physical, dumped, copied))
    print(f"{size[0] / (1 << 30):.2f} GB, PostgreSQL {programs.version}, median of {rounds}")
    print(f"dumped and restored  {other:7.2f} s")
    print(f"physical             {one:7.2f} s   {other / one:.1f} times as fast")
    print(f"cp -R                {least:7.2f} s")


if __name__ == "__main__":
    main(*(float(value) if "." in value else int(value) for value in sys.argv[1:]))

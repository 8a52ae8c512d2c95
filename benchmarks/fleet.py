"""A large fleet's memory: two tenants are rehearsed for real, and their results stand for those of a thousand.

    python -m benchmarks.fleet --members 1000 [--workers 2] [--tables 20] [--failed 50] [--drifted 100]

Everything but the rehearsals is the real thing: items, stored results, workers of xdist, and all report formats with
each member's own report. Told are the most memory that each process had (ru_maxrss), and what was written.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import find

#: In the run's folder: keeps real results and schemas, or gives them again to members of other names.
CONFTEST = """
import os, pathlib, pickle, resource
from dataclasses import replace
from pytest_pgsafe.fleet.schemas import MemberSchema, Schemas
from pytest_pgsafe.plugin import results
from pytest_pgsafe.plugin.fleet import member_of

FOLDER = pathlib.Path(os.environ["BENCH_FOLDER"])
REAL = results.Results._rehearse_member


def real(self, member, settings, progress):
    found = REAL(self, member, settings, progress)
    schemas = Schemas(self._store().folder)
    kept = found, schemas.read(schemas.of(member.name))
    (FOLDER / f"{member.name}.pickle").write_bytes(pickle.dumps(kept))
    return found


def again(self, member, settings, progress):
    number = int(member.name.rpartition("_")[2])
    if not hasattr(self, "bench"):
        self.bench = [pickle.loads((FOLDER / f"{name}.pickle").read_bytes()) for name in ("safe", "harmed")]
    result, schema = self.bench[number < int(os.environ["BENCH_FAILED"])]
    if number % 10 == 0 and number // 10 < int(os.environ["BENCH_DRIFTED"]):
        # Each of these has another table less.
        tables = dict(schema.catalog.tables)
        del tables[sorted(tables)[number // 10 % len(tables)]]
        schema = replace(schema, catalog=replace(schema.catalog, tables=tables))
    Schemas(self._store().folder).keep(replace(schema, member=member_of(self._run.fleet, member.name)))
    return replace(result, source={**result.source, "database": member.name})


results.Results._rehearse_member = real if os.environ["BENCH_REAL"] == "1" else again


def pytest_sessionfinish(session):
    who = getattr(session.config, "workerinput", {}).get("workerid")
    if who is not None:
        told(who)


def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        told("controller")


def told(who):
    (FOLDER / f"memory-{who}").write_text(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--tables", type=int, default=20)
    parser.add_argument("--failed", type=int, default=50)
    parser.add_argument("--drifted", type=int, default=20, help="members of another schema, each of another one")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fleet-", dir="/tmp") as name, LocalServer.start(find()) as server:
        folder = Path(name)
        uri = _tenants(server, asked.tables)
        _run(folder, uri, ("safe", "harmed"), real=True, asked=asked)
        names = [f"tenant_{number}" for number in range(asked.members)]
        begun = time.monotonic()
        said = _run(folder, uri, names, real=False, asked=asked)
        seconds = time.monotonic() - begun
        print(re.findall(r"^pgsafe (?:passed|failed|error): .*$", said, re.MULTILINE)[-1])
        for path in sorted(folder.glob("memory-*")):
            print(f"{path.name.removeprefix('memory-')}: {int(path.read_text()) / 1024:.0f} MB")
        for path in sorted(folder.glob("out.*")):
            files = [path] if path.is_file() else [*path.iterdir()]
            size = sum(file.stat().st_size for file in files)
            print(f"{path.name}: {len(files)} files, {size / 1e6:.2f} MB")
        print(f"{len(names)} members, {asked.workers} workers: {seconds:.0f} s without the rehearsals")


def _tenants(server: Server, tables: int) -> str:
    with connect(server.address(), read_only=False) as session:
        for name in ("safe", "harmed"):
            session.execute(f"create database fleet_{name}".encode())
    for name in ("safe", "harmed"):
        with connect(server.address(f"fleet_{name}"), read_only=False) as session:
            for number in range(tables):
                table = f"public.t{number}"
                session.execute(
                    f"create table {table} (id int primary key, a text not null, b numeric(10,2), c timestamptz,"
                    f" d jsonb); create index on {table} (c); insert into {table} select n, 'x', n, now(), '{{}}'"
                    " from generate_series(1, 200) n".encode()
                )
            if name == "harmed":
                session.execute(b"insert into public.t0 select 1000 + n, 'lost', n from generate_series(1, 50) n")
    return server.address("fleet_safe").url().replace("fleet_safe", "fleet_{name}")


def _run(folder: Path, uri: str, names: list[str] | tuple[str, ...], *, real: bool, asked: argparse.Namespace) -> str:
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "m.sql").write_text("delete from t0 where id > 1000;\nalter table t1 add column e integer;\n")
    (folder / "pgsafe.toml").write_text(
        f'[[source.fleet]]\ndsn = "{uri}"\nnames = {json.dumps(list(names))}\n[migration]\nsql = "m.sql"\n'
        '[server]\nuse = "local"\n[retry]\npoints = 0\n[traffic]\nclients = 0\n'
    )
    environment = {
        **os.environ, "BENCH_FOLDER": str(folder), "BENCH_REAL": str(int(real)),
        "BENCH_FAILED": str(asked.failed), "BENCH_DRIFTED": str(asked.drifted), "PYTHONPATH": str(Path.cwd()),
    }  # fmt: skip
    forms = (".json", ".html", ".md", ".sarif", ".ctrf.json", ".codequality.json")
    reports = () if real else ("--junitxml=out.xml", *(f"--pgsafe-report=out{form}" for form in forms))
    workers = () if real or not asked.workers else (f"-n{asked.workers}",)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--pgsafe", "--no-header", "-rN", "--tb=no", *workers, *reports],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode not in {0, 1}:
        raise SystemExit(done.stdout[-3000:] + done.stderr[-3000:])
    return done.stdout


if __name__ == "__main__":
    main()

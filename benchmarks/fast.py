"""How fast a rehearsal is, beside what is done by hand and what the disk alone would take. All of it in one run.

python benchmarks/fast.py [SIZE] [SOURCE]

SIZE is about what the CRM of fixtures/crm holds: 10MB, 1GB, 10GB. SOURCE is dsn (a live database) or dump (a backup).
The bases that it makes are removed at the end.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pytest_pgsafe.backup.restore import run_sql
from pytest_pgsafe.base import place
from pytest_pgsafe.config.forms import size
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.choose import choose
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.local import LocalServer

CRM = Path(__file__).parents[1] / "fixtures" / "crm"
#: Bytes of the CRM at scale 1.
ONE = 10 << 20
MIGRATION = "alter table public.customers add column nickname text;\n"
WAY_BACK = "alter table public.customers drop column nickname;\n"


def main(wanted: str = "10MB", source: str = "dsn") -> None:
    scale = max(1, round(size(wanted) / ONE))
    with choose("local", major=14) as server, tempfile.TemporaryDirectory() as name:
        assert isinstance(server, LocalServer)
        folder = Path(name)
        crm = _load(server, folder, scale)
        with connect(crm) as session:
            row = session.execute("select pg_database_size(current_database())").fetchone()
        assert row is not None
        print(f"CRM at scale {scale}, {row[0] / (1 << 20):,.0f} MiB, PostgreSQL {server.version}, source {source}")
        hand = _shown("by hand: dump, restore, count", lambda: _by_hand(server, crm, folder))
        _shown("limit: every row read, COPY", lambda: _read(crm), hand)
        _shown("limit: as many bytes written, dd", lambda: _write(folder / "zeros", row[0]), hand)
        _shown("limit: pg_dump alone, gzip", lambda: _dump(server, crm, folder / "alone.dump"), hand)
        what, environment = crm.url(), {}
        if source == "dump":
            command = [
                sys.executable,
                "-m",
                "pytest_pgsafe",
                "backup",
                f"--root={folder / 'root'}",
                "--no-plain",
                "--json",
            ]
            done = subprocess.run(
                command, env={**os.environ, "PGSAFE_SOURCE": what}, check=True, capture_output=True, text=True
            )
            what = json.loads(done.stdout)["folder"]
        environment = {**os.environ, "PGSAFE_SOURCE": what, "PGSAFE_SERVER": "local", "PGSAFE_SERVER_CACHE": "1 day"}
        # As users have it: modules are compiled once.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-m", "compileall", "-q", str(Path(__file__).parents[1] / "pytest_pgsafe")]
        subprocess.run(command, check=True)
        (folder / "up.sql").write_text(MIGRATION)
        (folder / "down.sql").write_text(WAY_BACK)
        for label, more in (
            ("first run", ()),
            ("second run", ()),
            ("with its way back", ("--pgsafe-rollback=down.sql",)),
        ):
            report: dict[str, object] = {}
            _shown(label, lambda more=more, report=report: _run(folder, environment, report, *more), hand)
            _steps(report, hand)
        _shown("limit: cp of the data directory", lambda: _copy(server, folder / "data"), hand)
        for base in place.bases():
            if base.about.source in {str(crm), what}:
                place.remove(base.folder)


def _load(server: LocalServer, folder: Path, scale: int) -> Address:
    crm = server.create("crm")
    setting = folder / "scale.sql"
    setting.write_text(f"alter database {crm.dbname} set crm.scale = '{scale}';\n")
    run_sql([setting], crm, server.programs)
    run_sql([CRM / "schema.sql", CRM / "data.sql"], crm, server.programs)
    return crm


def _shown(label: str, work: Callable[[], object], hand: float | None = None) -> float:
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    ratio = "" if hand is None else f"   {seconds / hand:.2f} of it by hand"
    print(f"{label:<34}{seconds:8.2f} s{ratio}", flush=True)
    return seconds


def _dump(server: LocalServer, crm: Address, file: Path) -> None:
    server.programs.run("pg_dump", ["--format=custom", "--compress=1"], address=crm, stdout=file)


def _read(crm: Address) -> None:
    """Have the server make text of every row, and throw it away."""
    with connect(crm, read_only=False) as session:
        tables = session.execute("select oid::regclass::text from pg_class where relkind = 'r' and oid > 16384")
        for (table,) in tables.fetchall():
            session.execute(f"copy {table} to '/dev/null'".encode())


def _write(file: Path, count: int) -> None:
    command = ["dd", "if=/dev/zero", f"of={file}", "bs=1M", f"count={count >> 20}"]
    subprocess.run(command, check=True, capture_output=True)
    file.unlink()


def _by_hand(server: LocalServer, crm: Address, folder: Path) -> None:
    """Do what the runbook does: a plain and a custom dump, a restore, and the rows of each table counted on both."""
    server.programs.run("pg_dump", ["--format=plain"], address=crm, stdout=folder / "plain.sql")
    _dump(server, crm, folder / "custom.dump")
    copy = server.create("byhand")
    server.programs.run(
        "pg_restore", ["--dbname=service=pgsafe", str(folder / "custom.dump")], address=copy,
        files=[folder / "custom.dump"],
    )  # fmt: skip
    for address in (crm, copy):
        with connect(address) as session:
            tables = session.execute("select oid::regclass::text from pg_class where relkind = 'r' and oid > 16384")
            for (table,) in tables.fetchall():
                session.execute(f"select count(*) from {table}".encode())
    server.drop(copy)


def _run(folder: Path, environment: dict[str, str], report: dict[str, object], *more: str) -> None:
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "--pgsafe", "-q", "--pgsafe-migration=up.sql",
            "--pgsafe-report=report.json", *more,
        ],
        cwd=folder, env=environment, check=False, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    report.update(json.loads((folder / "report.json").read_text()))


def _steps(report: dict[str, object], hand: float) -> None:
    steps = report["steps"]
    assert isinstance(steps, list)
    began = {"server", "copy", "compare"}
    for step in steps:
        if step["outcome"] != "skipped":
            ratio = f"   {step['seconds'] / hand:.2f} of it by hand" if step["name"] in began else ""
            print(f"  {step['name']:<32}{step['seconds']:8.2f} s{ratio}")
    compared = report["compared"]
    assert isinstance(compared, dict)
    print(f"  tables read again {compared.get('read_again')}, untouched {compared.get('untouched')}"
          f"{'' if compared.get('read_all') is None else ': ' + compared['read_all']}")  # fmt: skip


def _copy(server: LocalServer, target: Path) -> None:
    with connect(server.address(), read_only=False) as session:
        session.execute("checkpoint")
    subprocess.run(["cp", "-a", str(server.data), str(target)], check=True)
    shutil.rmtree(target)


if __name__ == "__main__":
    main(*sys.argv[1:3])

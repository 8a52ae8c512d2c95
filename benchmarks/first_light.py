"""The CRM from the command to the verdict, beside what a plain dump and restore of it cost. Prints seconds and ratios.

python benchmarks/first_light.py [SCALE] [SERVER]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pytest_pgsafe.backup.restore import run_sql
from pytest_pgsafe.server.choose import choose

CRM = Path(__file__).parents[1] / "fixtures" / "crm"


def main(scale: int = 1, use: str = "local") -> None:
    with choose("local", major=14) as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        crm = server.create("crm")
        size = folder / "scale.sql"
        size.write_text(f"alter database {crm.dbname} set crm.scale = '{scale}';\n")
        run_sql([size], crm, server.programs)
        run_sql([CRM / "schema.sql", CRM / "data.sql"], crm, server.programs)

        start = time.perf_counter()
        dump = folder / "plain.dump"
        server.programs.run("pg_dump", ["--format=custom", "--compress=1"], address=crm, stdout=dump)
        server.programs.run(
            "pg_restore", ["--dbname=service=pgsafe", str(dump)], address=server.create("plain"), files=[dump]
        )
        plain = time.perf_counter() - start

        start = time.perf_counter()
        done = subprocess.run(
            [
                sys.executable, "-m", "pytest", "--pgsafe", "-q", f"--pgsafe-config={CRM / 'pgsafe.toml'}",
                f"--pgsafe-migration={CRM / 'phase4.sql'}", "--pgsafe-report=report.json",
            ],
            cwd=folder, env={**os.environ, "PGSAFE_SOURCE": crm.url(), "PGSAFE_SERVER": use}, check=False,
            capture_output=True, text=True,
        )  # fmt: skip
        whole = time.perf_counter() - start
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
        report = json.loads((folder / "report.json").read_text())
    print(f"CRM at scale {scale} on {use} {report['server']['version']}: {report['compared']['rows']} rows compared")
    print(f"pg_dump and pg_restore alone  {plain:6.2f} s")
    print(f"pytest --pgsafe               {whole:6.2f} s   {whole / plain:.1f} times")
    for step in report["steps"]:
        print(f"  {step['name']:<28}{step['seconds']:6.2f} s")
    works = report["works"]
    print(f"  of compare, works            {works['seconds']:6.2f} s   {works['number']} statements")


if __name__ == "__main__":
    main(*(kind(word) for kind, word in zip((int, str), sys.argv[1:], strict=False)))

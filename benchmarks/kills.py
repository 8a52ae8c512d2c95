"""Kill a rehearsal at random moments, and say what is left of it: after ten seconds, and after the next run.

    python -m benchmarks.kills --times 100 [--workers 2] [--seed 1]

The source is built from a ``.sql`` file, the server is one of local programs. Each run has a temporary folder of its
own, by which its processes are found. Linux.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

#: Seconds after which nothing may be left of a killed run but its private folders.
AFTER = 10.0
SCHEMA = """
create table t (id int primary key, v text);
insert into t select n, md5(n::text) from generate_series(1, 9999) n;
"""
MIGRATION = "alter table t add column w text; update t set w = upper(v); select pg_sleep(1);"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    chosen = random.Random(asked.seed)
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="kills-", dir="/tmp", ignore_cleanup_errors=True) as name:
        place = Path(name)
        place.chmod(0o1777)
        project = place / "project"
        project.mkdir()
        (project / "schema.sql").write_text(SCHEMA)
        (project / "migration.sql").write_text(MIGRATION)
        begun = time.monotonic()
        run(project, place, asked.workers).wait()
        whole = time.monotonic() - begun
        for _ in range(asked.times):
            process = run(project, place, asked.workers)
            try:
                process.wait(chosen.uniform(0, whole))
                found["ended before"] += 1
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
            time.sleep(AFTER)
            found["kills"] += 1
            found["with processes left"] += bool(processes(place))
            found["with folders left"] += bool(list(place.glob("pgsafe-*")))
        found["unsuccessful next run"] = run(project, place, 0).wait()
        found["folders after the next run"] = len(list(place.glob("pgsafe-*")))
        found["processes after the next run"] = len(processes(place))
    print(f"a whole run takes {whole:.1f} s")
    for what, count in found.items():
        print(f"{what}: {count}")


def run(project: Path, place: Path, workers: int) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--pgsafe", "--pgsafe-server=local",
        "--pgsafe-source=schema.sql", "--pgsafe-migration=migration.sql", *([f"-n{workers}"] if workers else []),
    ]  # fmt: skip
    return subprocess.Popen(
        command, cwd=project, env={**os.environ, "TMPDIR": str(place)}, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def processes(place: Path) -> list[str]:
    """Return the processes that were given a temporary folder, or work in it."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            if os.fsencode(place) in (process / "cmdline").read_bytes() + (process / "environ").read_bytes():
                found.append(process.name)
        except OSError:
            continue
    return found


if __name__ == "__main__":
    main()

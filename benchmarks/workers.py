"""Run a rehearsal and tests of one's own with many workers, again and again; say what went wrong, and what was left.

    python -m benchmarks.workers --times 20 [--workers 8] [--seconds 300]

The source is a live database on a server of its own; each run has eight tests of its own, every one with a copy of its
own. It ends after so many runs, or with the last one that begins within the seconds.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.kills import Lane, lane_at, processes

#: Each migrates a copy of its own.
TESTS = """
import pytest

@pytest.mark.parametrize("number", range(8))
def test_a_copy_of_ones_own(pgsafe_database, number):
    pgsafe_database.migrate()
    with pgsafe_database.connect() as session:
        assert session.execute("select count(*) from t").fetchone() == (50000,)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=300)
    asked = parser.parse_args()
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="workers-", dir="/tmp", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        lane = lane_at(Path(name) / "0", server="local", chosen=random.Random(1))
        try:
            (lane.place / "project" / "test_own.py").write_text(TESTS)
            until = time.monotonic() + asked.seconds
            for _ in range(asked.times):
                if time.monotonic() > until:
                    break
                _once(lane, asked.workers, found)
        finally:
            lane.host.close()
    for what, number in found.items():
        print(f"{what}: {number}")
    for text in lane.left:
        print(f"\n--- {text}")


def _once(lane: Lane, workers: int, found: Counter[str]) -> None:
    begun = time.monotonic()
    status = lane.run(f"-n{workers}").wait()
    print(f"exit status {status} after {time.monotonic() - begun:.0f} s", flush=True)
    found[f"runs with exit status {status}"] += 1
    left = [path.name for path in lane.place.glob("pgsafe-*")] + processes(lane.place)
    found["runs that left something"] += bool(left)
    if status or left:
        lane.left.append(f"exit status {status}, left: {left}\n{lane.output()[-1500:].decode(errors='replace')}")


if __name__ == "__main__":
    main()

"""Measure what a kept base costs: to prove it, to start a copy of it, and the first reading of a table there.

    python -m benchmarks.copies --gb 1 [--times 5] [--plain]

A cluster with tables of 256 MB each is made, stopped and kept as a rehearsal keeps one, in the folder of all bases,
and removed afterwards. Every byte is copied once, for comparison, with ``--plain``.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from typing import TypeVar

from pytest_pgsafe.base import keep, place, proof
from pytest_pgsafe.base.manifest import entries, load
from pytest_pgsafe.base.values import About, Identity
from pytest_pgsafe.server.cluster import Template
from pytest_pgsafe.server.connection import connect
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import LocalPrograms, find

IDENTITY = Identity(parts={"benchmark": "copies"})
MB = 1 << 20
#: A row of it takes 1 kB.
TABLE = """
create table public.t{} as select n, repeat(md5(n::text), 30) as text from generate_series(1, 262144) as n
"""
WHAT = ("it answers after", "first row of 256 MB", "gone after", "processor for all of it")
Found = TypeVar("Found")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gb", type=float, default=1)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--plain", action="store_true")
    asked = parser.parse_args()
    programs = find()
    base = _kept(programs, round(asked.gb * 4))
    try:
        _measure(base, programs, asked.times, plain=asked.plain)
    finally:
        base.release()
        place.remove(base.base.folder)


def _kept(programs: LocalPrograms, tables: int) -> keep.Held:
    with LocalServer.start(programs, enclosed=True) as server:
        address = server.create("copies")
        with connect(address, read_only=False) as session:
            for number in range(tables):
                session.execute(TABLE.format(number).encode())
        about = About(source="a benchmark", taken=None, built=datetime.now(timezone.utc), version="", proven=False)
        state = address.dbname.encode()
        return keep.put(IDENTITY, about, server.seal(), state, programs, most=1 << 62)


def _measure(base: keep.Held, programs: LocalPrograms, times: int, *, plain: bool) -> None:
    folder, said = base.base.folder, load(base.base.folder)
    print(f"{base.base.bytes / MB:,.0f} MB in {len(said.files):,} files, PostgreSQL {programs.version}")
    later = datetime.now(timezone.utc) + 2 * proof.EVERY
    print(f"every file read: {_timed(lambda: proof.faults(folder, said, now=later))[1]:.2f} s")
    # As if that had been now.
    proof.write(folder, proof.states(entries(folder)[0]), datetime.now(timezone.utc))
    print(f"proven by their states: {_several(times, lambda: proof.faults(folder, said))}")
    way, seconds = _timed(lambda: LocalServer.probe_copy(programs, base.template))
    print(f"which way works: {way}, {seconds:.2f} s")
    dbname = base.state.decode()
    ways = [base.template, *([replace(base.template, stays=False)] if plain else [])]
    for template in ways:
        found = [_once(programs, template, dbname) for _ in range(times if template.stays else 1)]
        shown = [
            f"{what} {statistics.median(values):.2f} s ({min(values):.2f} to {max(values):.2f})"
            for what, values in zip(WHAT, list(zip(*found, strict=True))[1:], strict=True)
        ]
        print(f"{found[0][0]}: {', '.join(shown)}")


def _once(programs: LocalPrograms, template: Template, dbname: str) -> tuple[str, float, float, float, float]:
    begun = _processor()
    server, started = _timed(lambda: LocalServer.start(programs, template=template, enclosed=True))
    with connect(server.address(dbname)) as session:
        _, read = _timed(lambda: session.execute("select n from public.t0 limit 1").fetchall())
    way = server.describe()["copy"]
    _, gone = _timed(server.close)
    return way, started, read, gone, _processor() - begun


def _processor() -> float:
    """Return the seconds that this process, and all that it has waited for, have had a processor."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _several(times: int, work: Callable[[], object]) -> str:
    found = [_timed(work)[1] for _ in range(times)]
    return f"{statistics.median(found):.3f} s ({min(found):.3f} to {max(found):.3f})"


def _timed(work: Callable[[], Found]) -> tuple[Found, float]:
    begun = time.monotonic()
    result = work()
    return result, time.monotonic() - begun


if __name__ == "__main__":
    main()

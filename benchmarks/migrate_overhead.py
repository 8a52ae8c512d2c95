"""What it costs to run a migration under pgsafe: the tool alone and observed, in turns, on the same server.

    python benchmarks/migrate_overhead.py ROUNDS COMMAND [NAME=TEMPLATE …]

COMMAND is for ``sh -c``; NAME=TEMPLATE are further variables, ``{url}`` and its like filled in. Start of the server and
facts are not counted, installing and removing the observer and reading the log are. The processor's time is that of the
tool, of the server and of pgsafe together: on a machine that has other work it says more than the clock. Linux.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pytest_pgsafe.migrate.environment import cleaned, fill, given
from pytest_pgsafe.migrate.run import run
from pytest_pgsafe.migrate.tools import Command
from pytest_pgsafe.server.address import Address
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import find

TICKS = os.sysconf("SC_CLK_TCK")


def alone(_: LocalServer, address: Address, command: str, env: Mapping[str, str]) -> str:
    """Run the command as its user would."""
    with tempfile.TemporaryDirectory() as folder, given(address, Path(folder)) as added:
        environment = {**cleaned(os.environ)[0], **added, **{name: fill(text, address) for name, text in env.items()}}
        subprocess.run(["sh", "-c", command], env=environment, check=True, capture_output=True)
    return ""


def observed(server: LocalServer, address: Address, command: str, env: Mapping[str, str]) -> str:
    trace = run(Command(command=command), server, address, role="postgres", env=env, folder=Path.cwd())
    assert trace.observed, "the server's log could not be read"
    return f"  {len(trace.statements)} statements, {len(trace.locks)} locks, the command itself {trace.seconds:.2f} s"


def measure(
    way: Callable[[LocalServer, Address, str, Mapping[str, str]], str],
    server: LocalServer,
    command: str,
    env: Mapping[str, str],
) -> tuple[float, float]:
    """Return seconds by the clock and of the processor."""
    address = server.create(way.__name__)
    used, started = _processor(server), time.monotonic()
    told = way(server, address, command, env)
    seconds = time.monotonic() - started
    time.sleep(0.3)  # the postmaster counts a session once it has ended
    used = _processor(server) - used
    print(f"  {way.__name__:<9} {seconds:6.2f} s by the clock, {used:6.2f} s of the processor{told}", flush=True)
    server.drop(address)
    return seconds, used


def _processor(server: LocalServer) -> float:
    """Return the seconds of the processor that this process, its children that have ended and the server have used."""
    used = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    postmaster = int((server.data / "postmaster.pid").read_text().split()[0])
    fields = {pid: _fields(pid) for pid in (int(entry.name) for entry in Path("/proc").glob("[0-9]*"))}
    for pid, of in fields.items():
        if pid == postmaster:
            used += sum(map(int, of[11:15])) / TICKS
        elif of and int(of[1]) == postmaster:
            used += sum(map(int, of[11:13])) / TICKS
    return used


def _fields(pid: int) -> Sequence[str]:
    """Return what /proc says of a process after its name; nothing of one that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ()


def main(rounds: int, command: str, env: Mapping[str, str]) -> None:
    ways = (alone, observed)
    found: dict[str, list[tuple[float, float]]] = {way.__name__: [] for way in ways}
    with LocalServer.start(find(), reason="benchmark") as server:
        measure(alone, server, command, env)  # compiles what it imports
        for number in range(rounds):
            for way in ways if number % 2 else reversed(ways):
                found[way.__name__].append(measure(way, server, command, env))
    for place, what in enumerate(("by the clock", "of the processor")):
        for name, of in (("median", statistics.median), ("least", min)):
            one, other = (of([times[place] for times in found[way.__name__]]) for way in ways)
            print(f"{what}, {name}: alone {one:.2f} s, observed {other:.2f} s: {100 * (other / one - 1):+.1f} %")


def _pairs(words: Sequence[str]) -> dict[str, str]:
    return {name: text for name, _, text in (word.partition("=") for word in words)}


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], _pairs(sys.argv[3:]))

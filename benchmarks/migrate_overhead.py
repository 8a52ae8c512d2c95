"""What it costs to run a migration under pgsafe: the tool alone and observed, in turns, on the same server.

    python benchmarks/migrate_overhead.py ROUNDS COMMAND [NAME=TEMPLATE …]

COMMAND is for ``sh -c``; NAME=TEMPLATE are further variables, ``{url}`` and its like filled in. Start of the server and
facts are not counted, installing and removing the observer and reading the log are.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pytest_pgsafe.migrate.environment import cleaned, fill, given
from pytest_pgsafe.migrate.run import run
from pytest_pgsafe.migrate.sources import Command
from pytest_pgsafe.server.base import Server
from pytest_pgsafe.server.local import LocalServer
from pytest_pgsafe.server.programs import find


def alone(server: Server, command: str, env: Mapping[str, str]) -> float:
    """Run the command as its user would; return seconds."""
    address = server.create("alone")
    with tempfile.TemporaryDirectory() as folder, given(address, Path(folder)) as added:
        environment = {**cleaned(os.environ)[0], **added, **{name: fill(text, address) for name, text in env.items()}}
        start = time.monotonic()
        subprocess.run(["sh", "-c", command], env=environment, check=True, capture_output=True)
        seconds = time.monotonic() - start
    server.drop(address)
    return seconds


def observed(server: Server, command: str, env: Mapping[str, str]) -> float:
    address = server.create("observed")
    start = time.monotonic()
    trace = run(Command(command=command), server, address, role="postgres", env=env, folder=Path.cwd())
    seconds = time.monotonic() - start
    assert trace.observed, "the server's log could not be read"
    server.drop(address)
    print(f"  {len(trace.statements)} statements, {len(trace.locks)} locks, the command itself {trace.seconds:.2f} s")
    return seconds


def main(rounds: int, command: str, env: Mapping[str, str]) -> None:
    times: dict[str, list[float]] = {"alone": [], "observed": []}
    with LocalServer.start(find(), reason="benchmark") as server:
        alone(server, command, env)  # compiles what it imports
        for _ in range(rounds):
            times["alone"].append(alone(server, command, env))
            times["observed"].append(observed(server, command, env))
    for name, found in times.items():
        print(f"{name:<9} {', '.join(f'{one:.2f}' for one in found)}")
    # On a machine that has other work the least says more than the median.
    for name, of in (("median", statistics.median), ("least", min)):
        one, other = of(times["alone"]), of(times["observed"])
        print(f"{name:<9} alone {one:.2f} s, observed {other:.2f} s: {100 * (other / one - 1):+.1f} %")


def _pairs(words: Sequence[str]) -> dict[str, str]:
    return {name: text for name, _, text in (word.partition("=") for word in words)}


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], _pairs(sys.argv[3:]))

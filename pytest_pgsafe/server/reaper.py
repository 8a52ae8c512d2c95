"""Remove the containers of an owner that is gone: a process beside it, since no other can be counted on.

Run as a script by :mod:`.container`. Arguments: the label whose containers are to be removed, the owner's process. The
end of standard input, the owner's end, or SIGTERM, removes them; the line ``keep`` before it leaves them.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from importlib import import_module
from typing import Any


def main() -> None:
    label, owner = sys.argv[1], int(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    terminated: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: terminated.append(number))
    os.write(1, b"ready\n")
    said = b""
    while not terminated:
        readable, _, _ = select.select([0], [], [], 1.0)
        if readable:
            more = os.read(0, 4096)
            said += more
            if not more:
                break
        # A process forked from the owner may hold the pipe open.
        if os.getppid() != owner:
            break
    if b"keep\n" not in said:
        remove(label)


def remove(label: str) -> None:
    """Remove all containers with a label, and their anonymous volumes."""
    # Late: it has time for this only now, and the environment leads to the engine.
    docker: Any = import_module("docker")
    errors: Any = import_module("docker.errors")
    with contextlib.closing(docker.from_env(use_ssh_client=os.environ.get("DOCKER_HOST", "").startswith("ssh"))) as it:
        for container in it.containers.list(all=True, filters={"label": label}, ignore_removed=True):
            # It may be in removal already.
            with contextlib.suppress(errors.APIError):
                container.remove(force=True, v=True)


if __name__ == "__main__":
    main()

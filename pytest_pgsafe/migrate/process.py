"""A command in a process group of its own: its output in a file, its end within a time limit."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

#: Seconds between SIGTERM and SIGKILL.
GRACE = 5.0
#: Of a long output, this much of the beginning and of the end is kept.
HEAD, TAIL = 16 * 1024, 48 * 1024


def execute(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    output: Path,
    deadline: float | None = None,
    before_stop: Callable[[], None] = lambda: None,
    grace: float = GRACE,
) -> int:
    """Run a command to its end and return its exit status; a signal is negative.

    :param folder: where it runs.
    :param output: the file that gets both of its streams.
    :param deadline: seconds.
    :param before_stop: called once past the deadline, while the command is still running.
    :raises TimeoutError: past the deadline; nothing of the group is left then.
    :raises OSError: it cannot be started.
    """
    with output.open("ab") as stream:
        process = subprocess.Popen(
            command, cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
            start_new_session=True,
        )  # fmt: skip
    try:
        return process.wait(deadline)
    except subprocess.TimeoutExpired:
        with suppress(Exception):  # what is only for the message must not keep the command alive
            before_stop()
        raise TimeoutError(f"not ended within {deadline:g} s") from None
    finally:
        # Also after an ordinary end: what it left in the background would go on writing to the copy.
        stop(process, grace)


def stop(process: subprocess.Popen[bytes], grace: float) -> None:
    """End a group by SIGTERM, and after ``grace`` seconds by SIGKILL."""
    for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, grace)):
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):  # macOS answers EPERM for a group of zombies
            break
        end = time.monotonic() + seconds
        while time.monotonic() < end and _alive(process):
            time.sleep(0.01)
        if not _alive(process):
            break
    process.wait()


def _alive(process: subprocess.Popen[bytes]) -> bool:
    """Whether anything of the group still runs; the leader is reaped, else it would count for ever."""
    process.poll()
    try:
        os.killpg(process.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def excerpt(output: Path) -> str:
    """Return what a command printed; of a long one the beginning and the end."""
    size = output.stat().st_size
    with output.open("rb") as stream:
        if size <= HEAD + TAIL:
            return stream.read().decode("utf-8", "replace")
        head = stream.read(HEAD)
        stream.seek(size - TAIL)
        tail = stream.read(TAIL)
    left = size - HEAD - TAIL
    return f"{head.decode('utf-8', 'replace')}\n… {left} bytes left out …\n{tail.decode('utf-8', 'replace')}"

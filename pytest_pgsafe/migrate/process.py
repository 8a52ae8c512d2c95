"""A command that ends with its owner: its output in a file, its end within a time limit."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ..server.tied import GRACE, Tied

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
    running: Callable[[Callable[[], None]], None] = lambda _: None,
    grace: float = GRACE,
) -> int:
    """Run a command to its end and return its exit status; a signal is negative.

    :param folder: where it runs.
    :param output: the file that gets both of its streams.
    :param deadline: seconds.
    :param before_stop: called once past the deadline, while the command is still running.
    :param running: is given what kills it outright, with all that it has started.
    :raises TimeoutError: past the deadline; nothing that it started is left then.
    :raises OSError: it cannot be started.
    """
    with output.open("ab") as stream:
        process = Tied(
            command, cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
            grace=grace,
        )  # fmt: skip
    try:
        running(process.kill_all)
        return process.wait(deadline)
    except subprocess.TimeoutExpired:
        with suppress(Exception):  # what is only for the message must not keep the command alive
            before_stop()
        raise TimeoutError(f"not ended within {deadline:g} s") from None
    finally:
        # What it left in the background, which would go on writing to the copy, its supervisor has ended.
        process.end()


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

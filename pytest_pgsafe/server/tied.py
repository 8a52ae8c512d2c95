"""Programs that end with this process, whatever ends it, and with all that they have started."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from . import supervisor
from .user import ServerUser

#: Seconds between SIGTERM and SIGKILL.
GRACE = 5.0
#: Seconds of processor time without a byte read or written, after which one of PostgreSQL's programs gets nowhere:
#: pg_restore looks for the end of a damaged archive for ever.
STUCK = 60.0
#: Seconds more than it takes in any case.
_MORE = 5.0


class Tied(subprocess.Popen[bytes]):
    """A program under a supervisor (:mod:`.supervisor`); it has a session of its own, so no terminal."""

    def __init__(
        self, command: Sequence[str], *, user: ServerUser | None = None, grace: float = GRACE, stuck: float = 0,
        **options: Any,
    ) -> None:  # fmt: skip
        """Start it.

        :param user: who runs it, with none of root's groups; None is the caller.
        :param grace: seconds between SIGTERM and SIGKILL.
        :param stuck: seconds of processor time without a byte read or written that end it; 0 is never.
        :param options: of :class:`subprocess.Popen`.
        :raises OSError: it cannot be started.
        """
        variables = options.get("env") or os.environ
        if shutil.which(command[0], path=variables.get("PATH", os.defpath)) is None:
            raise FileNotFoundError(2, "No such file or directory", command[0])
        who = "-" if user is None else f"{user.uid}:{user.gid}"
        reading, writing = os.pipe()
        # As long as this object is there, so is the program allowed to be.
        self._let_go = weakref.finalize(self, os.close, writing)
        self._grace = grace
        given = [str(os.getpid()), str(reading), who, str(grace), str(stuck), *command]
        try:
            super().__init__(
                [sys.executable, "-I", "-S", supervisor.__file__, *given],
                pass_fds=(reading,), start_new_session=True, **options,
            )  # fmt: skip
        except BaseException:
            self._let_go()
            raise
        finally:
            os.close(reading)

    @property
    def group(self) -> int:
        """The group of its processes; the supervisor's where it is not to be told."""
        return next(supervisor.descendants(self.pid), self.pid)

    def kill_all(self) -> None:
        """Kill the program and whatever it has started outright, as a machine does that goes down."""
        for process in supervisor.descendants(self.pid):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def end(self) -> None:
        """End it and whatever it has started, and wait for that."""
        self.terminate()
        try:
            self.wait(2 * self._grace + _MORE)
        except subprocess.TimeoutExpired:
            self.kill()
            self.wait()
        self._let_go()


def run(
    user: ServerUser | None, command: Sequence[str], *, environment: Mapping[str, str], folder: Path = Path("/")
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end, and return what it said.

    :param user: who runs it; None is the caller.
    :param environment: all of it.
    :param folder: in which it runs.
    :raises OSError: it cannot be started.
    """
    child = Tied(
        command, user=user, cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, stuck=STUCK,
    )  # fmt: skip
    with child:
        try:
            out, err = child.communicate()
        except BaseException:
            child.end()
            raise
    return subprocess.CompletedProcess(list(command), child.returncode, out, err)

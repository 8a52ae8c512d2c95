"""The application around a restore: stopped before, started after, whatever came of it."""

from __future__ import annotations

import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ..errors import RestoreError
from .steps import Steps


@dataclass(frozen=True, kw_only=True)
class Application:
    """Commands of a shell that stop and start what uses a database."""

    stop: Sequence[str]
    start: Sequence[str]
    steps: Steps

    @contextmanager
    def stopped(self) -> Generator[None, None, None]:
        """Run the block with the application stopped; it is started again also when something failed.

        :raises RestoreError: a command failed. Every command that starts is run all the same.
        """
        failed: list[str] = []
        try:
            for command in self.stop:
                if printed := self._run("stop", command):
                    raise RestoreError(f"the application could not be stopped: {command}", looked_at=printed)
            yield
        finally:
            if self.stop or self.start:
                failed = [line for command in self.start for line in self._run("start", command)]
        if failed:
            raise RestoreError("the database is restored, and the application could not be started", looked_at=failed)

    def _run(self, name: str, command: str) -> list[str]:
        """Run a command; return what it said if it failed."""
        with self.steps.step(name, f"{name}: {command}"):
            done = subprocess.run(  # noqa: S602 (the user's own command)
                command, shell=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                check=False,
            )  # fmt: skip
        if done.returncode == 0:
            return []
        return [f"{command}: exit status {done.returncode}", *(done.stdout + done.stderr).strip().splitlines()[-5:]]

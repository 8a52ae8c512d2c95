"""What a command of the runbook did, step by step: how long each took, and for a proof what it found."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager

import psycopg

from ..backup.proof import Outcome, Result
from ..errors import PgsafeError, RestoreError
from ..progress import SILENT, Progress
from ..server.full import disk_full


class Steps:
    """Steps that came to their end, each with its seconds; the first that fails ends them."""

    def __init__(self, progress: Progress = SILENT) -> None:
        self._done: list[tuple[str, float]] = []
        self._progress = progress

    @property
    def done(self) -> tuple[tuple[str, float], ...]:
        """What was done, in order."""
        return tuple(self._done)

    @contextmanager
    def step(self, name: str, shown: str | None = None) -> Generator[None, None, None]:
        """Record a step.

        :param shown: what is said of it while it is under way; else its name.
        """
        self._progress(name if shown is None else shown)
        start = time.monotonic()
        yield
        self._done.append((name, _since(start)))

    @contextmanager
    def on_server(self, name: str) -> Generator[None, None, None]:
        """Record a step whose errors are a server's.

        :raises RestoreError: with the server's words.
        """
        with self.step(name):
            try:
                yield
            except psycopg.Error as error:
                words = str(error).strip().splitlines()[:4]
                raise RestoreError(f"{name} failed on the server", looked_at=words) from error


class Outcomes:
    """Outcomes of a proof: one that failed keeps the next from nothing."""

    def __init__(self, progress: Progress = SILENT) -> None:
        self._done: list[Outcome] = []
        self._progress = progress

    @property
    def done(self) -> tuple[Outcome, ...]:
        """What was found, each in the place in which it was begun."""
        return tuple(self._done)

    @contextmanager
    def outcome(self, name: str, *, shown: bool = False) -> Generator[list[str], None, None]:
        """Record an outcome; what the block appends is said of one that passed.

        :param shown: tell the progress that it begins.
        :raises DiskFullError: it says nothing of the backup, and is not to stand in its proof.
        """
        if shown:
            self._progress(name)
        place, start = len(self._done), time.monotonic()
        result: Result = "passed"
        found: list[str] = []
        try:
            yield found
        except PgsafeError as error:
            if full := disk_full(error):
                raise full from error
            result, found = "failed", [str(error)]
        outcome = Outcome(name=name, result=result, said=", ".join(found), seconds=_since(start))
        self._done.insert(place, outcome)

    def skip(self, names: Sequence[str], reason: str) -> None:
        """Record what cannot be looked at; an outcome of the name that says otherwise is replaced."""
        self._done = [outcome for outcome in self._done if outcome.name not in names]
        self._done += [Outcome(name=name, result="skipped", said=reason) for name in names]


def _since(start: float) -> float:
    return round(time.monotonic() - start, 3)

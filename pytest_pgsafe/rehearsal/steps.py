"""The steps of a run, each with its time and outcome, whichever of them is the last."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager

from ..errors import PgsafeError, StepError
from ..progress import SILENT, Progress
from ..server.full import disk_full
from .values import Outcome, Step


class Stopped(Exception):  # noqa: N818 (not an error: what went wrong stands in the step)
    """A step failed and is recorded; what comes after it cannot be done."""


class Steps:
    """What was done so far."""

    def __init__(self, progress: Progress = SILENT) -> None:
        self._done: list[Step] = []
        self._progress = progress

    @property
    def done(self) -> tuple[Step, ...]:
        return tuple(self._done)

    def skip(self, name: str, reason: str) -> None:
        """Record a step that has nothing to do."""
        self._done.append(Step(name=name, seconds=0.0, outcome=Outcome.SKIPPED, reason=reason))

    @contextmanager
    def step(self, name: str, *, skips: type[StepError] | None = None) -> Generator[None, None, None]:
        """Record a step; an error of ours in it becomes its reason.

        :param skips: an error that ends the step and not the run: there was nothing to do. It comes through.
        :raises Stopped: the step failed.
        """
        self._progress(name)
        start = time.monotonic()
        try:
            yield
        except PgsafeError as error:
            if skips is not None and isinstance(error, skips):
                self._record(name, start, Outcome.SKIPPED, str(error))
                raise
            self._record(name, start, Outcome.FAILED, str(error))
            if full := disk_full(error):
                raise full from error
            raise Stopped from error
        except Exception as error:
            self._record(name, start, Outcome.FAILED, f"broken off: {type(error).__name__}")
            if full := disk_full(error):
                raise full from error
            raise
        except BaseException as error:
            self._record(name, start, Outcome.FAILED, f"broken off: {type(error).__name__}")
            raise
        self._record(name, start, Outcome.PASSED, None)

    @contextmanager
    def optional(self, name: str) -> Generator[None]:
        """Record a step that only explains: when it fails it is skipped, with its error as the reason.

        :raises StepError: as it came.
        """
        self._progress(name)
        start = time.monotonic()
        try:
            yield
        except StepError as error:
            self._record(name, start, Outcome.SKIPPED, str(error))
            raise
        self._record(name, start, Outcome.PASSED, None)

    def _record(self, name: str, start: float, outcome: Outcome, reason: str | None) -> None:
        self._done.append(Step(name=name, seconds=round(time.monotonic() - start, 3), outcome=outcome, reason=reason))

"""What a command is doing, on the last line of a terminal: nowhere else, and gone when it has ended."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from ..progress import Progress
from ..visible import one_line

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID


class Display(Progress):
    """The one of this process. On a terminal that cannot move its cursor each step is a line."""

    def __init__(self) -> None:
        self._quiet = False
        self._bars: Bars | None = None
        self._task: TaskID | None = None
        self._step = ""

    @property
    def shown(self) -> bool:
        return not self._quiet and sys.stderr.isatty()

    def begin(self, *, quiet: bool) -> None:
        """Begin with a command; a quiet one shows nothing."""
        self._quiet, self._step = quiet, ""

    def __call__(self, step: str, done: int = 0, total: int | None = None) -> None:
        if not self.shown:
            return
        step = one_line(step)
        if os.environ.get("TERM", "dumb") in {"", "dumb"}:
            if step != self._step:
                click.echo(f"pgsafe: {step} …", err=True)
            self._step = step
            return
        if self._bars is None:
            # Late: it takes longer to import than most answers take.
            from .bars import bars

            self._bars = bars()
            self._bars.start()
        if self._task is None or step != self._step:
            if self._task is not None:
                self._bars.remove_task(self._task)
            self._task, self._step = self._bars.add_task(step, total=total), step
        self._bars.update(self._task, completed=done, total=total)

    def end(self) -> None:
        """Clear the line, before anything else is printed."""
        if self._bars is not None:
            self._bars.stop()
        self._bars, self._task, self._step = None, None, ""

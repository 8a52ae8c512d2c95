"""The step that is under way, on the terminal: with ``-v`` a line each, else in one place, and gone when it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from ..progress import Progress
from ..visible import one_line

#: Of a terminal: the cursor's place is kept, and gone back to; what stands behind it is cleared.
_KEEP, _BACK, _CLEAR = "\x1b7", "\x1b8", "\x1b[K"
#: Fewer columns than these, behind what pytest has written, are too few for a name.
_LEAST = 12


class StepShown(Progress):
    """Shows steps; nothing of them is left in a pipe, in a file, in CI or with ``-q``, nor by xdist's workers."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._shown = False

    def __call__(self, step: str, done: int = 0, total: int | None = None) -> None:  # noqa: ARG002 (of bytes)
        config = self._config
        reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
        if done or reporter is None or hasattr(config, "workerinput") or config.get_verbosity() < 0:
            return
        with self._uncaptured():
            if config.get_verbosity() > 0:
                reporter.ensure_newline()
                reporter.write_line(f"pgsafe: {one_line(step)}")
            elif in_place():
                writer = reporter._tw  # noqa: SLF001 (nothing else tells how much of the line is left)
                self._show(f" pgsafe: {one_line(step)}", writer.fullwidth - writer.width_of_current_line - 1)

    def _show(self, text: str, room: int) -> None:
        # Not by pytest's writer: it would count what is cleared again.
        back = f"{_BACK}{_CLEAR}" if self._shown else _KEEP
        self._shown = True
        sys.stdout.write(back + (text[:room] if room >= _LEAST else ""))
        sys.stdout.flush()

    def clear(self) -> None:
        """Take away what is shown, before pytest writes on."""
        if self._shown:
            self._shown = False
            with self._uncaptured():
                sys.stdout.write(f"{_BACK}{_CLEAR}")
                sys.stdout.flush()

    def _uncaptured(self) -> AbstractContextManager[None]:
        capture: Any = self._config.pluginmanager.get_plugin("capturemanager")
        return nullcontext() if capture is None else capture.global_and_fixture_disabled()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self) -> None:
        self.clear()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self) -> Generator[None, None, None]:
        """Leave nothing, also when the run is interrupted."""
        yield
        self.clear()


def in_place() -> bool:
    """Whether standard output is a terminal that can go back in its line, and whose log nobody keeps."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in {"", "dumb"} and not os.environ.get("CI")

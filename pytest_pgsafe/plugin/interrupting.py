"""SIGTERM and SIGHUP end a run as Ctrl-C does: everything that was started ends, and the reports are written."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

import pytest

#: How CI systems cancel, and what a terminal sends that is closed.
NUMBERS = (signal.SIGTERM, signal.SIGHUP)


class Interrupting:
    """In the controlling process, and in each worker of xdist."""

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Take the signals that nobody else has taken."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in NUMBERS:
            if signal.getsignal(number) is signal.SIG_DFL:
                self._before[number] = signal.signal(number, self._interrupt)

    def pytest_unconfigure(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _interrupt(self, number: int, _: FrameType | None) -> None:
        # What is being cleared away is not to be broken off by the next one.
        for other in self._before:
            signal.signal(other, signal.SIG_IGN)
        raise KeyboardInterrupt(signal.Signals(number).name)

"""SIGTERM and SIGHUP end a run as Ctrl-C does: everything that was started ends, and the reports are written."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any

import pytest

#: How CI systems cancel, and what a terminal sends that is closed.
NUMBERS = (signal.SIGTERM, signal.SIGHUP)
#: Seconds between a worker's looks at its controller.
_LOOK = 0.5
#: Seconds after which a signal that came in a finaliser comes again.
_LATER = 0.05


class Interrupting:
    """In the controlling process, and in each worker of xdist."""

    def __init__(self, *, worker: bool) -> None:
        self._worker = worker
        self._before: dict[int, Any] = {}
        self._over = threading.Event()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Take the signals that nobody else has taken."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in NUMBERS:
            if signal.getsignal(number) is signal.SIG_DFL:
                self._before[number] = signal.signal(number, self._interrupt)
        if self._worker and signal.SIGTERM in self._before:
            threading.Thread(target=self._watch, args=(os.getppid(),), daemon=True).start()

    def _watch(self, controller: int) -> None:
        """End this worker when its controller was killed: left to itself it goes on for a quarter of a minute."""
        while not self._over.wait(_LOOK):
            if os.getppid() != controller:
                os.kill(os.getpid(), signal.SIGTERM)
                return

    def pytest_unconfigure(self) -> None:
        self._over.set()
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if _is_lost_in(frame):
            threading.Timer(_LATER, os.kill, (os.getpid(), number)).start()
            return
        # What is being cleared away is not to be broken off by the next one.
        for other in self._before:
            signal.signal(other, signal.SIG_IGN)
        raise KeyboardInterrupt(signal.Signals(number).name)


def _is_lost_in(frame: FrameType | None) -> bool:
    """Tell whether what is raised in a frame ends in a finaliser, where Python prints it and goes on."""
    while frame is not None:
        if frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False

"""SIGTERM and SIGHUP end a run as Ctrl-C does: everything that was started ends, and the reports are written."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Generator
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

import pytest

from ..server.keeper import started

if TYPE_CHECKING:
    from .feature import Feature

#: How CI systems cancel, and what a terminal sends that is closed.
NUMBERS = (signal.SIGTERM, signal.SIGHUP)
#: What the names of the workers' files in the run's folder begin with.
_WORKER = "worker-"


class Interrupting:
    """In the controlling process, and in each worker of xdist."""

    def __init__(self, feature: Feature) -> None:
        self._feature = feature
        self._before: dict[int, Any] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Take the signals that nobody else has taken."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in NUMBERS:
            if signal.getsignal(number) is signal.SIG_DFL:
                self._before[number] = signal.signal(number, self._interrupt)

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        """Leave word of this worker: its controller ends it in order."""
        store = self._feature.store
        if self._feature.worker and store is not None and store.folder.is_dir():
            (store.folder / f"{_WORKER}{os.getpid()}").write_text(started(os.getpid()), "ascii")
        return (yield)

    def pytest_keyboard_interrupt(self) -> None:
        """End the workers at once: xdist would let them go on for a while, and then kill them."""
        store = self._feature.store
        if self._feature.worker or store is None or not store.folder.is_dir():
            return
        for path in store.folder.glob(f"{_WORKER}*"):
            pid = int(path.name.removeprefix(_WORKER))
            with suppress(OSError):
                # The number may be somebody else's by now.
                if started(pid) == path.read_text("ascii"):
                    os.kill(pid, signal.SIGTERM)

    def pytest_unconfigure(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _interrupt(self, number: int, _: FrameType | None) -> None:
        # What is being cleared away is not to be broken off by the next one.
        for other in self._before:
            signal.signal(other, signal.SIG_IGN)
        raise KeyboardInterrupt(signal.Signals(number).name)

"""The controlling process and its workers of xdist: what they are told, and how they are ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from contextlib import suppress
from typing import Any

import pytest

from ..server.keeper import started
from .run import Run

#: What the names of the workers' files in the run's folder begin with.
_WORKER = "worker-"


class Workers:
    """In the controlling process, and in each worker of xdist."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker what was resolved."""
        node.workerinput["pgsafe"] = self._run.for_worker()

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        """Leave word of this worker: its controller ends it in order."""
        store = self._run.store
        if self._run.worker and store is not None and self._run.obtainable:
            (store.folder / f"{_WORKER}{os.getpid()}").write_text(started(os.getpid()), "ascii")
        return (yield)

    def pytest_keyboard_interrupt(self) -> None:
        """End the workers at once: xdist would let them go on for a while, and then kill them."""
        store = self._run.store
        if self._run.worker or store is None or not self._run.obtainable:
            return
        for path in store.folder.glob(f"{_WORKER}*"):
            pid = int(path.name.removeprefix(_WORKER))
            with suppress(OSError):
                # The number may be somebody else's by now.
                if started(pid) == path.read_text("ascii"):
                    os.kill(pid, signal.SIGTERM)

"""The controlling process and its workers of xdist: what they are told, and how they are ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from ..errors import ConfigError
from ..server.keeper import started
from . import apart
from .collect import ChecksFile
from .run import Run

#: What the names of the workers' files in the run's folder begin with.
_WORKER = "worker-"


class Workers:
    """In the controlling process, and in each worker of xdist."""

    def __init__(self, config: pytest.Config, run: Run) -> None:
        self._config = config
        self._run = run
        #: Sessions on a fleet's server: of the workers beside us together, and of each that is apart.
        self._shares = (0, 0)
        #: Members whose results went to the controlling process.
        self._told: set[str] = set()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_setupnodes(self, specs: Sequence[Any]) -> None:
        """Divide what a fleet's server may have of sessions over the places that see nothing of each other.

        :raises pytest.UsageError: they are too few.
        """
        if self._run.fleet is not None:
            try:
                self._shares = apart.shares(specs, self._run.fleet.sessions)
            except ConfigError as error:
                raise pytest.UsageError(str(error)) from error

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker what was resolved."""
        run = self._run
        if run.fleet is not None:
            share = self._shares[apart.is_apart(node.gateway.spec)]
            run = replace(run, fleet=replace(run.fleet, sessions=share))
        node.workerinput["pgsafe"] = run.for_worker(self._config.rootpath)

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Keep the checks of a fleet's member together: one worker rehearses it."""
        if self._run.fleet is None:
            return None
        from .scheduling import TEARING, ByMember

        return ByMember(config, log) if config.getoption("dist") in TEARING else None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Send a member's result with the first report of its checks, where the controlling process cannot read it."""
        report = yield
        member = item.parent.member if isinstance(item.parent, ChecksFile) else None
        if self._run.apart and member is not None and call.when == "call" and member not in self._told:
            packed = apart.packed(self._run.store_of(member), member)
            if packed is not None:
                self._told.add(member)
                setattr(report, apart.RESULT, packed)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep a member's result that came with a report."""
        told = getattr(report, apart.RESULT, None)
        if told is not None and not self._run.worker:
            apart.unpack(self._run.store_of(told["member"]), told)
            delattr(report, apart.RESULT)

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

"""Tests of the project's own, registered when ``--pgsafe`` is on: their server, and what is kept of a failed one."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import pytest

from .run import Run

if TYPE_CHECKING:
    from ..backup.take import Backup
    from ..server.address import Address
    from ..testing.ground import Ground
    from ..testing.server import ScratchServer

NAME = "pgsafe-own"
_FAILED = pytest.StashKey[bool]()
_ELSEWHERE = "xdist workers on another machine cannot share a run"


class OwnTests:
    """The ground of this process: the controlling one, or a worker of xdist."""

    def __init__(self, config: pytest.Config, run: Run) -> None:
        self._config = config
        self._run = run
        self._ground: Ground | None = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note which tests failed, for what is kept of them."""
        report = yield
        if report.failed:
            item.stash[_FAILED] = True
        return report

    @property
    def dry(self) -> bool:
        """Whether no test is run."""
        return self._run.store is None

    def server(self) -> ScratchServer:
        """Return the server of this process, running.

        :raises PgsafeError: it cannot be had.
        """
        from ..testing.server import ScratchServer

        ground = self._started()
        assert ground.server
        return ScratchServer(ground)

    def backup(self) -> Backup:
        """Return the run's backup.

        :raises PgsafeError: it cannot be taken, or there is no source.
        """
        return self._started().backup()

    def named(self, item: pytest.Item) -> str:
        """Return a test's name as a part of a database's."""
        return item.name.removeprefix("test_")

    def releasing(self, item: pytest.Item) -> Callable[[Address], None]:
        """Return how a database of a test is dropped, or kept once the test failed."""
        ground = self._started()

        def release(address: Address) -> None:
            if not (ground.settings.server.keep and item.stash.get(_FAILED, False)):
                ground.drop(address)
                return
            lines = [f"kept: database {address.dbname}", *ground.keep()]
            item.add_report_section("teardown", "pgsafe", "\n".join(lines))

        return release

    def close(self) -> None:
        """Stop the server, and drop what is left on it."""
        ground, self._ground = self._ground, None
        if ground is not None:
            ground.close()

    def pytest_unconfigure(self) -> None:
        self.close()

    def _started(self) -> Ground:
        if self._ground is None:
            store = self._run.store
            if store is None or not self._run.obtainable:
                pytest.fail(_ELSEWHERE, pytrace=False)
            from ..testing.ground import Ground

            told: dict[str, Any] = getattr(self._config, "workerinput", {})
            self._ground = Ground(
                self._run.settings,
                folder=store.folder,
                worker=str(told.get("workerid", "")),
                shared=int(told.get("workercount", 1)) > 1,
            )
        return self._ground

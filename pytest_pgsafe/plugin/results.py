"""The one rehearsal and the one recovery of a run: done by whichever process needs it first, read by the others."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

import pytest

from ..config import Settings
from ..errors import PgsafeError
from ..progress import Progress
from ..rehearsal.values import Result
from ..report.redact import redact
from .run import Run
from .store import RECOVERED, Store, broken_off


class Results:
    """The results, each obtained when it is first asked for."""

    def __init__(self, run: Run, progress: Progress) -> None:
        self._run = run
        self._progress = progress

    @cached_property
    def rehearsal(self) -> Result:
        """The run's result; the first process that asks rehearses."""
        return self._obtained("rehearsal", self._rehearse)

    @cached_property
    def recovery(self) -> Result:
        """The run's recovery; the first process that asks does it."""
        from ..rehearsal.recoverable import prove

        return self._obtained("recovery", prove, part=RECOVERED)

    def _obtained(self, what: str, work: Callable[[Settings, Progress], Result], *, part: str = "") -> Result:
        store = self._store()
        if not store.folder.is_dir():
            return broken_off(f"xdist workers on another machine cannot share a {what}")
        return replace(store, part=part).obtain(lambda progress: self._shown(work, progress), self._progress)

    def _store(self) -> Store:
        # A check is run where tests are, and where tests are run there is a store.
        assert self._run.store is not None
        return self._run.store

    def _shown(self, work: Callable[[Settings, Progress], Result], progress: Progress) -> Result:
        """Do it, and leave out of the result what nobody may see."""
        report = self._run.settings.report
        try:
            result = work(self._run.settings, progress)
        except PgsafeError:
            raise
        except Exception as error:
            if report.samples == "values" and not report.mask:
                raise
            # The server's messages quote rows, which are not to be shown.
            where = traceback.format_tb(error.__traceback__)
            raise PgsafeError(f"broken off by a defect: {type(error).__name__}", looked_at=where) from None
        return redact(result, samples=report.samples, mask=report.mask)

    def _rehearse(self, settings: Settings, progress: Progress) -> Result:
        if settings.static:
            from ..rehearsal.static import prepare, read

            return read(settings, prepare(settings) if self._run.reading is None else self._run.reading, progress)
        from ..rehearsal.run import rehearse

        store = self._store()
        # What was found out before the first step holds for the worker that takes it.
        plan = store.plan() if self._run.plan is None else self._run.plan
        return rehearse(settings, progress, plan, backups=store.folder)


#: In ``config.stash`` once the session has begun.
RESULTS = pytest.StashKey[Results]()

"""The one rehearsal and the one recovery of a run: done by whichever process needs it first, read by the others."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import pytest

from ..config import Settings
from ..errors import PgsafeError, SourceError
from ..fleet.found import Found
from ..fleet.values import Absence
from ..progress import Progress
from ..rehearsal.values import Result
from ..report.redact import redact
from ..server.lent import Lender
from .fleet import Fleet, member_of, settings_of
from .loading import undisturbed
from .run import Run
from .store import RECOVERED, Store, broken_off

if TYPE_CHECKING:
    from ..rehearsal.preflight import Plan
    from ..snapshot.values import Snapshot

#: Names the member for which no further one is begun.
_FAILED = "failed"


class Results:
    """The results, each obtained when it is first asked for."""

    def __init__(self, run: Run, progress: Progress) -> None:
        self._run = run
        self._progress = progress
        #: The member that was asked for last, and its result.
        self._last: tuple[str, Result] | None = None
        self._lender = Lender()

    @cached_property
    def rehearsal(self) -> Result:
        """The run's result; the first process that asks rehearses."""
        return self._obtained("rehearsal", self._rehearse)

    def of_member(self, name: str) -> Result:
        """Return the result of a fleet's member; the first process that asks rehearses."""
        # The items of a member come one after the other, and a fleet's results need not all be in memory.
        if self._last is None or self._last[0] != name:
            self._last = (name, self._member(name))
        return self._last[1]

    def _member(self, name: str) -> Result:
        fleet, run = self._run.fleet, self._run
        assert fleet is not None
        member = fleet.of(name)
        progress = self._progress.within(name)
        return run.store_of(name).obtain(
            lambda told: self._shown(partial(self._rehearse_member, member), told), progress
        )  # fmt: skip

    def _rehearse_member(self, member: Found, settings: Settings, progress: Progress) -> Result:
        """Rehearse one of a fleet: what hinders it is its own outcome, and stops nobody."""
        from ..compare.restored import major
        from ..fleet.schemas import MemberSchema, Schemas
        from ..fleet.sessions import Sessions
        from ..rehearsal.preflight import preflight

        with undisturbed():
            from ..rehearsal.run import rehearse

        assert self._run.fleet is not None
        if hindered := self._hindered(self._run.fleet):
            return hindered
        own = settings_of(settings, member)
        turn: Callable[[], AbstractContextManager[None]] = nullcontext
        if member.source.dsn is not None and own.source is not None:
            sessions = Sessions(self._store().folder / "sessions", self._run.fleet.sessions)
            own, turn = replace(own, source=replace(own.source, sessions=sessions.each)), sessions.turn
        try:
            plan = preflight(own, turn)
        except SourceError as error:
            return replace(broken_off(str(error)), absent=Absence.UNREACHABLE.value)
        plan = self._lending(own, plan)
        shown = member_of(self._run.fleet, member.name)
        schemas = Schemas(self._store().folder)

        def seen(facts: Snapshot) -> None:
            schemas.keep(MemberSchema(member=shown, major=major(facts), catalog=facts.catalog))

        result = rehearse(own, progress, plan, seen=seen)
        if settings.fleet is not None and settings.fleet.fail_fast and result.verdict == "failed":
            (self._store().folder / _FAILED).write_text(member.name, "utf-8")
        return result

    def _lending(self, settings: Settings, plan: Plan) -> Plan:
        """Return a plan by which one server after the other need not be started: members are lent the same one.

        Where the server itself is copied, kept or upgraded, it is each member's own.
        """
        server, choice = settings.server, plan.choice
        if choice.kind == "existing" or server.cache or server.keep or server.major is not None:
            return plan
        key = (choice.kind, choice.origin, plan.startup)
        return replace(plan, choice=replace(choice, start=lambda: self._lender.start(key, choice.start)))

    def close(self) -> None:
        """End what was held for further members."""
        self._lender.close()

    def _hindered(self, fleet: Fleet) -> Result | None:
        """Return why a member is not begun."""
        failed = self._store().folder / _FAILED
        if failed.exists():
            other = failed.read_text("utf-8")
            return replace(
                broken_off(f"not judged: {other} failed, and [fleet] fail_fast is on"), absent=Absence.FAIL_FAST.value
            )
        if fleet.until is not None and time.time() >= fleet.until:
            return replace(
                broken_off("not judged: [fleet] deadline was over before it was begun"), absent=Absence.DEADLINE.value
            )
        return None

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
        with undisturbed():
            from ..rehearsal.run import rehearse

        store = self._store()
        # What was found out before the first step holds for the worker that takes it.
        plan = store.plan() if self._run.plan is None else self._run.plan
        return rehearse(settings, progress, plan, backups=store.folder)


#: In ``config.stash`` once the session has begun.
RESULTS = pytest.StashKey[Results]()

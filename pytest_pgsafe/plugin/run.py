"""One run of pytest as it is known before collection: resolved once by the controlling process, told to its workers."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import TypeAdapter

from ..config import Settings
from ..fleet.values import Absence
from ..rehearsal.values import Result
from .apart import moved
from .fleet import Fleet
from .selection import Selection
from .store import Store

if TYPE_CHECKING:
    from ..rehearsal.preflight import Plan
    from ..rehearsal.static import Static
    from .receipts import Asked


@cache
def _settings() -> TypeAdapter[Settings]:
    # Made for workers alone: most runs have none.
    return TypeAdapter(Settings)


@cache
def _fleet() -> TypeAdapter[Fleet]:
    return TypeAdapter(Fleet)


@dataclass(frozen=True, kw_only=True)
class Run:
    """What every part of the plugin goes by."""

    settings: Settings
    selection: Selection
    #: Whether this is a worker of xdist.
    worker: bool
    #: None where no test is run, so that nothing is looked at and nothing is written.
    store: Store | None
    #: Lines for the head of the report.
    header: tuple[str, ...] = ()
    #: What was found out before the first step; None where nothing is rehearsed, and in a worker.
    plan: Plan | None = None
    #: What is read, where no more than that is done.
    reading: Static | None = None
    #: What a receipt, or the evidence, is made of at the end; None where nobody asks for one, and in a worker.
    asked: Asked | None = None
    #: None where there is one source, or none.
    fleet: Fleet | None = None
    #: Whether this worker shares no folder with the controlling process: results go there in reports.
    apart: bool = False

    def store_of(self, member: str) -> Store:
        """Return the part of the store that a fleet's member has."""
        assert self.store is not None
        assert self.fleet is not None
        return replace(self.store, part=self.fleet.part(member), died=Absence.DIED.value)

    def member_result(self, member: str) -> Result | None:
        """Return the result of a fleet's member; None if it was never begun."""
        return self.store_of(member).read()

    @property
    def obtainable(self) -> bool:
        """Whether this process can read what the run's others store: xdist's workers may be on another machine."""
        return self.store is not None and self.store.folder.is_dir()

    def for_worker(self, root: Path) -> dict[str, Any]:
        """Return what a worker of xdist needs, in types that execnet knows; it resolves nothing by itself.

        :param root: pytest's rootdir: a worker elsewhere has it in another place.
        """
        fleet = self.fleet
        if self.store is not None and self.plan is not None:
            self.store.tell(self.plan)
        return {
            "settings": _settings().dump_json(self.settings).decode(),
            "folder": None if self.store is None else str(self.store.folder),
            "fleet": None if fleet is None else _fleet().dump_json(fleet).decode(),
            # Another machine has another clock.
            "left": None if fleet is None or fleet.until is None else fleet.until - time.time(),
            "root": str(root),
        }

    @classmethod
    def of_worker(cls, given: dict[str, Any], selection: Selection, root: Path) -> Run:
        """Return the run in a worker, from what its controller told.

        :param root: the worker's own rootdir.
        """
        fleet = None
        if given["fleet"] is not None:
            fleet = _fleet().validate_json(moved(given["fleet"], given["root"], root))
            fleet = replace(fleet, until=None if given["left"] is None else time.time() + given["left"])
        return cls(
            settings=_settings().validate_json(moved(given["settings"], given["root"], root)),
            selection=selection,
            worker=True,
            store=None if given["folder"] is None else Store(Path(given["folder"])),
            fleet=fleet,
        )


#: In ``config.stash`` once the session has begun.
RUN = pytest.StashKey[Run]()

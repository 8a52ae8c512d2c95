"""One rehearsal a run: whichever process needs it first does it, the others read what it stored."""

from __future__ import annotations

import json
import pickle
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from filelock import FileLock
from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from ..errors import DiskFullError, PgsafeError
from ..progress import Progress, StepNames
from ..rehearsal.values import Outcome, Result, Step
from ..visible import visible

if TYPE_CHECKING:
    from ..rehearsal.preflight import Plan

_PLAN = "plan"
#: What the names of a recovery's files begin with.
RECOVERED = "pitr-"
_DIED = "the process that rehearsed is gone, and left no result"

Rehearse = Callable[[Progress], Result]


@cache
def _result() -> TypeAdapter[Result]:
    return TypeAdapter(Result)


@dataclass(frozen=True)
class Store:
    """A private folder (0700) of one run, shared by its xdist workers."""

    folder: Path
    #: What its files' names begin with: a run may have a rehearsal and a recovery.
    part: str = ""
    #: What a result is called that was begun and never ended: of a fleet's member.
    died: str | None = None

    def tell(self, plan: Plan) -> None:
        """Leave for the workers what the controlling process found out before the first step."""
        if not (self.folder / _PLAN).exists():
            (self.folder / _PLAN).write_bytes(pickle.dumps(plan))

    def plan(self) -> Plan | None:
        """Return what the controlling process found out; None if it left nothing."""
        path = self.folder / _PLAN
        # Nobody but this user can write into the folder.
        return pickle.loads(path.read_bytes()) if path.exists() else None  # noqa: S301

    def obtain(self, rehearse: Rehearse, progress: Progress) -> Result:
        """Return the run's result, after rehearsing if nobody has.

        :param progress: is told each step when it begins.
        """
        with FileLock(self.folder / f"{self.part}result.lock"):
            found = self.read()
            if found is None:
                found = self._rehearse(rehearse, progress)
            return found

    def read(self) -> Result | None:
        """Return the result; None if nothing was begun, a result that says so if it was begun and never ended."""
        if (stored := self.stored()) is not None:
            return _result().validate_json(stored)
        if not self._journal.exists():
            return None
        return replace(broken_off(_DIED, self._steps()), absent=self.died)

    @property
    def _journal(self) -> Path:
        """The steps that were begun, each with its time: what is known of a process that died."""
        return self.folder / f"{self.part}steps"

    def _rehearse(self, rehearse: Rehearse, progress: Progress) -> Result:
        self._journal.touch()

        def begin(step: str) -> None:
            with self._journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps([step, time.time()]) + "\n")
            progress(step)

        try:
            result = rehearse(StepNames(begin))
        except (KeyboardInterrupt, pytest.exit.Exception):
            self._write(broken_off("interrupted", self._steps()))
            raise
        except PgsafeError as error:
            result = replace(broken_off(str(error), self._steps()), disk_full=isinstance(error, DiskFullError))
        except Exception:
            # A defect of ours, or of a library: no verdict, and the traceback is what its reader needs.
            result = broken_off(traceback.format_exc(), self._steps())
        except BaseException as error:
            self._write(broken_off(repr(error), self._steps()))
            raise
        self._write(result)
        return result

    def _steps(self) -> tuple[Step, ...]:
        """Return what the journal says; the last step is the one that did not end."""
        # A process can die in the middle of a line.
        lines = [
            line for line in self._journal.read_text(encoding="utf-8").splitlines(keepends=True) if line[-1] == "\n"
        ]
        begun: list[tuple[str, float]] = [json.loads(line) for line in lines]
        ends = [*(moment for _, moment in begun[1:]), time.time()]
        steps = [
            Step(name=name, seconds=round(max(end - moment, 0.0), 3), outcome=Outcome.PASSED)
            for (name, moment), end in zip(begun, ends, strict=False)
        ]
        if steps:
            steps[-1] = replace(steps[-1], outcome=Outcome.FAILED, reason="broken off")
        return tuple(steps)

    def _write(self, result: Result) -> None:
        # The whole catalog values are for the checks, which are done.
        slim = replace(result, changes=tuple(replace(change, old=None, new=None) for change in result.changes))
        self.keep(_dumped(slim))

    def stored(self) -> bytes | None:
        """Return the result as it is stored; None if it is not there."""
        path = self.folder / f"{self.part}result.json"
        return path.read_bytes() if path.exists() else None

    def keep(self, stored: bytes) -> None:
        """Store a result as :meth:`stored` returned it."""
        partial = self.folder / f"{self.part}result.partial"
        partial.write_bytes(stored)
        partial.replace(self.folder / f"{self.part}result.json")


def _dumped(result: Result) -> bytes:
    try:
        return _result().dump_json(result)
    except PydanticSerializationError:
        # The name of a file that is no UTF-8: JSON holds no such byte.
        return _result().dump_json(_result().validate_python(_written(_result().dump_python(result))))


def _written(value: Any) -> Any:
    """Return a value with every text as it is shown."""
    if isinstance(value, str) and not isinstance(value, Enum):
        return visible(value)
    if isinstance(value, Mapping):
        return {_written(name): _written(one) for name, one in cast("dict[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_written(one) for one in cast("list[Any]", value)]
    return value


def broken_off(reason: str, steps: tuple[Step, ...] = ()) -> Result:
    """Return a result without a verdict."""
    return Result(steps=steps, source={}, server={}, interrupted=reason)

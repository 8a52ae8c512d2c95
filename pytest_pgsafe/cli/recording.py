"""Entries of the evidence, written by the commands where ``[evidence] root`` names a folder for it."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, StepError
from ..passwords import redact
from . import defaults
from .answer import Answer

if TYPE_CHECKING:
    from ..records.values import Kind


@dataclass
class Recording:
    """What a command leaves in the evidence; nothing where none is kept."""

    root: Path | None
    #: Of the entries that were written.
    hashes: list[str] = field(default_factory=list[str])
    problems: list[str] = field(default_factory=list[str])

    def add(self, kind: Kind, facts: Mapping[str, Any], *, passed: bool = True, error: bool = False) -> None:
        """Write an entry; what keeps it from being written is told with the answer."""
        if self.root is None:
            return
        from ..records import chain, seal
        from ..records.values import Entry

        entry = Entry(
            kind=kind,
            time=f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
            result="error" if error else "passed" if passed else "failed",
            pgsafe=version("pytest-pgsafe"),
            facts=dict(facts),
        )
        try:
            self.hashes.append(chain.append(self.root, entry, seal.key(os.environ)).hash)
        except StepError as problem:
            self.problems.append(f"{problem.message}: {', '.join(problem.looked_at)}")

    def joined(self, more: Recording) -> Recording:
        """Return what both wrote."""
        return replace(self, hashes=[*self.hashes, *more.hashes], problems=[*self.problems, *more.problems])

    def told(self, answer: Answer) -> Answer:
        """Return an answer with what became of the entries: one that is missing is a failure."""
        if self.root is None:
            return answer
        return replace(
            answer,
            passed=answer.passed and not self.problems,
            data={**answer.data, "evidence": list(self.hashes)},
            warnings=[*answer.warnings, *self.problems],
        )


@contextmanager
def recording(kind: Kind, **known: Any) -> Generator[Recording, None, None]:
    """Yield what a command writes its entries with; that it was broken off is an entry, too.

    :param known: facts of an entry about a command that was broken off.
    :raises ConfigError: the evidence cannot be written: found before anything is begun.
    """
    root: str | None = defaults.given()["evidence"].get("root")
    found = Recording(root=None if root is None else Path(root))
    if found.root is not None:
        from ..records import chain, seal

        seal.key(os.environ)
        chain.ready(found.root)
    try:
        yield found
    except ConfigError:
        # Nothing was begun.
        raise
    except BaseException as error:
        found.add(kind, {**known, "error": _first(error)}, error=True)
        raise


def _first(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    lines = redact(str(error)).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__

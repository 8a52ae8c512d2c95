"""A fleet: many databases that one migration is for, as they were configured. Nobody has been asked yet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

#: What stands for the member's name in ``[[source.fleet]] dsn``.
NAME: Final = "{name}"
_COUNT = re.compile(r"(?P<count>\d+)\s+(?P<what>largest|at random)(?:\s*\(\s*seed\s+(?P<seed>\d+)\s*\))?")
#: The first word of what is a query and no pattern of names.
_QUERY = re.compile(r"\s*(?:select|with|values|table)\b|\s*[(]|\s*(?:--|/[*])", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """How many members are judged, where not all are."""

    largest: int = 0
    random: int = 0
    #: What the choice at random is repeated by; None draws one.
    seed: int | None = None

    def __str__(self) -> str:
        seed = "" if self.seed is None else f" (seed {self.seed})"
        parts = [f"{self.largest} largest"] if self.largest else []
        return ", ".join([*parts, f"{self.random} at random{seed}"] if self.random else parts)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One ``[[source.fleet]]``, or one ``--pgsafe-source`` of several."""

    #: How a message names it: ``pgsafe.toml source.fleet[0]``.
    origin: str
    #: With :data:`NAME` in it; without, it is one member. None where the query returns each member's own.
    dsn: str | None = field(default=None, repr=False)
    #: What was listed; empty where nothing was.
    names: tuple[str, ...] = ()
    #: Of names of databases, as a shell's: ``tenant_*``.
    pattern: str | None = None
    query: str | None = None
    #: The database that is asked for names; None is ``postgres`` on the server of ``dsn``.
    catalog: str | None = field(default=None, repr=False)
    #: A folder in which each file, or folder, is a backup.
    backups: Path | None = None

    @property
    def asks(self) -> bool:
        """Whether a server has to be asked which members there are."""
        return self.query is not None or self.pattern is not None


@dataclass(frozen=True, kw_only=True)
class Fleet:
    entries: tuple[Entry, ...]
    #: What all members have in common, as :class:`~.values.Source` has it.
    jobs: int = 1
    settings: tuple[tuple[str, str], ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict[str, int], hash=False)
    #: None judges all members.
    sample: Sample | None = None
    #: Whether no further member is begun once one is unsafe.
    fail_fast: bool = False
    #: Seconds after which no further member is begun; None is never.
    deadline: float | None = None
    #: Sessions on the source's server at a time, at most, of all workers on all machines.
    source_sessions: int = 4


def is_query(text: str) -> bool:
    """Tell a query from a pattern of names."""
    return _QUERY.match(text) is not None


def sample(text: str) -> Sample:
    """Read ``10 largest, 20 at random (seed 7)``.

    :raises ValueError: it is nothing like it.
    """
    wanted = 'wanted how many and how they are chosen, such as "10 largest, 20 at random (seed 7)"'
    found = Sample()
    # A comma within brackets belongs to nothing that is known.
    for part in text.split(","):
        match = _COUNT.fullmatch(part.strip())
        if match is None or int(match["count"]) == 0:
            raise ValueError(wanted)
        count, seed = int(match["count"]), match["seed"]
        if match["what"] == "largest":
            if seed is not None:
                raise ValueError("only what is chosen at random has a seed")
            if found.largest:
                raise ValueError('"largest" stands there twice')
            found = Sample(largest=count, random=found.random, seed=found.seed)
        else:
            if found.random:
                raise ValueError('"at random" stands there twice')
            found = Sample(largest=found.largest, random=count, seed=None if seed is None else int(seed))
    return found

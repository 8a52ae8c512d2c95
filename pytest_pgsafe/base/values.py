"""What a base is of, and what it says of itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a base depends on, by names of our own: where any of it is another, it is another base."""

    parts: Mapping[str, str]

    @property
    def key(self) -> str:
        """Return it as 32 hexadecimal digits."""
        return hashlib.sha256(json.dumps(dict(self.parts), sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True)
class About:
    """What is known of a base without looking into it."""

    #: The source, for people, without secrets.
    source: str
    #: The moment of what it holds, in UTC; None where nobody knows it (a dump without a manifest).
    taken: datetime | None
    #: When it was restored, in UTC.
    built: datetime
    #: The server's, as ``17.10``.
    version: str
    #: Whether it was proven equal to the source.
    proven: bool
    #: Whether the hooks ``after_restore`` ran on it before it was kept.
    hooked: bool = False
    #: Whether it is the source's cluster itself, and no restore of a dump.
    physical: bool = False

    @property
    def moment(self) -> datetime:
        """From when its age counts."""
        return self.built if self.taken is None else self.taken


@dataclass(frozen=True, kw_only=True)
class Base:
    """A base that is kept."""

    folder: Path
    key: str
    about: About
    #: Of all files.
    bytes: int
    #: When a run last began with it.
    used: datetime = field(compare=False)

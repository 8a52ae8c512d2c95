"""What was found out about a cluster's recoverability, for judgement and reports (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from .archive import Fault


@dataclass(frozen=True, kw_only=True)
class Continuity:
    """The archive's segments, against the base backups."""

    segments: int
    #: Names.
    first: str
    last: str
    #: What a recovery from the newest base backup would stop at.
    faults: tuple[Fault, ...] = ()
    #: What only a recovery from an older one would.
    older: tuple[Fault, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Proven:
    """The newest base backup."""

    #: Its folder's name.
    name: str
    #: How many there are of this cluster.
    bases: int
    server_version: str
    #: No moment before it can be recovered from this one.
    ended_at: datetime
    #: What pg_verifybackup objects to; empty where it is as it was taken.
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Damage:
    """What cannot be read in the recovered cluster."""

    database: str
    #: ``schema.name``, as quote_ident writes it; empty is the database itself.
    object: str
    why: str


@dataclass(frozen=True, kw_only=True)
class DatabaseRead:
    """A database of the recovered cluster that was opened and read to its end."""

    name: str
    tables: int
    indexes: int
    #: By ``amcheck``: rows and B-trees were checked; else tables were read, and indexes were not.
    checked: bool


@dataclass(frozen=True, kw_only=True)
class Reached:
    """A recovery to the end of the archive."""

    #: The newest moment that can be recovered, by the source's clock; see ``by``.
    newest: datetime
    #: Whether that is the last transaction's, or, where none came after it, the base backup's.
    by: str
    #: The last position that was replayed.
    position: str
    #: From the beginning of the recovery to a server that answers.
    rto_seconds: float
    #: ``kind``, ``version``, ``origin``.
    server: Mapping[str, str] = field(default_factory=dict[str, str])
    databases: tuple[DatabaseRead, ...] = ()
    damage: tuple[Damage, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Window:
    """How old the newest recoverable moment is."""

    #: When the archive was looked at: by the source's clock if it was asked, else by this machine's.
    at: datetime
    #: Seconds that are allowed.
    allowed: float
    #: Whether something was committed that the archive does not hold; None where nobody could be asked.
    unarchived: bool | None = None
    #: Why the source's server was not asked, or not believed; None if it was.
    unasked: str | None = None
    #: For people: what stands in the archive's way.
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Recoverability:
    """Everything that was found out; what a step before it kept from being looked at is None."""

    continuity: Continuity | None = None
    base: Proven | None = None
    reached: Reached | None = None
    window: Window | None = None
    #: When the archive was looked at.
    at: datetime | None = None

    @property
    def age_seconds(self) -> float | None:
        """How old the newest recoverable moment was when the archive was looked at."""
        if self.reached is None or self.at is None:
            return None
        return (self.at - self.reached.newest).total_seconds()

    @property
    def rpo_seconds(self) -> float | None:
        """How much is lost at most if the server is lost: nothing where all that was committed is archived."""
        age = self.age_seconds
        if age is None:
            return None
        quiet = self.window is not None and self.window.unarchived is False
        return 0.0 if quiet else max(age, 0.0)

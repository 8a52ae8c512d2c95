"""What sessions of others do beside a migration, and what came of it (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..compare.values import Change
from ..retry.values import Sent

#: ``dump`` is pg_dump.
Who = Literal["reader", "writer", "dump"]


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A lock that the migration takes, and the statement at which it does."""

    at: Sent
    #: Which of the run's statements that is, from 0.
    number: int
    #: By its name before the migration.
    relation: str
    mode: str
    #: What is held together; a statement by itself is one as well.
    transaction: str
    #: Milliseconds after which it gives up waiting (``lock_timeout``); 0 is never, None is not known.
    patience: float | None = None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A lock that a session of others asks for."""

    relation: str
    mode: str

    def __str__(self) -> str:
        return f"{self.mode} of {self.relation}"


@dataclass(frozen=True, kw_only=True)
class Inversion:
    """A transaction of others that takes two locks in the other order than the migration."""

    #: The migration holds the first, and asks for the second.
    first: Taken
    second: Taken
    who: Who
    #: For people: what such a transaction does.
    does: str
    #: What it holds, which the migration's second has to wait for; and what it asks for then.
    held: Wanted
    wants: Wanted


@dataclass(frozen=True, kw_only=True)
class Hold:
    """A session of others that is in the way of a lock."""

    taken: Taken
    held: Wanted
    #: For people: who that is.
    who: str


@dataclass(frozen=True, kw_only=True)
class Waiter:
    """A session that came to a relation while the migration waited, and had to wait behind it."""

    who: Who
    relation: str
    #: Seconds from when it came until it had what it wanted, or an error.
    seconds: float | None = field(default=None, compare=False)
    #: SQLSTATE and message of the error that it got then.
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The migration waited at a statement, and others behind it."""

    hold: Hold
    waiters: tuple[Waiter, ...] = ()
    #: Seconds after which the migration gave up, as its lock_timeout says; None where it did not.
    gave_up: float | None = None
    #: It gave up, and its program ended well all the same: it tried again, or went on without.
    recovered: bool = False
    #: What it left behind when it had given up and failed.
    left: tuple[Change, ...] = ()
    #: INVALID indexes among that.
    invalid: tuple[str, ...] = ()

    @property
    def longest(self) -> float | None:
        """Seconds that a waiter may have to wait, at most; None is as long as the other transaction lasts."""
        if self.gave_up is not None:
            return self.gave_up
        patience = self.hold.taken.patience
        return None if not patience else patience / 1000

    def waiting(self) -> str:
        """Return who waits, for people: ``a reader of public.a and a writer of public.a wait``."""
        names = [f"a {one.who} of {one.relation}" for one in self.waiters]
        return f"{' and '.join(names)} wait{'s' if len(names) == 1 else ''}"


@dataclass(frozen=True, kw_only=True)
class Deadlock:
    """A deadlock that was made, twice at least."""

    inversion: Inversion
    #: Whom the server ended, each time.
    killed: tuple[Literal["migration", "other"], ...]


@dataclass(frozen=True, kw_only=True)
class Waited:
    """A statement of the team's script that had to wait for the migration."""

    #: In one line each: the script's, and the one at which the migration was.
    query: str
    statement: str
    #: At most, as far as somebody looked.
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A statement of the team's script that the server refused beside the migration."""

    statement: str
    #: Its SQLSTATE.
    state: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Scripts:
    """The migration beside the team's scripts."""

    #: How often it was run so.
    runs: int
    waited: tuple[Waited, ...] = ()
    refused: tuple[Refused, ...] = ()
    #: In how many of the runs there was a deadlock with it; it is run again when there was one.
    deadlocks: int = 0
    #: What the migration died of, where that was a deadlock.
    died: str | None = None


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Everything that was tried."""

    #: How many sessions of others were put beside the migration, each at its statement.
    probes: int = 0
    queues: tuple[Queue, ...] = ()
    deadlocks: tuple[Deadlock, ...] = ()
    #: None where the team has given no script, or it could not be run.
    scripts: Scripts | None = None
    #: What was left out, and why.
    left_out: tuple[str, ...] = ()
    seconds: float = field(default=0.0, compare=False)

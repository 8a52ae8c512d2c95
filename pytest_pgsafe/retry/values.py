"""Where a migration is broken off, and what came of running it again (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..compare.values import Change
from ..reading.values import Cited

#: After a statement whose transaction is over; or while a statement that commits in parts waits for others: ``begun``
#: for those that use the table, ``built`` for older snapshots, ``batch`` for rows that a later batch writes. ``lock``:
#: it gives up waiting for a lock, and its program is told so. ``killed`` and
#: ``let in`` are after a statement, too: the program is killed before it hears of it, or may connect again at once.
How = Literal["after", "begun", "built", "batch", "lock", "killed", "let in"]
#: They wait for nobody.
AFTER: tuple[How, ...] = ("after", "killed", "let in")


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A statement as it was sent, known again when it is sent again."""

    #: In one line.
    text: str
    #: The how-manieth of this text it is in the run, from 1.
    occurrence: int
    #: For people.
    cited: Cited


@dataclass(frozen=True, kw_only=True)
class Unit:
    """What took effect at once: a statement by itself, or a transaction."""

    #: The statement that ended it.
    end: Sent
    #: What people know it by: the last of its statements that had an effect.
    cited: Cited
    #: It wrote rows.
    rows: bool
    #: It wrote into a tool's own table; and into nothing else.
    recorded: bool = False
    only_recorded: bool = False
    #: It is one statement with CONCURRENTLY: in parts, each committed by itself.
    parts: bool = False
    #: It is one statement of code that may commit within itself.
    code: bool = False
    #: The first statement of it that waits for everybody who writes to a table.
    locking: Sent | None = None


@dataclass(frozen=True, kw_only=True)
class Point:
    """A point worth trying."""

    how: How
    unit: Unit
    #: How many units had taken effect by then, this one included unless it is broken off inside, and of how many.
    done: int
    of: int
    #: The next unit only records in the tool's table what was done: the gap is the tool's own.
    unrecorded: bool = False

    def __str__(self) -> str:
        """Return it for people: ``after a.sql:3 CREATE TABLE …``."""
        where = {
            "after": "after",
            "lock": "by its lock_timeout at",
            "killed": "by SIGKILL of its program after",
            "let in": "by the loss of its connections, although it may connect again, after",
        }.get(self.how, "inside")
        return f"{where} {self.at.cited}"

    @property
    def at(self) -> Sent:
        """The statement at which it is broken off."""
        return self.unit.locking if self.how == "lock" and self.unit.locking is not None else self.unit.end


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A statement that the server refused."""

    #: In one line, shortened.
    statement: str
    #: Its SQLSTATE.
    state: str
    message: str

    def __str__(self) -> str:
        return f"{self.statement}: {self.message} (SQLSTATE {self.state})"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A run that was broken off, and the next one."""

    point: Point
    #: INVALID indexes that the first run left behind.
    invalid: tuple[str, ...] = ()
    #: Why the second run did not end well; None where it did.
    failed: str | None = None
    #: The statement at which it failed, where it was one.
    failure: Failure | None = None
    #: It had not ended after so many seconds.
    hung: float | None = None
    #: How its end differs from the uninterrupted one, what differs each time left out.
    changes: tuple[Change, ...] = ()
    #: It was the way back that was broken off.
    back: bool = False
    #: Points that need not be tried, since the run begins alike and fails at the same statement.
    alike: int = 0


@dataclass(frozen=True, kw_only=True)
class Retried:
    """Everything that was tried."""

    attempts: tuple[Attempt, ...] = ()
    #: What was left out, and why.
    left_out: tuple[str, ...] = ()
    #: A tool remembers what it applied, and goes on by itself.
    remembers: bool = False
    #: Its tables.
    records: tuple[str, ...] = ()
    seconds: float = field(default=0.0, compare=False)

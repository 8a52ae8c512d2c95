"""What was tried on both copies, and what the server said (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from ..snapshot.values import NotVerified

#: What was tried: a row written, a view planned, a function's body checked …
Kind = Literal["write", "omitted", "conflict", "body", "plan", "published", "access", "call"]


@dataclass(frozen=True, kw_only=True)
class Said:
    """An error of the server."""

    #: Its SQLSTATE.
    state: str
    message: str
    #: The function in which it happened, by PostgreSQL's words.
    where: str | None = None

    def __str__(self) -> str:
        return f"{self.message} (SQLSTATE {self.state}{'' if self.where is None else f', in {self.where}'})"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """How a statement ended."""

    #: None where it ended well.
    error: Said | None = None
    #: Rows that it wrote; None where it writes none.
    rows: int | None = None
    #: The tables in which it wrote rows.
    wrote: frozenset[str] = frozenset()
    #: It was broken off: too slow, or a lock that was not to be had. That says nothing.
    unknown: bool = False

    @property
    def worked(self) -> bool:
        return self.error is None and not self.unknown


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One statement, tried on both sides. Those that ended well after the migration are counted and not kept."""

    kind: Kind
    #: By its name before.
    object: str
    #: For people, by the names after: without values.
    statement: str
    before: Answer
    after: Answer
    #: Who tried it; None where that makes no difference.
    role: str | None = None
    #: Columns, functions and so on, by their names before, that it is about beside its object.
    about: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Unpublished:
    """A table that left a publication which is still there."""

    publication: str
    #: By its name before.
    table: str
    #: The table was made again, so that nobody may have meant it.
    made_again: bool


@dataclass(frozen=True, kw_only=True)
class Otherwise:
    """IF NOT EXISTS left something alone that is not what the statement would have made."""

    #: By its name after.
    object: str
    statement: str
    #: What it has in another way, for people.
    differences: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Secluded:
    """A statement of the migration that names a table of which row security hides rows from who ran it."""

    #: By its name after.
    table: str
    role: str
    statement: str
    #: Rows that the role sees, and all rows, on the copy after.
    visible: int
    rows: int


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A view, or a function, that shows other rows or values though no row of a table that it reads is another."""

    #: By its name before.
    object: str
    #: Rows on both sides.
    before: int
    after: int
    #: With as many rows as before: the columns whose values are others.
    columns: tuple[str, ...] = ()
    #: A view stands in the place of a table.
    replaced: bool = False
    #: It was changed itself.
    own: bool = False
    #: What it reads that was changed.
    through: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Exposed:
    """A view or a function that shows a role rows which row security hides from it."""

    #: By its name after.
    object: str
    role: str
    #: Those under row security that it reads.
    tables: tuple[str, ...]
    #: Rows that the role gets from it, and those that it gets by its own rights.
    shown: int
    own: int


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A role that sees other rows of a table, though it holds the rows that it held."""

    #: By its name before.
    object: str
    role: str
    #: Rows that it sees on both sides.
    before: int
    after: int
    #: What decides about it and was changed.
    through: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Selected:
    """A partial index of other rows, or a CHECK that holds for others, though its text and the rows are the same."""

    #: The index or constraint and its table, by their names before.
    object: str
    table: str
    #: Rows on both sides.
    before: int
    after: int
    #: What its expression asks that was changed.
    through: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Unwritten:
    """A row was written to another table with each of this one, by code of the database, and none is now."""

    #: The table that is written, by its name before, and how.
    object: str
    event: str
    #: By its name before.
    table: str
    #: Other tables are written instead.
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Led:
    """References that lead to other rows, by a key that was replaced."""

    #: The column that refers, by its name before and after.
    object: str
    column: str
    #: The table that it refers to, by its name before.
    references: str
    #: Rows whose reference leads elsewhere.
    wrong: int


@dataclass(frozen=True, kw_only=True)
class Stamped:
    """A new column that holds one value in all rows that were there."""

    object: str
    table: str
    rows: int
    #: ``clock`` or ``chance``.
    source: str


@dataclass(frozen=True, kw_only=True)
class Tried:
    """Everything that was tried."""

    #: How many statements were tried on the copy after.
    number: int = 0
    #: Those that did not end there as well as they might.
    attempts: tuple[Attempt, ...] = ()
    unpublished: tuple[Unpublished, ...] = ()
    otherwise: tuple[Otherwise, ...] = ()
    secluded: tuple[Secluded, ...] = ()
    shown: tuple[Shown, ...] = ()
    exposed: tuple[Exposed, ...] = ()
    seen: tuple[Seen, ...] = ()
    selected: tuple[Selected, ...] = ()
    unwritten: tuple[Unwritten, ...] = ()
    led: tuple[Led, ...] = ()
    stamped: tuple[Stamped, ...] = ()
    #: Transactions that were prepared and not ended, by their names.
    prepared: tuple[str, ...] = ()
    #: Large objects whose owner now had a grant on them before: by OID, the owner.
    owned: frozenset[tuple[str, str]] = frozenset()
    #: What was left out, and why.
    untried: tuple[NotVerified, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def objects(self) -> frozenset[str]:
        """The objects that work otherwise, by their names before."""
        kinds: tuple[Iterable[Attempt | Shown | Seen | Selected | Unwritten], ...]
        kinds = (self.attempts, self.shown, self.seen, self.selected, self.unwritten)
        return frozenset({one.object for some in kinds for one in some} | {one.table for one in self.unpublished})

"""What statements say that they do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Does(str, Enum):
    CREATES = "creates"
    REPLACES = "replaces"
    DROPS = "drops"
    RENAMES = "renames"
    ALTERS = "alters"
    #: A column's type.
    RETYPES = "changes the type of"
    INSERTS = "inserts into"
    UPDATES = "updates"
    DELETES = "deletes from"
    MERGES = "merges into"
    TRUNCATES = "truncates"
    #: The value of a sequence.
    SETS = "sets"
    REFRESHES = "refreshes"
    GRANTS = "grants on"
    REVOKES = "revokes on"


#: Effects on rows; the others are on definitions.
ROWS = frozenset({Does.INSERTS, Does.UPDATES, Does.DELETES, Does.MERGES, Does.TRUNCATES})


class Work(str, Enum):
    """What a statement does to a table while it holds the lock on it."""

    #: It changes the catalog alone, or a few rows.
    BRIEF = "brief"
    #: LOCK: whatever comes after it.
    HELD = "held to the end of the transaction"
    SCAN = "reads the whole table"
    #: Whether it reads it hangs on what the statement does not say.
    MAY_SCAN = "may read the whole table"
    REWRITE = "rewrites the whole table"
    #: Whether it rewrites hangs on what the statement does not say: the type before, a function's volatility.
    MAY_REWRITE = "may rewrite the whole table"


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One thing that a statement does to one object."""

    does: Does
    #: PostgreSQL's word, in lower case: ``table``, ``column``, ``foreign table``.
    kind: str
    #: The name as far as the statement writes it, each part as ``quote_ident`` prints it: with a schema or without;
    #: columns, constraints, triggers, policies and rules below their table.
    object: str
    #: The new name, of a rename: the last part.
    to: str | None = None
    #: Bare names of the columns that rows are given new values in; empty where all may be. Of a change of type, the
    #: column whose values an expression gives (USING); empty where the cast gives them.
    columns: tuple[str, ...] = ()
    #: DELETE, UPDATE: of every row, without WHERE.
    whole: bool = False
    cascade: bool = False
    #: What of it is altered, in PostgreSQL's words (``not null``, ``owner``).
    attribute: str | None = None
    #: What is altered protects less afterwards, or may: a trigger is disabled, NOT NULL is dropped.
    weakens: bool = False


@dataclass(frozen=True, kw_only=True)
class TableLock:
    """A lock on a relation, as PostgreSQL's documentation tells it."""

    relation: str
    #: pg_locks.mode.
    mode: str
    work: Work = Work.BRIEF


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a statement stands."""

    #: The file's name.
    file: str
    #: From 1; None where the file is known, and the line in it is not.
    line: int | None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was read out of one statement."""

    #: Without comments.
    text: str
    effects: tuple[Effect, ...] = ()
    locks: tuple[TableLock, ...] = ()
    #: Why it, or a part of it, could not be read; None where everything was.
    unread: str | None = None
    place: Place | None = None


class UnreadError(Exception):
    """A statement, or the rest of it, is none that can be read exactly; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Cited:
    """A statement that did something, for people."""

    #: In one line, at most :data:`CITED` characters.
    text: str
    #: The file's name, and the line where the statement begins; None where it stands in no file. Of a file in another
    #: language the line may not be known.
    file: str | None = None
    line: int | None = None

    @classmethod
    def of(cls, text: str, place: Place | None = None) -> Cited:
        """Return a statement as it is cited; what is cut off is shown by …."""
        flat = " ".join(text.split())
        if not flat.isprintable():
            # Nothing of it moves a terminal's cursor.
            flat = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in flat)
        short = flat if len(flat) <= CITED else flat[: CITED - 1] + "…"
        return cls(text=short) if place is None else cls(text=short, file=place.file, line=place.line)

    def __str__(self) -> str:
        return self.text if self.file is None else f"{Place(file=self.file, line=self.line)} {self.text}"


#: Characters of a statement that are shown.
CITED = 200

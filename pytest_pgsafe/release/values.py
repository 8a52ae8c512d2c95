"""What the release that is still running does, and what became of it (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..reading.values import Place
from ..works.values import Said


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A statement of the release."""

    #: Without comments.
    text: str
    #: For people: without values, in one line.
    shown: str
    #: Where it stands; None of what the source's statistics say.
    place: Place | None = None
    #: How often it was called, as the source's statistics say.
    calls: int | None = None
    #: SET statements of the file that stand before it.
    settings: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return it for people, with its place."""
        if self.place is not None:
            return f"{self.place} {self.shown}"
        return self.shown if self.calls is None else f"{self.shown} (called {self.calls:,} times)"


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A statement that the server planned, whatever the values of its parameters are."""

    #: As the server takes it.
    text: str
    parameters: int
    #: The root of the plan, as EXPLAIN prints it.
    plan: Mapping[str, object] = field(compare=False)
    #: The same where a sequential scan is the last resort: what indexes could serve, whatever the table's size.
    served: Mapping[str, object] = field(compare=False)


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A statement that worked on the copy before and does not on the copy after."""

    asked: Asked
    said: Said
    #: It was run there, with the values of a row; else the server refused to plan it.
    run: bool = False
    #: The table that it writes, by its name before.
    table: str | None = None
    #: What is particular about the row that it was run with; None of any row.
    why: str | None = None
    #: The migration gave such rows other values.
    gone: bool = False
    #: Objects, by their names before (after, of what is new), whose change did it; empty where the server's words tell.
    about: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Probed:
    """A statement that nobody asked for and that any release may send: it worked before and does not after."""

    #: ``name``: it names what went. ``insert``: it leaves out a column that is required now; ``null`` where rows had no
    #: value there before. ``update``: a row to itself. ``delete``: a row that others refer to.
    kind: Literal["name", "insert", "null", "update", "delete"]
    #: By its name before; after, of what is new.
    object: str
    #: For people, without values.
    statement: str
    said: Said
    #: Objects whose change did it.
    about: tuple[str, ...]
    #: The table that it writes, by its name before.
    table: str | None = None
    #: Rows that it is about.
    rows: int | None = None


@dataclass(frozen=True, kw_only=True)
class Unserved:
    """A table that a statement found rows of by an index, and reads as a whole now."""

    asked: Asked
    #: By its name before.
    table: str
    #: Bare names, not quoted.
    indexes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Outdated:
    """A column whose statistics are gone, or are of the values that it had."""

    #: By its names before and after.
    column: str
    there: str
    #: By its name before.
    table: str
    #: Rows of the table, or those of them that have another value.
    rows: int
    gone: bool


@dataclass(frozen=True, kw_only=True)
class Own:
    """The release's own tests, run on the migrated copy, and if they failed there on the copy before."""

    #: Without passwords.
    command: str
    #: Why they failed on the migrated copy, and how their output ended.
    failed: str | None = None
    #: The same of the copy before.
    failed_before: str | None = None

    @property
    def outcome(self) -> str:
        """``passed``, ``failed``, or ``not verified``: they fail without the migration too."""
        if self.failed is None:
            return "passed"
        return "failed" if self.failed_before is None else "not verified"


@dataclass(frozen=True, kw_only=True)
class Released:
    """Everything that was tried of the release."""

    #: Statements that were asked and worked on the copy before.
    statements: int = 0
    broken: tuple[Broken, ...] = ()
    #: Of them: which tables they write, by their names before, and by what: ``Insert``, ``Update``, ``Delete``.
    writes: frozenset[tuple[str, str]] = frozenset()
    #: How many were tried that nobody asked for, since the changes call for them.
    probes: int = 0
    probed: tuple[Probed, ...] = ()
    unserved: tuple[Unserved, ...] = ()
    outdated: tuple[Outdated, ...] = ()
    #: None where none were given.
    own: Own | None = None
    #: What was asked and could not be told, or was not reached, and why.
    left_out: tuple[str, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def tried(self) -> bool:
        """Whether anything was tried."""
        return bool(self.statements or self.probes or (self.own is not None and self.own.outcome != "not verified"))

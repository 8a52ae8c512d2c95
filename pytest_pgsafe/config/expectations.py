"""What a team announces: as it was written, and with the names of the database once it is known.

A kind of announcement is three things: its class here, its entry in :mod:`.sections` (which reads it from TOML and from
a comment alike), and the check that says whether it happened.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

#: Of a kind of object, a name as it was written, and the place: its full name, or the same if there is none.
Full = Callable[[str, str, str], str]
_DELTA = re.compile(r"(?P<low>[+-]\d+)?(?P<range>\.\.)?(?P<high>[+-]\d+)?")
_COUNT = re.compile(r"(?P<sign>=|>=|<=|>|<)\s*(?P<number>before|\d+)")


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """``[expect] dropped``: an object that the migration drops on purpose."""

    form: ClassVar[str] = "dropped"

    #: ``column``, ``table``, ``view``, ``index``, ``constraint``, ``function``, ``type``, ``sequence``, ``schema``,
    #: ``trigger``.
    kind: str
    object: str
    reason: str

    def resolved(self, full: Full) -> Dropped:
        """Return it with the name of the database."""
        return replace(self, object=full(self.kind, self.object, f"[expect] {self.form} {self.kind}"))


@dataclass(frozen=True, kw_only=True)
class RowsRule:
    """``[expect] rows``: how many rows a table may have."""

    form: ClassVar[str] = "rows"

    table: str
    #: See :func:`bounds`.
    rule: str
    reason: str | None = None

    def resolved(self, full: Full) -> RowsRule:
        """Return it with the name of the database."""
        return replace(self, table=full("table", self.table, "[expect] rows"))


@dataclass(frozen=True, kw_only=True)
class ValuesRule:
    """``[expect] values``: a column whose values may change, in the rows that held ``where`` before; None is all."""

    form: ClassVar[str] = "values"

    column: str
    reason: str
    where: str | None = None

    def resolved(self, full: Full) -> ValuesRule:
        """Return it with the name of the database."""
        return replace(self, column=full("column", self.column, "[expect] values"))


@dataclass(frozen=True, kw_only=True)
class Renamed:
    """``[expect] renamed``: ``kind`` as in :class:`Dropped`, ``to`` the last part of the new name."""

    form: ClassVar[str] = "renamed"

    kind: str
    object: str
    to: str
    reason: str

    def resolved(self, full: Full) -> Renamed:
        """Return it with the name of the database."""
        return replace(self, object=full(self.kind, self.object, f"[expect] {self.form} {self.kind}"))


@dataclass(frozen=True, kw_only=True)
class Moved:
    """``[expect] moved``: a column that is gone, and whose values another table has now."""

    form: ClassVar[str] = "moved"

    column: str
    #: As it was written, of the after side; so is ``via``, the column that the way leads through (found if not given).
    to: str
    reason: str
    via: str | None = None

    def resolved(self, full: Full) -> Moved:
        """Return it with the name of the database."""
        return replace(self, column=full("column", self.column, "[expect] moved"))


@dataclass(frozen=True, kw_only=True)
class Converted:
    """``[expect] converted``: a column each value of which equals an expression over the database as it was before."""

    form: ClassVar[str] = "converted"

    #: By its name before, if it was there; else as it was written, of the after side.
    column: str
    expression: str
    reason: str
    #: What stands behind FROM, over the database as it was, where the rows come from others than the table's own; and
    #: which of the table's columns tell them apart, each with an expression over those.
    rows: str | None = None
    key: tuple[tuple[str, str], ...] = ()

    def resolved(self, full: Full) -> Converted:
        """Return it with the name of the database."""
        return replace(self, column=full("column", self.column, "[expect] converted"))


@dataclass(frozen=True, kw_only=True)
class Changed:
    """``[expect] changed``: an object that stays and is another on purpose; ``kind`` also ``policy``."""

    form: ClassVar[str] = "changed"

    kind: str
    object: str
    reason: str

    def resolved(self, full: Full) -> Changed:
        """Return it with the name of the database."""
        return replace(self, object=full(self.kind, self.object, f"[expect] {self.form} {self.kind}"))


@dataclass(frozen=True, kw_only=True)
class Locked:
    """``[expect] locks``: a table that is locked on purpose, as strongly as ``mode`` (pg_locks.mode) at most."""

    form: ClassVar[str] = "locks"

    table: str
    mode: str
    reason: str

    def resolved(self, full: Full) -> Locked:
        """Return it with the name of the database."""
        return replace(self, table=full("table", self.table, "[expect] locks"))


Expectation = Dropped | RowsRule | ValuesRule | Renamed | Moved | Converted | Changed | Locked


@dataclass(frozen=True, kw_only=True)
class Expect:
    """What was announced.

    ``*`` in a name stands for any part, or piece of one; not in ``renamed``, ``moved`` and ``converted``.
    """

    dropped: tuple[Dropped, ...] = ()
    rows: tuple[RowsRule, ...] = ()
    values: tuple[ValuesRule, ...] = ()
    renamed: tuple[Renamed, ...] = ()
    moved: tuple[Moved, ...] = ()
    converted: tuple[Converted, ...] = ()
    changed: tuple[Changed, ...] = ()
    locks: tuple[Locked, ...] = ()

    @classmethod
    def of(cls, found: Iterable[Expectation]) -> Expect:
        """Return expectations by their kinds, in their order."""
        kept = tuple(found)
        forms: dict[str, Any] = {one.name: tuple(it for it in kept if it.form == one.name) for one in fields(Expect)}
        return cls(**forms)

    def all(self) -> tuple[Expectation, ...]:
        """Return the expectations of all kinds."""
        return tuple(it for one in fields(Expect) for it in getattr(self, one.name))

    def forms(self, full: Full = lambda _, name, __: name) -> dict[str, Any]:
        """Return what each kind announces, by the kind's name.

        :param full: gives names of the database.
        """
        return {one.name: tuple(it.resolved(full) for it in getattr(self, one.name)) for one in fields(Expect)}


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The rows that a table may have after; None is open."""

    low: int | None
    high: int | None

    def hold(self, rows: int) -> bool:
        """Tell whether so many rows are within them."""
        return (self.low is None or rows >= self.low) and (self.high is None or rows <= self.high)


def bounds(rule: str, before: int) -> Bounds:
    """Return what a rule of ``[expect] rows`` allows.

    :raises ValueError: the rule is none of ``any``, ``unchanged``, ``+1..``, ``+1..+100``, ``-5``, ``= 42``,
        ``>= before`` and their like.
    """
    text = rule.strip()
    if text in ("any", "unchanged"):
        return Bounds(low=None, high=None) if text == "any" else Bounds(low=before, high=before)
    delta = _DELTA.fullmatch(text)
    if delta is not None and (delta["low"] is not None or delta["high"] is not None):
        low = None if delta["low"] is None else before + int(delta["low"])
        high = None if delta["high"] is None else before + int(delta["high"])
        if delta["range"] is None and delta["high"] is None:
            return Bounds(low=low, high=low)
        if delta["range"] is not None and (low is None or high is None or low <= high):
            return Bounds(low=low, high=high)
    wanted = _COUNT.fullmatch(text)
    if wanted is None:
        raise ValueError(
            f'"{rule}" is no rule for rows: wanted "any", "unchanged", "+1..", "+1..+100", "-5", "= 42" or ">= before"'
        )
    number = before if wanted["number"] == "before" else int(wanted["number"])
    return {
        "=": Bounds(low=number, high=number),
        ">=": Bounds(low=number, high=None),
        ">": Bounds(low=number + 1, high=None),
        "<=": Bounds(low=None, high=number),
        "<": Bounds(low=None, high=number - 1),
    }[wanted["sign"]]

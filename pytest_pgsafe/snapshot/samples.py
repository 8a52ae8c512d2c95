"""Fetch the rows that samples of a difference show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from ..server.connection import Connection
from .plan import Plan
from .session import encoded
from .values import RowSample

__all__ = ["MASKED", "Place", "Shown"]

#: What stands for a masked value.
MASKED = "***"
#: Characters of a value that a sample shows.
_SHOWN = 1000
#: A row's table (a partition) and place.
Place = tuple[int, str]


@dataclass(frozen=True)
class Shown:
    """Fetches the rows that samples show."""

    before: Connection
    after: Connection
    plan_before: Plan
    plan_after: Plan
    masked: Callable[[str], bool]
    values: bool

    def rows(
        self, places: Sequence[tuple[Place | None, Place | None]], columns: Sequence[int] | None
    ) -> tuple[RowSample, ...]:
        """Return samples with the values of ``columns`` (by place); None shows the whole row."""
        every = range(len(self.plan_before.columns))
        # A row without key is known by all that it holds, so all is its key as far as readers go.
        shown = list(every if columns is None else columns) if self.values else []
        names = [column.name for column in self.plan_before.columns]
        key = [names.index(name) for name in self.plan_before.key]
        wanted = [*key, *shown]
        old = self._fetch(self.before, self.plan_before, [one for one, _ in places if one is not None], wanted)
        new = self._fetch(self.after, self.plan_after, [two for _, two in places if two is not None], wanted)
        found: list[RowSample] = []
        for one, two in places:
            mine, theirs = old.get(one) if one else None, new.get(two) if two else None
            held = mine if mine is not None else theirs
            if held is None:
                continue
            found.append(
                RowSample(
                    key={names[place]: held[at] for at, place in enumerate(key)},
                    before=None if mine is None else self._named(self.plan_before, shown, mine[len(key) :]),
                    after=None if theirs is None else self._named(self.plan_after, shown, theirs[len(key) :]),
                )
            )
        return tuple(found)

    def _named(self, plan: Plan, places: Sequence[int], values: Sequence[str | None]) -> dict[str, str | None]:
        return {plan.columns[place].name: value for place, value in zip(places, values, strict=True)}

    def _fetch(
        self, connection: Connection, plan: Plan, places: Sequence[Place], columns: Sequence[int]
    ) -> dict[Place, list[str | None]]:
        if not places:
            return {}
        shown = ", ".join(
            f"pg_catalog.left({plan.columns[place].form.text(f't.{plan.columns[place].name}')}, {_SHOWN})"
            for place in columns
        )
        tids = ", ".join(f'"{tid}"' for _, tid in places)
        text = (
            "SELECT t.tableoid::pg_catalog.int8, t.ctid::pg_catalog.text,"  # noqa: S608 (quoted by the server)
            f" ARRAY[{shown}]::pg_catalog.text[]"
            f" FROM {plan.source} t WHERE t.ctid = ANY ('{{{tids}}}'::pg_catalog.tid[])"
        )
        rows = connection.execute(encoded(connection, text), prepare=False).fetchall()
        names = [f"{self.plan_before.table}.{column.name}" for column in self.plan_before.columns]
        hidden = [self.masked(names[place]) for place in columns]
        return {
            (rel, tid): [
                MASKED if hide and value is not None else value
                for value, hide in zip(cast("list[str | None]", held), hidden, strict=True)
            ]
            for rel, tid, held in rows
        }

"""Views of the tools' bookkeeping tables: which are a tool's own, which say what is applied, whose rows are revisions.

The rows stand with the tools, in :mod:`.tools`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from .tools import everyone
from .tools.tables import COMMANDS, BookkeepingTable


@cache
def every() -> tuple[BookkeepingTable, ...]:
    """Return the tables of all tools, those of other packages too.

    Of several of one name the first whose columns are there is meant.
    """
    return (*(one for tool in everyone().values() for one in tool.tables), *COMMANDS)


def is_known(name: str, columns: Iterable[str]) -> bool:
    """Tell whether a table is a migration tool's own.

    :param name: bare, without quotes.
    :param columns: bare, without quotes.
    """
    found = [one for one in every() if one.name == name]
    # Only then: a catalog may have many tables.
    there = set(columns) if found else set[str]()
    return any(not one.common or one.columns <= there for one in found)


def readable(name: str, columns: Iterable[str]) -> BookkeepingTable | None:
    """Return how a table says what is applied, None where it does not."""
    there = set(columns)
    known = (one for one in every() if one.reading is not None and one.name == name)
    return next((one for one in known if one.columns <= there), None)


def revisions() -> tuple[str, ...]:
    """Return the bare names, in lower case, of the tables whose rows are revisions."""
    return tuple(sorted({one.name.lower() for one in every() if one.revisions}))

"""Revisions of a command: each ends with a line in the tool's bookkeeping table, and the server sees that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

from .messages import Record, messages
from .tables import revisions as tables_of_revisions
from .values import Revision

_LITERAL = re.compile(r"'((?:[^']|'')*)'|(?<![\w$])(\d+)(?![\w.])")


@cache
def _mark() -> re.Pattern[str]:
    """Return what a tool writes when a revision is done: Alembic's first and its branches insert, the others update."""
    table = rf'(?:"?\w+"?\s*\.\s*)?"?(?P<table>{"|".join(map(re.escape, tables_of_revisions()))})"?'
    return re.compile(
        rf"\s*(?:INSERT\s+INTO\s+{table}\s*(?:\([^()]*\))?\s*VALUES\s*\((?P<values>.*)"
        rf"|UPDATE\s+(?:\w+\.)?(?P<updated>alembic_version)\s+SET\s+version_num\s*=\s*(?P<set>.*?)(?:\sWHERE\s.*)?\Z)",
        re.IGNORECASE | re.DOTALL,
    )


def revisions(records: Sequence[Record], dbname: str) -> tuple[Revision, ...]:
    """Return what a tool noted as done, with the time since it noted the one before; empty if it notes nothing.

    A name that the tool sent apart from its statement is not in the log: such a revision has its number.
    """
    found: list[Revision] = []
    since: datetime | None = None
    for _, message in messages(records, dbname):
        statement, end = message.statement, message.time
        if since is None and end is not None:
            since = end - timedelta(milliseconds=statement.duration or 0)
        mark = _mark().match(statement.text) if statement.error is None else None
        if mark is None:
            continue
        table = str(mark["table"] or mark["updated"]).lower()
        name = _name(table, mark["values"] or mark["set"]) or f"number {len(found) + 1}"
        seconds = None if since is None or end is None else round((end - since).total_seconds(), 3)
        found.append(Revision(name=name, seconds=seconds))
        since = end
    return tuple(found)


def _name(table: str, values: str) -> str | None:
    texts = [(text or number).replace("''", "'") for text, number in _LITERAL.findall(values)]
    if not texts:
        return None
    return ".".join(texts[:2]) if table == "django_migrations" else texts[0]

"""Revisions of a command: each ends with a line in the tool's bookkeeping table, and the server sees that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

from .messages import Record, messages
from .tables import revisions as tables_of_revisions
from .values import Revision, Trace

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


@cache
def _made() -> re.Pattern[str]:
    """Return how a tool makes its table: no revision does."""
    tables = "|".join(map(re.escape, tables_of_revisions()))
    return re.compile(rf"\s*CREATE\s+TABLE\s+[^(]*?(?<!\w)(?:{tables})(?!\w)", re.IGNORECASE)


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
        noted = None if statement.error is not None else _noted(statement.text)
        if noted is None:
            continue
        name = noted or f"number {len(found) + 1}"
        seconds = None if since is None or end is None else round((end - since).total_seconds(), 3)
        found.append(Revision(name=name, seconds=seconds))
        since = end
    return tuple(found)


def of_statements(trace: Trace) -> tuple[str | None, ...]:
    """Return the revision that each statement of a run is a part of: the one that its tool notes next.

    What comes before a row that names no revision of the run, and after the last one, is of none that is known.
    """
    names = [revision.name for revision in trace.revisions]
    noted = [None if one.error is not None else _noted(one.text) for one in trace.statements]
    marks = [name for name in noted if name is not None]
    # A name that was sent apart from its statement is known by its place, where each revision is noted once.
    by_place = len(marks) == len(names) and all(mark in {"", name} for mark, name in zip(marks, names, strict=True))
    found: list[str | None] = []
    number = 0
    for at, mark in enumerate(noted):
        if mark is None:
            continue
        name = names[number] if by_place else mark
        number += 1
        found += [name if name in names else None] * (at + 1 - len(found))
    found += [None] * (len(noted) - len(found))
    return tuple(None if _made().match(one.text) else name for one, name in zip(trace.statements, found, strict=True))


def _noted(text: str) -> str | None:
    """Return the name of the revision that a statement notes as done: empty where it was sent apart; None if none."""
    mark = _mark().match(text)
    if mark is None:
        return None
    return _name(str(mark["table"] or mark["updated"]).lower(), mark["values"] or mark["set"]) or ""


def _name(table: str, values: str) -> str | None:
    texts = [(text or number).replace("''", "'") for text, number in _LITERAL.findall(values)]
    if not texts:
        return None
    return ".".join(texts[:2]) if table == "django_migrations" else texts[0]

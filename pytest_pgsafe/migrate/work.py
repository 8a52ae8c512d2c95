"""Which statements hold a lock on that an earlier one of their transaction took (pure)."""

from __future__ import annotations

import re

from ..reading.read import read
from ..reading.values import ROWS, Does, Work
from .values import Statement

#: Milliseconds from which on a statement holds others up whatever it does.
LONG = 250.0
#: What ends a transaction, or is none of its work.
_ENDS = re.compile(r"(?i)\s*(?:begin|start|commit|end|rollback|abort|savepoint|release|set|show|reset)\b")
_COPIES = re.compile(r"(?i)\s*(?:insert\b.*\b(?:select|table)\b|copy\b|create\b.*\bas\b|call\b)", re.S)

_WHOLE = frozenset({Work.SCAN, Work.REWRITE, Work.MAY_REWRITE})


def reads_whole(text: str) -> bool:
    """Tell by its words whether a statement reads or rewrites the whole of a relation that it locks."""
    return any(one.work in _WHOLE for one in read(text).locks)


def holds_on(statement: Statement) -> bool:
    """Tell whether a statement takes time that grows with the rows that there are, or took long.

    Rows that it writes out itself, a single row, and what only changes the catalog do not.
    """
    if statement.duration is None or _ENDS.match(statement.text):
        return False
    if statement.duration >= LONG:
        return True
    if statement.rows is not None and statement.rows < 2:
        return False
    reading = read(statement.text)
    rows = [effect for effect in reading.effects if effect.does in ROWS and effect.does is not Does.TRUNCATES]
    if any(effect.does is not Does.INSERTS and (effect.whole or statement.rows) for effect in rows):
        return True
    return bool(_COPIES.match(statement.text))

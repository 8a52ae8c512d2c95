"""Statements that begin and end transactions, told by their text (pure)."""

from __future__ import annotations

import re

BEGIN = re.compile(r"(?i)\s*(?:begin|start\s+transaction)\b")
COMMIT = re.compile(r"(?i)\s*(?:commit|end|prepare\s+transaction)\b")
ROLLBACK = re.compile(
    r"(?i)\s*(?:rollback|abort)\b(?P<part>(?:\s+(?:work|transaction))?\s+to\s+(?:savepoint\s+)?(?P<name>\S+))?"
)
SAVEPOINT = re.compile(r"(?i)\s*savepoint\s+(?P<name>\S+)")

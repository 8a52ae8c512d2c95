"""What the executor counted of a statement, read from the plan that ``auto_explain`` logs of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

#: The library, and its settings: a plan of each statement with what was counted, without timing each row.
LIBRARY = "auto_explain"
SETTINGS: Mapping[str, str] = {
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_wal": "on",
    "auto_explain.log_buffers": "off",
    "auto_explain.log_verbose": "off",
    "auto_explain.log_triggers": "off",
    "auto_explain.log_settings": "off",
    "auto_explain.log_nested_statements": "off",
    "auto_explain.log_format": "json",
    "auto_explain.log_level": "log",
    "auto_explain.sample_rate": "1",
}
_MARK = " ms  plan:\n"
_MERGED = ("Tuples Inserted", "Tuples Updated", "Tuples Deleted")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one statement did, as its plan says."""

    text: str
    #: Milliseconds.
    duration: float
    rows: int
    #: By sequential scans.
    scanned: int
    #: Bytes of WAL.
    wal: int


def plan_of(message: str) -> Plan | None:
    """Read a record's message; None if it is no plan."""
    head, mark, text = message.partition(_MARK)
    if not mark or not head.startswith("duration: "):
        return None
    try:
        whole = json.loads(text)
        root, query, duration = whole["Plan"], str(whole["Query Text"]), float(head.removeprefix("duration: "))
    except (ValueError, KeyError):
        return None
    scans = [node for node in _nodes(root) if node.get("Node Type") == "Seq Scan"]
    return Plan(
        text=query,
        duration=duration,
        rows=_affected(root),
        scanned=sum(_counted(node, "Actual Rows") + _counted(node, "Rows Removed by Filter") for node in scans),
        wal=int(root.get("WAL Bytes", 0)),
    )


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)


def _counted(node: Mapping[str, Any], what: str) -> int:
    # Both are of one loop, on the average.
    return round(float(node.get(what, 0)) * float(node.get("Actual Loops", 1)))


def _affected(root: Mapping[str, Any]) -> int:
    """Return the rows that a statement changed, or returned."""
    if root.get("Node Type") != "ModifyTable":
        return _counted(root, "Actual Rows")
    if any(what in root for what in _MERGED):
        return sum(int(root.get(what, 0)) for what in _MERGED)
    returned = _counted(root, "Actual Rows")
    below = [one for one in root.get("Plans", ()) if one.get("Parent Relationship") in {"Outer", "Member"}]
    return max(returned, sum(_counted(one, "Actual Rows") for one in below))

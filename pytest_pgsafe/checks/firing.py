"""Whether a trigger fires for less than it did, where its definition shows that."""

from __future__ import annotations

import re

_NAME = r'(?:"(?:[^"]|"")+"|\S+)'
_TRIGGER = re.compile(
    rf"(?P<head>CREATE (?:CONSTRAINT )?TRIGGER {_NAME} (?:BEFORE|AFTER|INSTEAD OF)) (?P<events>.+?) ON (?P<rest>.*?)"
    r"(?: WHEN \((?P<when>.*)\))? (?P<call>EXECUTE (?:FUNCTION|PROCEDURE) .*)",
    re.DOTALL,
)


def fires_less(before: object, after: object) -> bool:
    """Tell whether of two definitions, as PostgreSQL prints them, the second fires for a part of the first's rows."""
    old, new = _TRIGGER.fullmatch(str(before)), _TRIGGER.fullmatch(str(after))
    if old is None or new is None or any(old[part] != new[part] for part in ("head", "rest", "call")):
        return False
    if new["when"] not in {old["when"], None} and old["when"] is not None:
        return False
    if new["when"] is None and old["when"] is not None:
        return False
    ours, theirs = _events(old["events"]), _events(new["events"])
    covered = all(any(_covers(one, two) for one in ours) for two in theirs)
    whole = covered and all(any(_covers(two, one) for two in theirs) for one in ours)
    return covered and (not whole or new["when"] != old["when"])


def _events(text: str) -> list[tuple[str, frozenset[str]]]:
    """Return each event with its columns; none are all."""
    found: list[tuple[str, frozenset[str]]] = []
    for part in text.split(" OR "):
        event, _, columns = part.partition(" OF ")
        found.append((event, frozenset(filter(None, columns.split(", ")))))
    return found


def _covers(wider: tuple[str, frozenset[str]], narrower: tuple[str, frozenset[str]]) -> bool:
    return wider[0] == narrower[0] and (not wider[1] or bool(narrower[1] and narrower[1] <= wider[1]))

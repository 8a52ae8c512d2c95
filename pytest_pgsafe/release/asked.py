"""The statements of a release: those of a file, and which of them the server plans at all (pure)."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError
from ..reading.masked import masked
from ..reading.script import parts
from ..reading.values import Cited, Place
from .values import Asked

#: What PREPARE takes.
_PLANNED = re.compile(r"\(*\s*(?P<verb>select|with|insert|update|delete|merge|values|table)\b", re.IGNORECASE)
_SETS = re.compile(
    r"set\s+(?!transaction\b|constraints\b|session\s+char|local\s+role\b|role\b|session\s+auth)", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True)
class Asking:
    """What was asked."""

    statements: tuple[Asked, ...] = ()
    #: What of it is not planned, and why.
    left_out: tuple[str, ...] = ()


def of_file(file: Path) -> Asking:
    """Read the statements of a file: each ends with a semicolon; ``SET`` holds for those behind it.

    :raises ConfigError: it cannot be read, or holds no statement that can be planned.
    """
    try:
        text = file.read_text(encoding="utf-8").removeprefix("\ufeff")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"[old_release] statements: {file.name} cannot be read: {error}") from error
    found = planned(_of_text(text, file.name))
    if not found.statements:
        raise ConfigError(
            f"[old_release] statements: {file.name} holds no statement that can be planned",
            looked_at=[str(file), *found.left_out],
            remedies=["write SELECT, INSERT, UPDATE, DELETE or MERGE statements into it, each with a semicolon"],
        )
    return found


def _of_text(text: str, name: str) -> Iterator[Asked]:
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    settings: list[str] = []
    for part in parts(text):
        if _SETS.match(part.text):
            settings.append(part.text)
            continue
        place = Place(file=name, line=bisect_right(starts, part.start))
        yield Asked(text=part.text, shown=shown(part.text), place=place, settings=tuple(settings))


def planned(statements: Iterable[Asked]) -> Asking:
    """Part those that PREPARE takes from the others, which are counted by their first words."""
    kept: list[Asked] = []
    others: dict[str, int] = {}
    for one in statements:
        if _PLANNED.match(one.text):
            kept.append(one)
        else:
            word = (one.text.split() or [""])[0].upper()
            others[word] = others.get(word, 0) + 1
    return Asking(statements=tuple(kept), left_out=tuple(_others(others)))


def _others(counted: dict[str, int]) -> Sequence[str]:
    if not counted:
        return ()
    words = ", ".join(f"{number} of {word}" for word, number in sorted(counted.items()))
    return (f"statements that are not planned: {words}",)


def shown(text: str) -> str:
    """Return a statement for people: without values, in one line, not too long."""
    return Cited.of(masked(" ".join(text.split()))).text


def verb(text: str) -> str:
    """Return the word that a statement begins with, in upper case."""
    found = _PLANNED.match(text)
    return "" if found is None else found["verb"].upper()

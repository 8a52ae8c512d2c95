"""The statements of ``.sql`` files, each with its place, read as psql runs them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from .read import read
from .script import Part, parts
from .tokens import tokens
from .values import Place, Reading

#: Commands of psql that send nothing to the server, and whose settings change no statement.
_HARMLESS = re.compile(
    r"\\(?:echo|qecho|warn|timing|pset|set|unset|x|t|a|H|f|C|o|encoding|errverbose|conninfo|cd|r|reset|p|print|w|"
    r"d\w*\+?|l\+?|h|help|\?|q|if|elif|else|endif|prompt|getenv|setenv|gset|g|gx|gdesc)(?![a-z])"
)
_VARIABLE = re.compile(r":(?:[A-Za-z_]\w*|'[^']+'|\"[^\"]+\")")


#: Where dbmate, goose and sql-migrate begin a part of a file.
_SECTION = re.compile(
    r"(?im)^[ \t]*--[ \t]*(?:migrate:(?P<dbmate>up|down)|\+(?:goose|migrate)[ \t]+(?P<goose>up|down))\b[^\n]*"
)
_ALONE = re.compile(r"(?i)transaction:false|notransaction|--[ \t]*\+goose[ \t]+no[ \t]+transaction")


def forward(text: str) -> str:
    """Return a file's text without what undoes it; every line stays where it is."""
    kept: list[str] = []
    at, back = 0, False
    for section in _SECTION.finditer(text):
        part = text[at : section.start()]
        kept.append(re.sub(r"[^\n]+", "", part) if back else part)
        at, back = section.start(), (section["dbmate"] or section["goose"]).lower() == "down"
    part = text[at:]
    return "".join([*kept, re.sub(r"[^\n]+", "", part) if back else part])


def in_one(text: str) -> bool:
    """Tell whether a tool runs a file in one transaction: dbmate and goose do, unless the file says otherwise."""
    return _SECTION.search(text) is not None and _ALONE.search(text) is None


def of_files(files: Sequence[Path]) -> tuple[Reading, ...]:
    """Read files in order.

    :raises OSError: a file cannot be read.
    """
    return tuple(
        reading for file in files for reading in of_text(file.read_text(encoding="utf-8", errors="replace"), file.name)
    )


def of_text(text: str, name: str) -> Iterator[Reading]:
    """Yield the readings of a file's statements and of psql's own commands that do anything.

    :param name: of the file.
    """
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    for part in parts(text.removeprefix("\ufeff"), psql=True):
        place = Place(file=name, line=bisect_right(starts, part.start))
        reading = _read(part)
        if reading is not None:
            yield replace(reading, place=place)


def _read(part: Part) -> Reading | None:
    command = part.command
    if command is not None and not _HARMLESS.match(command):
        word = command.split()[0]
        reason = {
            "\\gexec": "psql runs what its result says (\\gexec)",
            "\\i": "psql reads another file (\\i)",
            "\\ir": "psql reads another file (\\ir)",
            "\\!": "psql runs a command of the shell",
        }.get(word, f"a command of psql ({word})")
        return Reading(text=part.text or command, unread=reason)
    if not part.text:
        return None
    reading = read(part.text)
    variable = _variable(part.text)
    if variable is not None:
        return replace(reading, unread=f"psql fills in its variable {variable}")
    return reading


def _variable(text: str) -> str | None:
    """Return the first variable of psql that stands in a statement, outside of strings; slices of arrays are none."""
    before = ""
    depth = at = 0
    for token in tokens(text):
        depth += text.count("[", at, token.start) - text.count("]", at, token.start)
        at = token.start
        if token.text == ":" and before != ":" and depth <= 0 and (found := _VARIABLE.match(text, token.start)):
            return found[0]
        before = token.text
    return None

"""Texts of others on a terminal and in reports: nothing in them moves a cursor, turns a line round or forges one."""

from __future__ import annotations

import re

#: Whether a letter is one to be seen is not for a pattern; whether it may not be is, and most texts hold none.
_SUSPECT = re.compile(r"[^\x20-\x7e]")


def visible(text: str) -> str:
    """Return a text of several lines with every control and format character written as its escape.

    C0 and C1, the marks that turn the direction of writing, blanks that look like none, and what stands for a byte that
    is no UTF-8. A name in Arabic or an emoji stays.
    """
    return _SUSPECT.sub(_escaped, text)


def one_line(text: str) -> str:
    r"""Return a text as one line; a line end in it is written ``\n``."""
    return visible(text).replace("\n", "\\n")


def indented(text: str, by: str = "    ") -> str:
    """Return a text whose later lines all begin with a blank: none of them looks like one of ours."""
    first, *rest = visible(text).split("\n")
    return "\n".join([first, *(line if line[:1] in {" ", ""} else by + line for line in rest)])


def in_json(text: str) -> str:
    """Return JSON that holds the same, with every character that is not to be seen written as its escape."""
    return _SUSPECT.sub(_json_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    letter = found[0]
    if letter.isprintable() or letter in "\n\t":
        return letter
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")


def _json_escaped(found: re.Match[str]) -> str:
    letter = found[0]
    if letter.isprintable() or letter == "\n":
        return letter
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))

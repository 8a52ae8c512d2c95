"""SQL text read just far enough: where statements end, what is a comment, where a password stands."""

from __future__ import annotations

import re
from collections.abc import Iterator

_PIECE = re.compile(
    r"""
      (?P<comment> --[^\n]* )
    | (?P<block> /\* )
    | (?P<quoted> (?<![\w$])[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)
                | '(?:[^']|'')*(?:'|\Z)
                | "(?:[^"]|"")*(?:"|\Z)
                | (?<![\w$])(?P<dollar>\$(?:[^\W\d]\w*)?\$).*?(?:(?P=dollar)|\Z) )
    | (?P<open> \( ) | (?P<close> \) ) | (?P<end> ; )
    | (?P<word> [^\W\d][\w$]* )
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK_EDGE = re.compile(r"/\*|\*/")
_PASSWORD = re.compile(r"(?P<before>\bPASSWORD\s+)(?:[eE]|[uU]&)?'(?:[^']|'')*(?:'|\Z)", re.IGNORECASE)
#: Options of foreign servers, user mappings and connection strings: ``password 'x'`` is the form above.
_CONNINFO = re.compile(r"(?P<before>\bpassword\s*=\s*)(?:\\?''(?:[^']|'''')*''|'[^']*'|[^\s'\"&,;)]+)", re.IGNORECASE)
_URL = re.compile(r"(?P<before>\b[a-z][a-z0-9+.-]*://[^\s:/?#'\"@]*:)[^\s/'\"@]+(?=@)", re.IGNORECASE)
HIDDEN = "********"


def _block_end(text: str, position: int) -> int:
    """Return where the block comment that begins at ``position`` ends; PostgreSQL's nest."""
    depth = 0
    for edge in _BLOCK_EDGE.finditer(text, position):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return edge.end()
    return len(text)


def statements(text: str) -> Iterator[str]:
    """Yield the statements of SQL text, without comments and without the semicolon; blank ones are left out."""
    parts: list[str] = []
    position = depth = 0
    atomic = 0
    while piece := _PIECE.search(text, position):
        parts.append(text[position : piece.start()])
        position = piece.end()
        if piece["comment"] is not None:
            parts.append(" ")
        elif piece["block"] is not None:
            position = _block_end(text, piece.start())
            parts.append(" ")
        elif piece["end"] is not None and depth <= 0 and not atomic:
            if statement := "".join(parts).strip():
                yield statement
            parts, depth = [], 0
        else:
            depth += (piece["open"] is not None) - (piece["close"] is not None)
            if piece["word"] is not None:
                atomic = _atomic_depth(atomic, piece["word"].lower(), parts)
            parts.append(piece[0])
    parts.append(text[position:])
    if statement := "".join(parts).strip():
        yield statement


def _atomic_depth(depth: int, word: str, before: list[str]) -> int:
    """Follow the body of a function written as BEGIN ATOMIC … END (from 14), whose semicolons end no statement."""
    if word == "atomic" and "".join(before[-3:]).rstrip().lower().endswith("begin"):
        return depth + 1
    if depth and word == "case":
        return depth + 1
    return depth - 1 if depth and word == "end" else depth


def is_blank(text: str) -> bool:
    """Whether there is no statement and no psql command in the text: only comments, blanks and semicolons."""
    return next(statements(text.removeprefix("\ufeff")), None) is None


def redact(text: str, *secrets: str) -> str:
    """Hide the secrets given, and passwords in SQL (``PASSWORD '…'``), conninfo strings and URLs.

    :param secrets: values to hide wherever they stand; those shorter than four characters would hide ordinary words.
    """
    for secret in sorted(filter(lambda value: len(value) >= 4, secrets), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = _PASSWORD.sub(rf"\g<before>'{HIDDEN}'", text)
    text = _CONNINFO.sub(rf"\g<before>{HIDDEN}", text)
    return _URL.sub(rf"\g<before>{HIDDEN}", text)

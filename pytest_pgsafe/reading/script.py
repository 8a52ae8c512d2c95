"""SQL text read just far enough: where statements end, what is a comment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FORMS = r"""
      (?P<comment> --[^\n]* )
    | (?P<block> /\* )
    | (?P<quoted> (?<![\w$])[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)
                | '(?:[^']|'')*(?:'|\Z)
                | "(?:[^"]|"")*(?:"|\Z)
                | (?<![\w$])(?P<dollar>\$(?:[^\W\d]\w*)?\$).*?(?:(?P=dollar)|\Z) )
    | (?P<open> \( ) | (?P<close> \) ) | (?P<end> ; )
    | (?P<word> [^\W\d][\w$]* )
    """
_PIECE = re.compile(_FORMS, re.VERBOSE | re.DOTALL)
_PSQL_PIECE = re.compile(_FORMS + r"| (?P<command> \\[^\n]* )", re.VERBOSE | re.DOTALL)
#: Commands of psql that send what stands before them.
_SENDING = re.compile(r"\\(?:g|gx|gset|gexec|gdesc|watch|crosstabview|;)(?![a-z])")
_COPY_IN = re.compile(r"(?is)copy\b.*\bfrom\s+stdin\b.*")
_ROWS_END = re.compile(r"^\\\.\r?$", re.MULTILINE)
_BLOCK_EDGE = re.compile(r"/\*|\*/")


def _block_end(text: str, position: int) -> int:
    """Return where the block comment that begins at ``position`` ends; PostgreSQL's nest."""
    depth = 0
    for edge in _BLOCK_EDGE.finditer(text, position):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return edge.end()
    return len(text)


@dataclass(frozen=True, kw_only=True)
class Part:
    """A statement, or a command of psql's own."""

    #: Without comments and without the semicolon; blank for most of psql's commands.
    text: str
    #: Where it begins, as an offset into the whole text.
    start: int
    #: The command of psql that stands there (``\\i other.sql``), or that sends the statement (``\\gexec``).
    command: str | None = None


def parts(text: str, *, psql: bool = False) -> Iterator[Part]:
    """Yield the statements of SQL text; blank ones are left out.

    :param psql: as psql reads a file: a backslash begins a command of its own up to the line's end, and rows follow
        ``COPY … FROM stdin``.
    """
    pieces = _PSQL_PIECE if psql else _PIECE
    found: list[str] = []
    position = depth = atomic = 0
    start: int | None = None

    def add(part: str, at: int) -> None:
        nonlocal start
        found.append(part)
        if start is None and part.strip():
            start = at + len(part) - len(part.lstrip())

    def flush(command: str | None = None) -> Iterator[Part]:
        nonlocal depth, start
        if statement := "".join(found).strip():
            yield Part(text=statement, start=start or 0, command=command)
        found.clear()
        depth, start = 0, None

    while piece := pieces.search(text, position):
        add(text[position : piece.start()], position)
        position = piece.end()
        if piece["comment"] is not None:
            found.append(" ")
        elif piece["block"] is not None:
            position = _block_end(text, piece.start())
            found.append(" ")
        elif piece["end"] is not None and depth <= 0 and not atomic:
            rows = psql and _COPY_IN.fullmatch("".join(found).strip()) is not None
            yield from flush()
            if rows:
                # Without an end, all that follows are rows.
                end = _ROWS_END.search(text, position)
                position = len(text) if end is None else end.end()
        elif psql and piece["command"] is not None:
            if _SENDING.match(piece["command"]):
                yield from flush(piece["command"].strip())
            else:
                yield Part(text="", start=piece.start(), command=piece["command"].strip())
        else:
            depth += (piece["open"] is not None) - (piece["close"] is not None)
            if piece["word"] is not None:
                atomic = _atomic_depth(atomic, piece["word"].lower(), found)
            add(piece[0], piece.start())
    add(text[position:], position)
    yield from flush()


def statements(text: str) -> Iterator[str]:
    """Yield the statements of SQL text, without comments and without the semicolon; blank ones are left out."""
    # Most texts of a server's log are one statement: nothing in it that could end one, or be a comment.
    if not any(mark in text for mark in (";", "--", "/*")):
        return iter([text.strip()] if text.strip() else [])
    return (part.text for part in parts(text))


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

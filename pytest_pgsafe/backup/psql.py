r"""How psql reads a plain dump that others wrote: it takes no command of psql's own from it.

Current minors of psql have ``\restrict KEY``: until ``\unrestrict KEY`` they refuse every other such command. A dump of
pg_dump brings a pair of its own, at its beginning and after its end. For an older psql the text is read before it.
"""

from __future__ import annotations

import mmap
import re
import secrets
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..errors import RestoreError
from ..server.capabilities import RESTRICT, restricts
from ..server.private import private_folder
from ..server.version import Version
from . import script
from .script import Piece

_OWN = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t]*(?:--[^\r\n]*)?\r?\n)*(?P<line>\\restrict (?P<key>[A-Za-z0-9]+))\r?\n")
_LIFT = b"\\unrestrict"
#: The pair that pg_dump writes itself.
_PAIR = re.compile(r"\\(?:un)?restrict [A-Za-z0-9]+\s*")


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """A plain dump, and the arguments by which psql reads it."""

    path: Path
    arguments: tuple[str, ...]


@contextmanager
def guarded(path: Path, version: Version) -> Generator[Guarded]:
    r"""Yield the arguments that let psql read a plain dump without taking commands from it.

    :param path: of a plain dump; it is only read.
    :param version: psql's.
    :raises RestoreError: the dump holds what no dump needs, with the line.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        own = _OWN.match(text)
        options: tuple[str, ...] = ()
        if not restricts(version):
            _without_commands(path, text, version)
            closed = own is None
        else:
            lifts = list(_lifts(text))
            for place in lifts:
                _no_backticks(path, text, place)
            # Its own pair may hold from before its first statement to after its last.
            closed = own is None or _closed_by(text, own["key"], lifts)
            if own is None or not closed:
                options = _restrict()
        span = (0, 0) if own is None else own.span("line")
    if closed:
        yield Guarded(path=path, arguments=(*options, f"--file={path}"))
        return
    with private_folder("unrestricted") as folder:
        copy = folder / "dump.sql"
        shutil.copyfile(path, copy)
        _comment_out(copy, span)
        yield Guarded(path=copy, arguments=(*options, f"--file={copy}"))


def _restrict() -> tuple[str, str]:
    return ("-c", f"\\restrict {secrets.token_hex(24)}")


def _lifts(text: mmap.mmap) -> Iterator[int]:
    r"""Yield where ``\unrestrict`` stands as psql would read it: in rows a backslash is doubled."""
    place = text.find(_LIFT)
    while place >= 0:
        before = place
        while before and text[before - 1 : before] == b"\\":
            before -= 1
        if (place - before) % 2 == 0:
            yield place
        place = text.find(_LIFT, place + 1)


def _closed_by(text: mmap.mmap, key: bytes, lifts: list[int]) -> bool:
    """Tell whether nothing but the end of a dump lifts its own restriction."""
    rest = text[lifts[0] : lifts[0] + 4096] if len(lifts) == 1 else b""
    return len(rest) < 4096 and re.fullmatch(rb"\\unrestrict %s\s*" % key, rest) is not None


def _no_backticks(path: Path, text: mmap.mmap, place: int) -> None:
    # Several minors run what stands in backticks there, restricted or not.
    end = text.find(b"\n", place)
    line = text[place : end if end >= 0 else len(text)]
    if b"`" in line:
        raise _refused(path, text, place, "it has a command run in place of the key")


def _comment_out(copy: Path, span: tuple[int, int]) -> None:
    r"""Make comments of a dump's own ``\restrict`` and of the ``\unrestrict`` that ends it."""
    with copy.open("r+b") as file, mmap.mmap(file.fileno(), 0) as text:
        text[span[0] : span[0] + 2] = b"--"
        last = text.rfind(b"\n" + _LIFT)
        if last >= 0 and not text[last:].strip().count(b"\n"):
            text[last + 1 : last + 3] = b"--"


def _without_commands(path: Path, text: mmap.mmap, version: Version) -> None:
    """Read a plain dump for commands of psql's.

    :raises RestoreError: there is one.
    """
    with path.open("rb") as file:
        found = next(commands(file), None)
    if found is not None:
        needed = f"psql {RESTRICT[version.major]} and newer can be kept from it"
        raise _refused(path, text, found.start, f"psql {version} would take a command from it", needed)


def commands(text: IO[bytes]) -> Iterator[Piece]:
    """Yield the commands of psql in a plain dump; the pair that pg_dump writes itself is none."""
    found = (piece for piece in script.pieces(text) if piece.kind == "command")
    return (piece for piece in found if _PAIR.fullmatch(piece.text) is None)


def _refused(path: Path, text: mmap.mmap, place: int, why: str, *remedies: str) -> RestoreError:
    start, end = text.rfind(b"\n", 0, place) + 1, text.find(b"\n", place)
    number = _lines(text, start) + 1
    line = text[start : end if end >= 0 else len(text)][:120].decode("utf-8", "backslashreplace")
    return RestoreError(
        f"the plain dump is not restored: {why}",
        looked_at=[f"{path}:{number}: {line}"],
        remedies=["a dump that pg_dump wrote has no such line: take it out, or take the dump again", *remedies],
    )


def _lines(text: mmap.mmap, until: int) -> int:
    return sum(text[at : min(at + (1 << 20), until)].count(b"\n") for at in range(0, until, 1 << 20))

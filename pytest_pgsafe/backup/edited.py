r"""A plain dump as it is run: without what leads out of its one database, and what the server at hand cannot do.

What is taken out leaves its line ends, so that a line in psql's messages is the dump's own. Everything else stays as it
is, byte for byte. Whoever has to take something else out adds a field to :class:`Edits` and a case to :func:`change`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from ..catalog.stored import Option, take_out
from . import packing, script, statements
from .dump import Dump, Part
from .script import Piece
from .statements import Read

_AUTHORIZATION = re.compile(
    r"""(?is)\bcreate\s+schema\b(?P<name>.*?)\s+authorization\s+(?P<role>"(?:[^"]|"")+"|\S+)$"""
)

_RELATIVE = re.compile(r"\\(?:ir|include_relative)\s+(?!'?/)(.+)")
#: How statements begin that have options.
_DEFINING = ("CREATE ", "ALTER ")
_SCHEMA = re.compile(r"(?i)create\s+schema\s+(?!if\b)")
_CONFIGURED = re.compile(
    r"""(?is)(?P<before>.*?\balter\s+database\s+)(?P<name>"(?:[^"]|"")+"|\S+)(?=\s+(?:re)?set\b)"""
)


@dataclass(frozen=True, kw_only=True)
class Edits:
    """What is taken out of a script, or written in another way."""

    #: Only this part is run, of a dump of a cluster.
    part: Part | None = None
    #: Statements about databases, and ``\connect``: the database is the one that is there.
    databases: bool = False
    #: Its name, which ``ALTER DATABASE … SET`` is written with; None leaves such statements out too.
    database: str | None = None
    #: Owners and privileges.
    owners: bool = False
    #: What only a superuser may make: who restores is none.
    superuser: bool = False
    #: Settings that the server does not know.
    settings: frozenset[str] = frozenset()
    #: The DROP statements of ``--clean`` before this line: the database is empty.
    cleaned: int | None = None
    #: Whether pg_dump's comments tell where these end.
    headed: bool = False
    #: ``CREATE SCHEMA public`` asks whether it is there.
    public: bool = False
    #: PL/pgSQL, which every database has.
    plpgsql: bool = False
    #: Commands of psql that only print, and ``\restrict``.
    commands: bool = False
    #: The script's folder, for what it includes: it is run from another one.
    folder: Path | None = None
    #: Options that a server stored for itself.
    stored: frozenset[Option] = frozenset()
    #: The text is UTF-16, or begins with a byte order mark.
    recoded: bool = False

    @property
    def needed(self) -> bool:
        """Whether the script cannot be run as it is."""
        return self != Edits(headed=self.headed, database=self.database)


def edits(
    dump: Dump, *, owners: bool = True, major: int | None = None, foreign: bool = True, restricts: bool = True,
    folder: Path | None = None, superuser: bool = True, stored: frozenset[Option] = frozenset(),
    database: str | None = None,
) -> Edits:  # fmt: skip
    r"""Return what has to be taken out of a dump, or of a script.

    :param owners: owners and privileges stay.
    :param major: of the server.
    :param foreign: it is a dump, and no script of one's own project, whose commands of psql stay.
    :param folder: of a script of one's own.
    :param database: the name of the one that is filled.
    :param superuser: who restores is one.
    :param restricts: psql knows ``\restrict``.
    :param stored: options that the server is not given.
    """
    text = dump.text
    assert text is not None
    filled = text.filled
    out = {one.what for one in dump.outside}
    found = Edits(
        part=filled[0] if text.cluster and len(filled) == 1 else None,
        databases=bool(out & {"database", "connection"}),
        database=database,
        owners=not owners,
        superuser=foreign and not superuser and bool(dump.superuser),
        settings=frozenset(name for name, since in dump.settings if major is not None and major < since),
        cleaned=text.cleaned if foreign else None,
        headed=text.headed,
        public=text.makes_public,
        plpgsql=foreign and text.makes_plpgsql,
        commands=foreign and (text.commands or text.loose or text.restricted > (1 if restricts else 0)),
        recoded=text.recoded,
        stored=stored,
    )
    # What is written anew is restricted by whoever runs it.
    return replace(found, commands=foreign, folder=folder) if found.needed else found


def omissions(wanted: Edits, dump: Dump) -> tuple[str, ...]:
    """Return what was taken out, each in one line for people."""
    lines: list[str] = []
    text = dump.text
    if wanted.part is not None:
        lines.append(f"of the cluster's dump lines {wanted.part.lines[0]}-{wanted.part.lines[1]} alone are restored")
    elif wanted.databases:
        found = [
            one
            for one in dump.outside
            if one.what == "connection" or (one.what == "database" and not _CONFIGURED.match(one.text))
        ]
        shown = "; ".join(str(one) for one in found[:4]) + (f"; and {len(found) - 4} more" if len(found) > 4 else "")
        lines += [f"left out, since the database is another one here: {shown}"] if found else []
    if wanted.settings:
        lines.append(f"left out, since this server does not know it: SET {', '.join(sorted(wanted.settings))}")
    if wanted.cleaned is not None and text is not None:
        lines.append(f"left out, since the database is empty: the DROP statements before line {wanted.cleaned}")
    return tuple(lines)


def write(path: Path, target: Path, wanted: Edits) -> None:
    """Write a plain dump, packed or not, as it is to be run.

    :raises OSError: and the others of :data:`.packing.DAMAGED`: it is cut, or cannot be written.
    """
    # Two streams: one is read ahead of the other, by which what is kept is copied.
    with packing.content(path) as (ahead, _), packing.content(path) as (behind, _), target.open("wb") as file:
        copy = _Copy(packing.text(behind), file)
        for piece in script.pieces(packing.text(ahead)):
            if piece.kind == "comment":
                continue
            changed = change(piece, statements.read(piece), wanted)
            if changed is not None:
                copy.keep(piece.start)
                copy.replace(piece.end, changed)
            elif wanted.stored and piece.kind == "statement" and piece.text.startswith(_DEFINING):
                copy.keep(piece.start)
                copy.rewrite(piece.end, lambda text: take_out(text, wanted.stored.__contains__)[0])
        copy.keep(None)


def change(piece: Piece, about: Read, wanted: Edits) -> bytes | None:  # noqa: PLR0911 (one for each edit)
    """Return what stands in a piece's place, empty if nothing does; None if it stays."""
    if _left_out(piece, about, wanted):
        return b""
    if about.configures and wanted.databases and (found := _CONFIGURED.match(piece.text)):
        name = str(wanted.database).replace('"', '""')
        return f'{found["before"]}"{name}"{piece.text[found.end() :]};'.encode()
    if wanted.owners and about.roles and (found := _AUTHORIZATION.search(piece.text)):
        return f"CREATE SCHEMA {found['name'].strip() or found['role']};".encode()
    if wanted.public and about.schema == "public" and (made := _SCHEMA.match(piece.text)):
        return f"CREATE SCHEMA IF NOT EXISTS {piece.text[made.end() :]};".encode()
    if wanted.folder is not None and (included := _RELATIVE.match(piece.text)):
        name = str(wanted.folder / included[1].strip("'\" ")).replace("'", "''")
        return f"\\i '{name}'".encode()
    if wanted.commands and piece.kind == "command" and about.outside is None:
        return _command(piece)
    return None


def _left_out(piece: Piece, about: Read, wanted: Edits) -> bool:
    part = wanted.part
    cleaning = wanted.cleaned is not None and piece.line < wanted.cleaned
    return (
        (part is not None and not part.lines[0] <= piece.line <= part.lines[1])
        or (wanted.databases and about.outside == "database" and not (about.configures and wanted.database is not None))
        or (wanted.databases and about.outside == "connection" and (about.database is not None or wanted.commands))
        or (wanted.owners and about.ownership)
        or (wanted.superuser and about.superuser is not None)
        or (wanted.plpgsql and about.inherent)
        or about.setting in wanted.settings
        or (cleaning and (about.drops or (wanted.headed and about.fills)))
    )


def _command(piece: Piece) -> bytes | None:
    name = script.name_of(piece.text)
    words = piece.text.split()
    if name == "encoding" and len(words) > 1:
        return b"SET client_encoding = '" + words[1].strip("'\"").encode() + b"';"
    # Rows follow it, or a statement stands before it.
    return None if name in {"copy", "g", "gx"} else b""


class _Copy:
    """A stream on its way into a file."""

    def __init__(self, stream: IO[bytes], file: IO[bytes]) -> None:
        self._stream, self._file, self._at = stream, file, 0

    def keep(self, to: int | None) -> None:
        """Copy up to an offset; to the end without one."""
        for chunk in self._chunks(to):
            self._file.write(chunk)

    def replace(self, to: int, text: bytes) -> None:
        """Write a text, and of what stands up to an offset the line ends alone."""
        self._file.write(text)
        for chunk in self._chunks(to):
            self._file.write(b"\n" * chunk.count(b"\n"))

    def rewrite(self, to: int, change: Callable[[bytes], bytes]) -> None:
        """Write what stands up to an offset, changed."""
        self._file.write(change(b"".join(self._chunks(to))))

    def _chunks(self, to: int | None) -> Iterator[bytes]:
        while True:
            size = script.CHUNK if to is None else min(script.CHUNK, to - self._at)
            chunk = self._stream.read(size) if size > 0 else b""
            if not chunk:
                return
            self._at += len(chunk)
            yield chunk

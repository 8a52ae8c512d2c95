"""The table of contents of pg_dump's archives, read as they stand: no program is needed to know what one holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

MAGIC = b"PGDMP"
#: The first format of an archive that is read: pg_dump 8.1 and newer.
_OLDEST = (1, 10)


@dataclass(frozen=True, kw_only=True)
class Header:
    """What stands before the entries."""

    database: str
    #: The server's version and pg_dump's, as they called themselves.
    server: str
    pg_dump: str
    #: ``custom``, ``tar`` or ``directory``.
    form: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An object of an archive."""

    number: int
    #: ``TABLE``, ``ACL``, ``SCHEMA`` …
    kind: str
    tag: str
    #: The SQL that makes it; empty for rows.
    sql: str
    #: The COPY of its rows.
    copy: str
    schema: str
    owner: str
    #: Where the bytes of ``sql`` stand, counted from the beginning of the table of contents, and how many there are.
    place: int = 0
    length: int = 0


def read(stream: IO[bytes]) -> tuple[Header, tuple[Entry, ...]]:
    """Read the header and the entries of a custom archive, or of the ``toc.dat`` of another one.

    :raises ValueError: it is none, is cut, or of a format that is not known.
    """
    reader = _Reader(stream)
    header = reader.header()
    return header, tuple(reader.entries())


class _Reader:
    """As ReadHead and ReadToc of pg_backup_archiver.c."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._at = 0
        if self._take(5) != MAGIC:
            raise ValueError("no archive of pg_dump")
        major, minor, self._revision = self._take(3)
        self._format = (major, minor)
        if self._format < _OLDEST or major > 1:
            raise ValueError(f"an archive of the format {major}.{minor}")
        self._integer, self._offset, self._form = self._take(3)
        #: Bytes of the last text.
        self._length = 0

    def header(self) -> Header:
        # From 1.15 (PostgreSQL 16) the compression is one byte, before an integer.
        if self._format >= (1, 15):
            self._take(1)
        else:
            self._int()
        for _ in range(7):
            self._int()
        database, server, pg_dump = self._text(), self._text(), self._text()
        form = {1: "custom", 3: "tar", 5: "directory"}.get(self._form, "custom")
        return Header(database=database, server=server, pg_dump=pg_dump, form=form)

    def entries(self) -> Iterator[Entry]:
        for _ in range(self._int()):
            yield self._entry()

    def _entry(self) -> Entry:
        number = self._int()
        self._int()  # whether it has data
        self._text()  # the catalog's OID
        self._text()  # and the object's
        tag, kind = self._text(), self._text()
        if self._format >= (1, 11):
            self._int()  # the section
        sql, end = self._text(), self._at
        length = self._length
        _, copy = self._text(), self._text()
        schema = self._text()
        self._text()  # the tablespace
        if self._format >= (1, 14):
            self._text()  # the table access method
        if self._format >= (1, 16):
            self._int()  # the kind of relation
        owner = self._text()
        self._text()  # whether it has OIDs
        while self._optional() is not None:
            pass  # what it depends on
        if self._form == 1:
            self._take(1 + self._offset)
        else:
            self._text()  # the file of its data
        return Entry(
            number=number,
            kind=kind,
            tag=tag,
            sql=sql,
            copy=copy,
            schema=schema,
            owner=owner,
            place=end - length,
            length=length,
        )

    def _take(self, count: int) -> bytes:
        taken = self._stream.read(count)
        if len(taken) != count:
            raise ValueError("the archive is cut within its table of contents")
        self._at += count
        return taken

    def _int(self) -> int:
        written = self._take(1 + self._integer)
        number = int.from_bytes(written[1:], "little")
        return -number if written[0] else number

    def _optional(self) -> str | None:
        length = self._int()
        self._length = max(0, length)
        return None if length < 0 else self._take(length).decode("utf-8", "replace")

    def _text(self) -> str:
        return self._optional() or ""

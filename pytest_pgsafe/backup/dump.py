"""What a dump says of itself, read before a server is started: by its content, whatever its name, packing, encoding.

:func:`read` is for everybody who has to know; it reads a file once. ``Dump.text`` tells of a plain dump what stands
where, ``Dump.outside`` what it would do besides filling one database. :mod:`.script` is the reader below,
:mod:`.edited` writes a plain dump without what is not to be done.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Literal, cast

from ..catalog import stored
from ..catalog.stored import Option
from ..errors import ConfigError
from ..server.version import Version
from . import packing, script, statements, toc
from .statements import Outside, Read

Form = Literal["custom", "directory", "tar", "plain"]

_DUMPED = re.compile(r"^-- Dumped (from database|by pg_dump) version (.+?)\s*$")
_HEADERS = {"-- PostgreSQL database dump": "dump", "-- PostgreSQL database cluster dump": "cluster"}
_TRAILERS = {"-- PostgreSQL database dump complete": "dump", "-- PostgreSQL database cluster dump complete": "cluster"}
_SECTION = re.compile(r'^-- Database "(.+)" dump$')
#: The comment before each object.
_OBJECT = re.compile(r"^-- (?:Data for )?Name: .*; Type: ")


@dataclass(frozen=True, kw_only=True)
class Part:
    r"""What a script does in one database: from one ``\connect`` to the next."""

    #: None before the first.
    database: str | None
    #: The first line and the last.
    lines: tuple[int, int]
    #: Statements that make or fill something.
    filling: int
    roles: frozenset[str] = frozenset()
    bound: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Text:
    """What stands where in a script."""

    parts: tuple[Part, ...]
    #: Whether pg_dumpall wrote it.
    cluster: bool
    #: Whether pg_dump's header stands in it.
    headed: bool
    #: Databases that are made.
    made: tuple[str, ...]
    #: The line of the first object behind the DROP statements of ``--clean``; None where there are none.
    cleaned: int | None
    #: Objects that are made, and among them tables: each needs locks until the transaction ends.
    objects: int
    tables: int
    #: Whether rows stand in it.
    rows: bool
    #: Whether all of it may be one transaction.
    transactional: bool
    #: Whether it is UTF-16, or has a byte order mark.
    recoded: bool
    #: Whether ``CREATE SCHEMA public`` stands in it.
    makes_public: bool
    #: Whether PL/pgSQL is made in it.
    makes_plpgsql: bool
    #: Whether a command of psql stands in it besides ``\\restrict`` and ``\\unrestrict``, and how many of the first.
    commands: bool
    restricted: int
    #: Scripts that it includes: the line, whether the name is relative to the script's folder, the name.
    includes: tuple[tuple[int, bool, str], ...]
    #: Whether something follows behind ``\\unrestrict``.
    loose: bool

    @property
    def filled(self) -> tuple[Part, ...]:
        """The parts that fill a database."""
        return tuple(part for part in self.parts if part.filling)


@dataclass(frozen=True, kw_only=True)
class Dump:
    """What a dump says of itself. ``None`` and empty stand for what it does not say."""

    form: Form
    #: How it is packed: ``("gzip",)``; the outermost first.
    packed: tuple[str, ...] = ()
    #: The server that it is of, and the pg_dump that wrote it.
    server: Version | None = None
    pg_dump: Version | None = None
    #: Settings that it makes and not every server has, with the first major that does.
    settings: tuple[tuple[str, int], ...] = ()
    #: Roles of owners, privileges, policies and user mappings, sorted, as they are meant.
    roles: tuple[str, ...] = ()
    #: Those of them that own something.
    owners: tuple[str, ...] = ()
    #: What only a superuser may make, each for people.
    superuser: tuple[str, ...] = ()
    #: Those roles that ``--no-owner`` does not leave out.
    bound: tuple[str, ...] = ()
    #: Roles that it makes itself.
    made: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    #: What is missing, for people; None where it is whole as far as its structure tells.
    cut: str | None = None
    outside: tuple[Outside, ...] = ()
    #: Of a plain dump and of a script.
    text: Text | None = None
    #: Whether it holds rows and no table to put them into (``--data-only``).
    rows_only: bool = False
    #: Options that PostgreSQL does not document, each time that one stands there: a server may have stored them.
    options: tuple[Option, ...] = ()
    #: Entries of an archive that make the schema public, which every database has.
    public: tuple[toc.Entry, ...] = field(default=(), repr=False)
    #: Entries of an archive that only a superuser may make.
    restricted: tuple[toc.Entry, ...] = field(default=(), repr=False)

    @property
    def least(self) -> int | None:
        """The least major of a server that it can be restored into without loss; None if it says nothing.

        A pg_restore reads no archive of a newer pg_dump. Of a plain dump what its server was counts alone.
        """
        wrote = () if self.form == "plain" else (self.pg_dump,)
        return max((version.major for version in (self.server, *wrote) if version), default=None)


def read(path: Path) -> Dump:
    """Read what a file or folder says of itself.

    :raises ConfigError: it is no dump, or nothing here unpacks it.
    :raises RestoreError: it is packed, and damaged or cut.
    """
    inside = path / "toc.dat" if path.is_dir() else path
    try:
        state = inside.stat()
    except OSError as error:
        raise ConfigError("the backup cannot be read", looked_at=[f"{path}: {error.strerror}"]) from error
    return _read(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=16)
def _read(path: Path, _size: int, _time: int) -> Dump:
    if path.is_dir():
        with (path / "toc.dat").open("rb") as stream:
            return _archive(stream, "directory", (), path)
    try:
        with packing.content(path) as (stream, packed):
            head = packing.head_of(stream)
            if head.startswith(toc.MAGIC):
                return _archive(stream, "custom", packed, path)
            if packing.is_tar(head):
                return _tar(stream, packed, path)
            return of_text(stream, packed)
    except packing.DAMAGED as error:
        raise packing.damaged(path) from error


def _tar(stream: IO[bytes], packed: tuple[str, ...], path: Path) -> Dump:
    form: Form = "directory" if packing.is_tar_of_folder(packing.head_of(stream)) else "tar"
    with tarfile.open(fileobj=stream, mode="r|") as members:
        for member in members:
            content = members.extractfile(member) if Path(member.name).name == "toc.dat" else None
            if content is not None:
                return _archive(content, form, packed, path)
    raise ConfigError("the tar is no backup: it holds no toc.dat", looked_at=[str(path)])


def _archive(stream: IO[bytes], form: Form, packed: tuple[str, ...], path: Path) -> Dump:
    try:
        header, entries = toc.read(stream)
        server, pg_dump = Version.parse(header.server), Version.parse(header.pg_dump)
    except ValueError as error:
        return Dump(form=form, packed=packed, cut=f"{path}: {error}")
    found = _Found()
    for entry in entries:
        if entry.kind in {"DATABASE", "DATABASE PROPERTIES"}:
            continue
        if entry.owner:
            found.roles.add(entry.owner)
            found.owners.add(entry.owner)
        for piece in _statements(entry):
            found.take(piece, statements.read(piece))
        if entry.kind in stored.KINDS:
            found.options += stored.options(entry.sql)
    # What stands in its entries is sent to the database as it is: no command of psql is in it.
    outside = tuple(one for one in found.outside if one.what in {"cluster", "database"})
    return Dump(
        form=form, packed=packed, server=server, pg_dump=pg_dump, roles=found.names(), bound=tuple(sorted(found.bound)),
        extensions=tuple(sorted(found.extensions)), outside=outside, options=tuple(found.options),
        rows_only=not any(one.kind == "TABLE" for one in entries) and any(one.kind == "TABLE DATA" for one in entries),
        owners=tuple(sorted(found.owners - {"pg_database_owner"})),
        superuser=tuple(f"{one.kind.lower()} {one.tag}" for one in entries if _restricted(one)),
        restricted=tuple(one for one in entries if _restricted(one)),
        public=tuple(one for one in entries if one.kind == "SCHEMA" and one.tag == "public" and _makes(one.sql)),
    )  # fmt: skip


#: Kinds of entries whose SQL names roles that are not their owner, or extensions.
_NAMING = frozenset({"ACL", "DEFAULT ACL", "POLICY", "USER MAPPING", "EXTENSION", "SCHEMA"})


def _statements(entry: toc.Entry) -> Iterator[script.Piece]:
    if entry.kind in _NAMING:
        text = io.BytesIO(entry.sql.encode())
        yield from (piece for piece in script.pieces(text) if piece.kind == "statement")


def _restricted(entry: toc.Entry) -> bool:
    described = entry.kind == "COMMENT" and (entry.tag == "EXTENSION plpgsql" or entry.tag.startswith("EVENT TRIGGER "))
    return described or entry.kind in {"EVENT TRIGGER", "FOREIGN DATA WRAPPER"}


def _makes(sql: str) -> bool:
    # "*not* creating schema, since initdb creates it" is a comment.
    return any(piece.kind == "statement" for piece in script.pieces(io.BytesIO(sql.encode())))


@dataclass
class _Found:
    """What was found in statements so far."""

    roles: set[str] = field(default_factory=set[str])
    bound: set[str] = field(default_factory=set[str])
    owners: set[str] = field(default_factory=set[str])
    superuser: list[str] = field(default_factory=list[str])
    made: set[str] = field(default_factory=set[str])
    extensions: set[str] = field(default_factory=set[str])
    settings: set[str] = field(default_factory=set[str])
    outside: list[Outside] = field(default_factory=list[Outside])
    options: list[Option] = field(default_factory=list[Option])

    def take(self, piece: script.Piece, about: Read) -> None:
        self.roles.update(about.roles)
        self.roles.update(about.bound)
        self.bound.update(about.bound)
        self.owners.update(about.owners)
        if about.superuser is not None and about.superuser not in self.superuser:
            self.superuser.append(about.superuser)
        self.made.update(about.made)
        if about.extension is not None:
            self.extensions.add(about.extension)
        if about.setting in statements.SETTINGS_SINCE:
            self.settings.add(str(about.setting))
        if about.outside is not None:
            self.outside.append(Outside(about.outside, piece.line, statements.shown(piece.text)))

    def names(self) -> tuple[str, ...]:
        return tuple(sorted({role for role in self.roles - self.made if not role.startswith("pg_")}))


def of_text(stream: IO[bytes], packed: tuple[str, ...] = ()) -> Dump:
    """Read a script: a plain dump, one of a cluster, a framework's structure file, or SQL that somebody wrote.

    :param stream: without packing; UTF-16 and a byte order mark are seen to.
    """
    recoded = packing.encoding_of(packing.head_of(stream)) is not None
    reader = _TextReader()
    for piece in script.pieces(packing.text(stream)):
        reader.take(piece)
    return reader.dump(packed, recoded=recoded)


class _TextReader:
    def __init__(self) -> None:
        self.found = _Found()
        self.headers = {"dump": 0, "cluster": 0}
        self.trailers = {"dump": 0, "cluster": 0}
        self.versions: dict[str, Version] = {}
        self.parts: list[_Part] = [_Part(None, 1)]
        self.made: list[str] = []
        self.cut: str | None = None
        self.objects = self.tables = 0
        self.rows = False
        self.transactional = True
        self.makes_public = self.makes_plpgsql = self.commands = False
        self.restricted = 0
        self.lifted = self.loose = False
        self.includes: list[tuple[int, bool, str]] = []
        self.dropping: int | None = None
        self.cleaned: int | None = None
        self.first_made: int | None = None
        self.first: str | None = None
        self.line = 1

    def take(self, piece: script.Piece) -> None:
        self.line = piece.line
        if not piece.whole and self.cut is None:
            what = "rows of a COPY have" if piece.kind == "rows" else f"a {piece.kind} has"
            self.cut = f"{what} no end, from line {piece.line} on"
        if piece.kind == "comment":
            self._comment(piece.text.rstrip(), piece.line)
            return
        about = statements.read(piece)
        self.found.take(piece, about)
        self.rows = self.rows or piece.kind == "rows" or piece.text[:6].lower() == "insert"
        if piece.kind == "command":
            name = script.name_of(piece.text)
            self.restricted += name == "restrict"
            if name in {"i", "include", "ir", "include_relative"}:
                words = piece.text.split(None, 1)[1:]
                self.includes.append((piece.line, "r" in name.removeprefix("include"), "".join(words).strip("'\" ")))
            self.lifted = self.lifted or name == "unrestrict"
            self.commands = self.commands or name not in {"restrict", "unrestrict"}
            if about.outside == "connection":
                self._connect(about.database, piece.line)
            return
        self.loose = self.lifted
        if piece.kind == "statement":
            self.found.options += stored.options(piece.text)
            self.first = self.first or piece.text[:40]
            self._statement(about, piece.line)
        part = self.parts[-1]
        part.filling += about.fills
        part.roles.update(about.roles, about.bound)
        part.bound.update(about.bound)
        part.owners.update(about.owners)

    def _statement(self, about: Read, line: int) -> None:
        self.objects += about.fills
        self.tables += about.table
        self.transactional = self.transactional and not about.alone
        self.makes_public = self.makes_public or about.schema == "public"
        self.makes_plpgsql = self.makes_plpgsql or about.inherent
        if about.outside == "database" and about.database is not None and about.database not in self.made:
            self.made.append(about.database)
        if about.fills and self.first_made is None:
            self.first_made = line
        if about.drops and self.cleaned is None and (self.headed or self.first_made is None):
            self.dropping = line

    def _comment(self, text: str, line: int) -> None:
        if found := _DUMPED.match(text):
            try:
                version = Version.parse(found[2])
            except ValueError:
                return
            self.versions[found[1]] = max(version, self.versions.get(found[1], version))
        elif text in _HEADERS and (self.headed or not self.parts[-1].filling):
            # Behind statements that somebody wrote it was copied, and says nothing of the end.
            self.headers[_HEADERS[text]] += 1
        elif text in _TRAILERS:
            self.trailers[_TRAILERS[text]] += 1
        elif self.headers["cluster"] and (section := _SECTION.match(text)):
            self._connect(section[1], line)
        elif self.headed and self.cleaned is None and _OBJECT.match(text):
            self.cleaned = line

    @property
    def headed(self) -> bool:
        return bool(self.headers["dump"] or self.headers["cluster"])

    def _connect(self, database: str | None, line: int) -> None:
        last = self.parts[-1]
        # Without a name it is the same database, as another user.
        if database is None or last.database == database:
            return
        last.end = line - 1
        self.parts.append(_Part(database, line))

    def dump(self, packed: tuple[str, ...], *, recoded: bool) -> Dump:
        self.parts[-1].end = self.line
        for kind, what in (("dump", "database dump"), ("cluster", "database cluster dump")):
            if self.cut is None and self.headers[kind] > self.trailers[kind]:
                self.cut = f"its closing line, 'PostgreSQL {what} complete', is missing"
        text = Text(
            parts=tuple(part.frozen() for part in self.parts),
            cluster=bool(self.headers["cluster"]),
            headed=self.headed,
            made=tuple(self.made),
            cleaned=(self.cleaned or self.first_made) if self.dropping is not None else None,
            objects=self.objects,
            tables=self.tables,
            rows=self.rows,
            transactional=self.transactional,
            recoded=recoded,
            makes_public=self.makes_public,
            makes_plpgsql=self.makes_plpgsql,
            commands=self.commands,
            restricted=self.restricted,
            loose=self.loose,
            includes=tuple(self.includes),
        )
        found = self.found
        if text.cluster:
            # One part of it is restored, and roles that are made before it are not.
            found.made.clear()
            found.roles = {role for part in text.filled for role in part.roles}
            found.bound = {role for part in text.filled for role in part.bound}
            found.owners = {role for part in text.filled for role in part.owners}
        return Dump(
            form="plain", packed=packed, server=self.versions.get("from database"),
            pg_dump=self.versions.get("by pg_dump"),
            settings=tuple((name, statements.SETTINGS_SINCE[name]) for name in sorted(found.settings)),
            roles=found.names(), bound=tuple(sorted(found.bound - found.made)),
            extensions=tuple(sorted(found.extensions)), cut=self.cut, outside=tuple(found.outside),
            options=tuple(found.options), text=text,
            rows_only=self.rows and not self.tables, made=tuple(sorted(found.made)),
            owners=tuple(sorted(role for role in found.owners - found.made if not role.startswith("pg_"))),
            superuser=tuple(found.superuser),
        )  # fmt: skip


class _Part:
    def __init__(self, database: str | None, line: int) -> None:
        self.database = database
        self.line = self.end = line
        self.filling = 0
        self.roles: set[str] = set()
        self.bound: set[str] = set()
        self.owners: set[str] = set()

    def frozen(self) -> Part:
        return Part(
            database=self.database, lines=(self.line, self.end), filling=self.filling,
            roles=frozenset(self.roles), bound=frozenset(self.bound), owners=frozenset(self.owners),
        )  # fmt: skip


def is_script(head: bytes) -> bool:
    """Tell whether a text's first bytes are SQL: its first statement, if it shows there, begins with a word of SQL."""
    if not head.strip():
        return False
    stream = packing.text(cast("IO[bytes]", io.BufferedReader(cast("Any", io.BytesIO(head)))))
    for piece in script.pieces(stream):
        if "\0" in piece.text:
            return False
        if piece.kind == "command":
            return re.match(r"\\[a-z]", piece.text) is not None
        if piece.kind == "statement":
            # "import x" is Python's, and many other languages'.
            words = re.match(r"(?!import\s+(?i:(?!foreign\b)))[^\W\d]+", piece.text, re.IGNORECASE)
            return words is not None and words[0].lower() in statements.VERBS
    # Comments alone: what follows them does not show.
    return head.lstrip().startswith((b"--", b"/*"))


def names(roles: Iterable[str]) -> str:
    """Return names for people, ten at most."""
    shown = list(roles)
    return ", ".join(shown[:10]) + (f" and {len(shown) - 10} more" if len(shown) > 10 else "")

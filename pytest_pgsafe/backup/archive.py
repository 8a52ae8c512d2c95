"""What a backup is, told from its first bytes."""

from __future__ import annotations

import gzip
import re
import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

from ..config.dump import is_plain_dump
from ..errors import ConfigError
from ..server.version import Version
from . import manifest, packed

#: ``custom``, ``tar`` and ``directory`` are pg_restore's; ``plain`` is psql's.
Form = Literal["custom", "directory", "tar", "plain", "gzip"]

_CLUSTER_HEADER = b"-- PostgreSQL database cluster dump"
_TRAILER = b"-- PostgreSQL database dump complete"


@dataclass(frozen=True)
class Archive:
    """A dump that can be restored, with the folder of its manifest if pgsafe took it."""

    path: Path
    form: Form
    folder: Path | None = None


def recognise(path: Path) -> Archive:
    """Tell what a file or folder is, without believing its name.

    :raises ConfigError: it is not a backup, or one that can be seen to be incomplete.
    """
    if path.is_dir():
        return _folder(path)
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise ConfigError("the backup cannot be read", looked_at=[f"{path}: {error.strerror}"]) from error
    if not head:
        raise ConfigError(
            "the backup is an empty file",
            looked_at=[str(path)],
            remedies=["a killed pg_dump leaves one: take it again"],
        )
    if head.startswith(b"PGDMP"):
        return Archive(path, "custom")
    if head[257:262] == b"ustar":
        return Archive(path, "tar")
    if head.startswith(b"\x1f\x8b"):
        with gzip.open(path) as unpacked:
            try:
                head = unpacked.read(4096)
            except (OSError, EOFError) as error:
                raise ConfigError("the backup is a damaged gzip file", looked_at=[str(path)]) from error
        if is_plain_dump(head):
            return Archive(path, "gzip")
        if packed.is_packed(path):
            raise ConfigError(
                "the file is a backup that was packed",
                looked_at=[str(path)],
                remedies=[f"tar -xzf {path} gives its folder back"],
            )
    if _CLUSTER_HEADER in head:
        raise ConfigError(
            "the backup is a dump of a whole cluster (pg_dumpall)",
            looked_at=[str(path)],
            remedies=["give pgsafe the dump of one database: pg_dump --format=custom DATABASE"],
        )
    if is_plain_dump(head):
        return Archive(path, "plain")
    raise ConfigError(
        "the file is no backup that PostgreSQL's programs can restore",
        looked_at=[f"{path}: begins with {head[:16]!r}"],
        remedies=["take one with: pg_dump --format=custom --file=FILE DATABASE"],
    )


def is_complete(path: Path) -> bool:
    """Whether a plain dump has pg_dump's closing words among its last lines."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        return _TRAILER in file.read()


def _folder(path: Path) -> Archive:
    if (path / manifest.MANIFEST).is_file():
        archive = path / manifest.ARCHIVE
        if not archive.exists():
            raise ConfigError("the backup lacks its archive", looked_at=[str(archive)])
        return Archive(archive, "directory" if archive.is_dir() else "custom", path)
    if (path / "toc.dat").is_file():
        return Archive(path, "directory")
    inside = sorted(entry.name for entry in path.iterdir())
    raise ConfigError(
        "the folder is no backup: neither pgsafe's manifest.json nor pg_dump's toc.dat is in it",
        looked_at=[f"{path}: {', '.join(inside[:8]) or 'empty'}"],
        remedies=["an interrupted backup has no manifest: take it again"],
    )


@dataclass(frozen=True)
class Origin:
    """The server that a dump is of, and the pg_dump that wrote it. None where the dump does not say."""

    server: Version | None = None
    pg_dump: Version | None = None

    @property
    def least(self) -> int | None:
        """The least major that can restore it: a pg_restore reads no archive of a newer pg_dump."""
        return max((version.major for version in (self.server, self.pg_dump) if version), default=None)


def origin(archive: Archive) -> Origin:
    """Read where a dump is from, without any program."""
    try:
        if archive.form == "plain":
            with archive.path.open("rb") as file:
                return _origin_of_text(file.read(4096))
        if archive.form == "gzip":
            with gzip.open(archive.path) as unpacked:
                return _origin_of_text(unpacked.read(4096))
        if archive.form == "tar":
            with tarfile.open(archive.path) as members, members.extractfile("toc.dat") or BytesIO() as toc:
                return _origin_of_header(toc.read(4096))
        with (archive.path / "toc.dat" if archive.form == "directory" else archive.path).open("rb") as file:
            return _origin_of_header(file.read(4096))
    except (OSError, EOFError, KeyError, ValueError, IndexError, tarfile.TarError):
        return Origin()


def _origin_of_text(head: bytes) -> Origin:
    found = {
        word: Version.parse(version.decode("ascii", "replace"))
        for word, version in re.findall(rb"^-- Dumped (from database|by pg_dump) version (.+)$", head, re.MULTILINE)
    }
    return Origin(found.get(b"from database"), found.get(b"by pg_dump"))


def _origin_of_header(head: bytes) -> Origin:
    """Read the head of an archive, as ReadHead of pg_backup_archiver.c does (archive format 1.10 and newer)."""
    major, minor, integer = head[5], head[6], head[8]
    position = 11
    # From 1.15 (PostgreSQL 16) the compression is one byte, before an integer.
    position += 1 if (major, minor) >= (1, 15) else 1 + integer
    # The seven integers of the time, then three strings: database, server's version, pg_dump's version.
    position += 7 * (1 + integer)
    strings: list[bytes] = []
    for _ in range(3):
        length = int.from_bytes(head[position + 1 : position + 1 + integer], "little")
        position += 1 + integer
        strings.append(head[position : position + length])
        position += length
    return Origin(Version.parse(strings[1].decode("ascii")), Version.parse(strings[2].decode("ascii")))

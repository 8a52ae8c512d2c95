"""What a backup is, told from its first bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..config.dump import is_plain_dump
from ..errors import ConfigError, PgsafeError
from ..server.version import Version
from . import admitted, dump, manifest, packing, toc
from .dump import Form
from .packed import is_packed

__all__ = ["Archive", "Form", "Origin", "origin", "recognise"]

#: How the dumps of other databases begin.
_OTHERS = re.compile(rb"\s*(?:/\*M?!\S[^\n]*\n)?(?:-- (?:MySQL|MariaDB) dump|PRAGMA foreign_keys|SQLite format 3)")
_CLUSTER_HEADER = b"-- PostgreSQL database cluster dump"


@dataclass(frozen=True)
class Archive:
    """A dump that can be restored, with the folder of its manifest if pgsafe took it.

    ``custom``, ``tar`` and ``directory`` are pg_restore's, ``plain`` is psql's; ``directory`` may be in a tar.
    """

    path: Path
    form: Form
    folder: Path | None = None
    #: How it is packed besides, the outermost first: :func:`.packing.unpacked` gives what is in it.
    packed: tuple[str, ...] = ()


def recognise(path: Path) -> Archive:
    """Tell what a file or folder is, without believing its name.

    :raises ConfigError: it is not a backup, or one that can be seen to be incomplete.
    """
    if path.is_dir():
        return _folder(path)
    try:
        empty = not path.stat().st_size
        with packing.content(path) as (stream, packed):
            head = packing.head_of(stream)
    except FileNotFoundError as error:
        raise ConfigError("the backup cannot be read", looked_at=[f"{path}: {error.strerror}"]) from error
    except packing.DAMAGED as error:
        kind = _packing(path)
        if kind is None:
            raise ConfigError("the backup cannot be read", looked_at=[f"{path}: {error}"]) from error
        raise ConfigError(f"the backup is a damaged {kind} file", looked_at=[str(path)]) from error
    if empty:
        raise ConfigError(
            "the backup is an empty file",
            looked_at=[str(path)],
            remedies=["a killed pg_dump leaves one: take it again"],
        )
    if head.startswith(toc.MAGIC):
        return Archive(path, "custom", packed=packed)
    if packing.is_tar(head):
        if packed and is_packed(path):
            raise ConfigError(
                "the file is a backup that was packed",
                looked_at=[str(path)],
                remedies=[f"tar -xzf {path} gives its folder back"],
            )
        return Archive(path, "directory" if packing.is_tar_of_folder(head) else "tar", packed=packed)
    if _OTHERS.match(head):
        raise ConfigError("the file is a dump of MySQL or MariaDB, or of SQLite", looked_at=[str(path)])
    if is_plain_dump(head) or dump.is_script(head):
        found = Archive(path, "plain", packed=packed)
        if _CLUSTER_HEADER in head:
            admitted.alone(path, dump.read(path))
        return found
    raise ConfigError(
        "the file is no backup that PostgreSQL's programs can restore",
        looked_at=[f"{path}: begins with {head[:16]!r}{' in ' + ', '.join(packed) if packed else ''}"],
        remedies=["take one with: pg_dump --format=custom --file=FILE DATABASE"],
    )


def _packing(path: Path) -> str | None:
    with path.open("rb") as file:
        return packing.packing_of(file.read(8))


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
    #: The least major that can restore it: see :attr:`.dump.Dump.least`.
    least: int | None = None


def origin(archive: Archive) -> Origin:
    """Read where a dump is from, without any program."""
    try:
        said = dump.read(archive.path)
    except PgsafeError:
        return Origin()
    return Origin(said.server, said.pg_dump, said.least)

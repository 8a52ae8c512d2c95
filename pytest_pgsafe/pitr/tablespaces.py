"""Tablespaces of a cluster: their files lie within its base backup, and no recovery goes where the source has them.

A recovery that follows the source's links, on the source's machine, writes over the source's tables. So there are three
walls: a base backup has folders where the source has links, a recovered server has links that stay within its own
folder, and WAL in which a tablespace is created, which names the source's folder, is not replayed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import BackupError
from ..server.connection import Connection

#: Where a data directory has its tablespaces, by OID.
LINKS = "pg_tblspc"
#: Where pg_basebackup puts them first.
_BESIDE = "tablespaces"


@dataclass(frozen=True, kw_only=True)
class Tablespace:
    """A tablespace outside of the data directory."""

    oid: int
    name: str
    location: str


def read(session: Connection) -> tuple[Tablespace, ...]:
    """Return a server's tablespaces that lie outside of its data directory."""
    found = session.execute(
        "select oid::int8, spcname::text, pg_catalog.pg_tablespace_location(oid) from pg_catalog.pg_tablespace"
        " where spcname not in ('pg_default', 'pg_global') order by oid"
    ).fetchall()
    # A location that is relative is one in place, which pg_basebackup takes as a folder anyway.
    return tuple(
        Tablespace(oid=oid, name=name, location=location) for oid, name, location in found if location.startswith("/")
    )


def mapping(spaces: Sequence[Tablespace], partial: Path) -> list[str]:
    """Return pg_basebackup's arguments that keep it from writing to the source's own folders.

    :param partial: the base backup's folder, absolute.
    """
    return [
        f"--tablespace-mapping={_escaped(space.location)}={_escaped(str(partial / _BESIDE / str(space.oid)))}"
        for space in spaces
    ]


def enclose(data: Path, partial: Path) -> None:
    """Put the tablespaces of a fresh base backup into its data directory, where their links were."""
    for path in sorted((data / LINKS).iterdir()):
        if path.is_symlink():
            place = partial / _BESIDE / path.name
            if path.readlink() != place:
                raise BackupError("a tablespace was written elsewhere", looked_at=[f"{path.name}: {path.readlink()}"])
            path.unlink()
            place.rename(path)
    beside = partial / _BESIDE
    if beside.is_dir():
        beside.rmdir()


def same(before: Sequence[Tablespace], after: Sequence[Tablespace]) -> None:
    """Refuse a base backup during which a tablespace came: its WAL would lead a recovery to the source's folder.

    :raises BackupError:
    """
    if came := [space for space in after if space not in before]:
        raise BackupError(
            "a tablespace was created while the base backup was taken",
            looked_at=[f"{space.name}: {space.location}" for space in came],
            remedies=["take it again"],
        )


def _escaped(path: str) -> str:
    return path.replace("\\", "\\\\").replace("=", "\\=")

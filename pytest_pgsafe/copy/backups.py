"""The backup of a run: the one that is the source, or one that is taken of it, once, whoever needs it first."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock

from ..backup.archive import recognise
from ..backup.take import Backup, take
from ..server.address import Address
from ..server.base import Programs
from ..server.minors import dumping
from .opened import compression, opened
from .repositories import backup_of_repository
from .source import Source


def backup_of(
    source: Source, folder: Path, programs: Programs, *, restored_next: bool = False, upgrade: bool = False
) -> Backup:
    """Return the backup that a source is, or take one of the database that it is, recovered before if need be.

    :param folder: a private one of the run, shared by its processes.
    :param restored_next: as :func:`~..backup.take.take` has it, of a database.
    :param upgrade: it is restored into the next major, whose own pg_dump quotes what is a keyword there.
    :raises BackupError: it cannot be taken, or is not whole.
    """
    if source.repository is not None:
        return backup_of_repository(source.repository, folder, jobs=source.jobs)
    if source.address is not None:
        fitting = programs if upgrade or source.version is None else dumping(source.version, programs)
        return backup_once(
            source.address,
            folder / "backup",
            fitting,
            jobs=source.jobs,
            sessions=source.sessions,
            size=source.size,
            restored_next=restored_next,
        )
    assert source.archive is not None
    return opened(source.archive)


def backup_once(
    address: Address,
    folder: Path,
    programs: Programs,
    *,
    jobs: int = 2,
    sessions: int | None = None,
    size: int = 0,
    restored_next: bool = False,
) -> Backup:
    """Take a backup of a database, or return the one that another process of the run took already.

    :param size: bytes of the database, as far as they are known.
    """
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if folder.is_dir():
            return opened(recognise(folder))
        packing = compression(folder.parent, size)
        return take(
            address, folder, programs, durable=False, compress=packing, most=jobs, sessions=sessions,
            restored_next=restored_next,
        )  # fmt: skip

"""Taking a backup that is kept: looked at before, complete, in its place under a root."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

from ..backup import complete, manifest, store
from ..backup.archive import Archive
from ..backup.take import Backup, Further, take
from ..config.values import Settings
from ..copy.source import Source
from ..errors import ConfigError
from ..progress import SILENT, Progress, size_of
from ..server import programs
from ..server.minors import dumping
from ..snapshot.values import Snapshot
from . import before
from .denormalized import Looked


def keep(
    source: Source,
    root: Path,
    *,
    environment: str | None = None,
    retain: timedelta,
    jobs: int | None = None,
    compress: str | None = None,
    plain: bool = True,
    rules: Settings | None = None,
    progress: Progress = SILENT,
) -> Backup:
    """Take a backup into ``<root>/<environment>/<timestamp>/``, which appears when it is whole.

    :param source: a database that was examined.
    :param environment: the folder's name; None is the database's, without what no folder is called.
    :param retain: how long retention may not remove it.
    :param jobs: processes of pg_dump; None decides by the size.
    :param compress: of pg_dump: ``0``, ``9``, ``zstd:3`` …; None is its default.
    :param plain: write it as SQL too.
    :param rules: the settings whose rules about denormalised columns are looked at; None looks at none.
    :raises UsageError: found before the start: the source, its role, the programs, the disk.
    :raises BackupError: while it was taken; nothing is left.
    """
    if source.address is None or source.version is None:
        raise ConfigError(
            "only a database can be backed up",
            looked_at=[source.shown],
            remedies=["--source=postgresql://HOST/DATABASE"],
        )
    progress("preflight")
    # pg_dump of an older major refuses, and leaves an empty file.
    client = dumping(source.version, programs.find(source.version.major, server=False))
    before.check(source, root)
    now = datetime.now(timezone.utc)
    place = store.name(store.environment_of(source.database) if environment is None else environment, now)
    folder = _free(root / place)
    kept = complete.Kept(environment=place.parent.name, until=now + retain, plain=plain)
    address = source.address
    looked = None if rules is None else Looked(settings=rules)

    def further(archive: Archive, facts: Snapshot) -> Further:
        with progress.followed("schema, roles, SQL", lambda: size_of(archive.path.with_name(complete.PLAIN))):
            found = () if looked is None else looked.found
            return complete.complete(
                archive, facts, address, client, kept, left_out=before.left_out(facts, found), rules=found
            )

    return take(
        address,
        folder,
        client,
        jobs=jobs,
        most=source.jobs,
        compress=compress,
        progress=progress,
        expected=_expected(folder.parent, source.database) if progress.shown else None,
        further=further,
        look=looked,
    )


def _expected(folder: Path, database: str) -> int | None:
    """Return how large the archive was in the newest backup of a database; None where there is none."""
    found = store.find(folder) if folder.is_dir() else ()
    sizes = [
        sum(file.bytes for file in one.manifest.files if file.path.split("/")[0] == manifest.ARCHIVE)
        for one in found
        if one.manifest is not None and one.manifest.database == database
    ]
    return sizes[-1] if sizes else None


def _free(folder: Path) -> Path:
    """Return a folder that is not there yet: two backups may begin in one second."""
    number, free = 1, folder
    while free.exists():
        number += 1
        free = folder.with_name(f"{folder.name}_{number}")
    return free

"""A backup that is there, opened for a run."""

from __future__ import annotations

from ..backup import admitted, dump, manifest
from ..backup.archive import Archive
from ..backup.take import Backup

#: pg_dump's compression for a backup that is restored at once.
COMPRESSION = "1"


def opened(archive: Archive) -> Backup:
    """Return a backup with its manifest and facts, if it has any.

    :raises BackupError: it is not what its manifest says, or is cut.
    """
    if archive.folder is not None:
        return Backup(archive=archive, manifest=manifest.read(archive.folder), facts=manifest.facts(archive.folder))
    admitted.whole(archive.path, dump.read(archive.path))
    return Backup(archive=archive, facts=None, manifest=None)

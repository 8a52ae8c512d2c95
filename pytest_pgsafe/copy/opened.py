"""A backup that is there, opened for a run."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..backup import admitted, dump, manifest
from ..backup.archive import Archive
from ..backup.take import Backup

#: As many times the size of the database has to be free for its rows to be dumped as plain text.
ROOMY = 10


def compression(folder: Path, size: int) -> str:
    """Return pg_dump's compression for a backup that is restored at once: none, where there is room for that.

    Packing and unpacking takes more of the processor than everything else that pg_dump does. But rows as text may be
    several times what they are in the database, which packs long values.

    :param folder: where it will lie.
    :param size: bytes of the database; 0 if that is not known.
    """
    return "0" if 0 < size * ROOMY <= shutil.disk_usage(folder).free else "1"


def opened(archive: Archive) -> Backup:
    """Return a backup with its manifest and facts, if it has any.

    :raises BackupError: it is not what its manifest says, or is cut.
    """
    if archive.folder is not None:
        return Backup(archive=archive, manifest=manifest.read(archive.folder), facts=manifest.facts(archive.folder))
    admitted.whole(archive.path, dump.read(archive.path))
    return Backup(archive=archive, facts=None, manifest=None)

"""The base backups of a folder."""

from __future__ import annotations

from pathlib import Path

from ..errors import ConfigError
from . import plain
from .base import RECORD, Base, read


def find(root: Path) -> tuple[tuple[Path, Base], ...]:
    """Return the complete base backups under a folder, oldest first: pgsafe's, and others as pg_basebackup wrote them.

    :raises ConfigError: there is none.
    """
    # One that is being taken, or whose taking was killed, begins with a dot.
    folders = [root, *sorted(path for path in root.glob("*") if not path.name.startswith("."))]
    found = [(path, read(path)) for path in folders if (path / RECORD).exists()]
    if not found or found[0][0] != root:
        known = {path for path, _ in found}
        found += [(path, plain.read(path)) for path in folders if path not in known and plain.is_one(path)]
    if not found:
        plain.refuse(root)
        raise ConfigError(
            "there is no base backup",
            looked_at=[str(root)],
            remedies=["pgsafe pitr basebackup takes one"],
        )
    return tuple(sorted(found, key=lambda pair: pair[1].end_lsn))

"""The backups under a root: ``<root>/<environment>/<timestamp>/``, known by their manifests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..errors import BackupError, ConfigError
from . import manifest, proof

_PARTIAL = re.compile(r"\..+\.partial-\d+")


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A folder under a root that is a backup, or should be one."""

    folder: Path
    #: None with ``fault`` told.
    manifest: manifest.Manifest | None
    proof: proof.Proof | None = None
    fault: str | None = None

    @property
    def proven(self) -> bool:
        return self.manifest is not None and self.proof is not None and self.proof.proven

    @property
    def line(self) -> tuple[Path, str]:
        """Which backups follow one another: those of one database in one environment."""
        return self.folder.parent, "" if self.manifest is None else self.manifest.database

    @property
    def size(self) -> int:
        return 0 if self.manifest is None else sum(file.bytes for file in self.manifest.files)


def environment_of(database: str) -> str:
    """Return what the backups of a database are kept under where nothing else was said.

    Two databases may share it: backups are of one line by their manifests.
    """
    return re.sub(r"[^\w.@+-]+", "_", database).lstrip(".@+-") or "database"


def name(environment: str, taken_at: datetime) -> Path:
    """Return where a backup belongs below its root.

    :raises ConfigError: the environment is no name of a folder.
    """
    if not re.fullmatch(r"[\w][\w.@+-]*", environment):
        raise ConfigError(
            f"the environment {environment!r} is no name of a folder",
            remedies=["use letters, digits, and any of _ . @ + - after the first of them"],
        )
    return Path(environment, f"{taken_at:%Y%m%dT%H%M%SZ}")


def find(root: Path) -> tuple[Stored, ...]:
    """Return what is under a root, an environment's folder or a backup's own, oldest first; faulty ones before all.

    :raises ConfigError: there is no such folder.
    """
    if not root.is_dir():
        raise ConfigError(
            "there is no such folder of backups",
            looked_at=[str(root)],
            remedies=["pgsafe backup makes it with the first one, if this is where they are to be"],
        )
    found = [look(folder) for folder in _folders(root)]
    return tuple(sorted(found, key=lambda one: 0.0 if one.manifest is None else one.manifest.taken_at.timestamp()))


def interrupted(root: Path) -> tuple[Path, ...]:
    """Return the folders of backups that were begun and not completed; some may be under way."""
    folders = [folder for place in (root, *_visible(root)) for folder in _entries(place)]
    return tuple(sorted(folder for folder in folders if _PARTIAL.fullmatch(folder.name)))


def _folders(root: Path) -> Iterator[Path]:
    if (root / manifest.MANIFEST).exists():
        yield root
        return
    for place in _visible(root):
        if (place / manifest.MANIFEST).exists():
            yield place
            continue
        inside = list(_visible(place))
        # A timestamp's folder without a manifest is a backup that lost it; any other is an environment.
        if re.fullmatch(r"\d{8}T\d{6}Z.*", place.name):
            yield place
        else:
            yield from inside


def _visible(folder: Path) -> Iterator[Path]:
    return (path for path in _entries(folder) if not path.name.startswith("."))


def _entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())


def look(folder: Path) -> Stored:
    """Return what a folder is as a backup: with its manifest and the proof of it, or with what is wrong."""
    try:
        found = manifest.load(folder)
    except BackupError as error:
        why = "it has no manifest" if not (folder / manifest.MANIFEST).exists() else error.message
        return Stored(folder=folder, manifest=None, fault=why)
    return Stored(folder=folder, manifest=found, proof=proof.read(folder))

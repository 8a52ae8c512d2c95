"""What a repository holds, and what a recovery from it has to know."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...config.values import Engine
from ...server.user import ServerUser
from ..base import Base
from ..target import Target


@dataclass(frozen=True, kw_only=True)
class BackupSet:
    """One backup of a repository, full or not: the engine puts together what belongs to it."""

    label: str
    base: Base
    #: Bytes of the restored cluster.
    size: int
    #: The newest segment of the repository's archive when it was asked; None if it has none.
    newest: str | None
    #: Databases that were in the cluster then, where the engine tells.
    databases: tuple[str, ...] = ()
    #: Names and numbers of tablespaces.
    tablespaces: tuple[str, ...] = ()
    #: What the engine itself found wrong when it took the backup.
    errors: tuple[str, ...] = ()

    @property
    def major(self) -> int:
        return int(self.base.server_version.split(".", 1)[0])


@dataclass(frozen=True, kw_only=True)
class Place:
    """A private folder of the user that restores: everything that is written lies here."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def tablespaces(self) -> Path:
        return self.folder / "tablespaces"

    @property
    def looked(self) -> Path:
        """Segments that are looked at before they are replayed."""
        return self.folder / "looked"

    @property
    def newest(self) -> Path:
        """The last segments of the archive."""
        return self.folder / "newest"

    @property
    def asked(self) -> Path:
        """Lines of the restore command: a file's name, and how the engine ended."""
        return self.folder / "asked"

    @property
    def messages(self) -> Path:
        """What the engine said while WAL was fetched."""
        return self.folder / "said"


class Repository(ABC):
    """A stanza or a server of an engine's, which is only read."""

    engine: Engine
    #: Who runs the engine, and so the recovered server whose restore command it is; None is who calls.
    user: ServerUser | None

    @abstractmethod
    def find(self, target: Target) -> BackupSet:
        """Return the backup that is asked for, or the newest that ended before the target.

        :raises SourceError: the engine cannot read its repository; in its own words.
        :raises ConfigError: there is no such backup, or none that is old enough.
        """

    @abstractmethod
    def restore(self, found: BackupSet, place: Place, *, jobs: int, only: str | None) -> None:
        """Restore a backup into ``place.data``, its tablespaces beside it.

        :param jobs: processes.
        :param only: the one database whose files are needed, where the engine can leave out others.
        :raises BackupError: with the engine's words.
        """

    @abstractmethod
    def fetch(self, place: Place) -> str:
        """Return a shell script's lines that put the segment ``$1`` at ``$2`` and set ``status``.

        0: it is there. 1: the archive does not have it. Anything else: the engine failed. It is run as :attr:`user`.
        """

    @abstractmethod
    def verify(self, found: BackupSet) -> Sequence[str] | None:
        """Return what the engine's own verification of its files finds wrong, None where it has none that only reads.

        :raises BackupError: it cannot be done.
        """

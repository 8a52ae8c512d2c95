"""A store that is a folder: another disk, a mounted share."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..errors import StorageError
from ..progress import Moved
from ..server.durable import sync

_CHUNK = 1 << 20
_PARTIAL = ".partial"


@dataclass(frozen=True)
class FolderStore:
    """Objects as files below ``root``, readable by their owner only."""

    root: Path

    @classmethod
    def open(cls, url: str) -> FolderStore:
        """Open ``file:///PATH``; the folder is made with the first object."""
        return cls(Path(unquote(urlsplit(url).path)))

    def __str__(self) -> str:
        return str(self.root)

    def put(self, path: Path, name: str, *, sha256: str, moved: Moved | None = None) -> None:
        """Copy under a temporary name, force it to disk, rename."""
        del sha256
        target = self.root / name
        partial = target.with_name(f".{target.name}{_PARTIAL}-{os.getpid()}")
        with self._failures(name):
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                with path.open("rb") as source, open(partial, "wb", opener=_private) as copy:
                    while chunk := source.read(_CHUNK):
                        copy.write(chunk)
                        if moved is not None:
                            moved(len(chunk))
                    copy.flush()
                    os.fsync(copy.fileno())
                partial.replace(target)
            finally:
                partial.unlink(missing_ok=True)
            sync([target.parent])

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the file's content."""
        with self._failures(name), (self.root / name).open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def names(self) -> list[str]:
        """List every file below the folder."""
        return sorted(
            path.relative_to(self.root).as_posix()
            for path in self.root.rglob("*")
            if path.is_file() and _PARTIAL not in path.name
        )

    def settle(self, name: str) -> None:
        """Leave it: a folder knows no storage classes."""

    def thaw(self, name: str, *, days: int) -> bool:
        """Say that every file can be read."""
        del name, days
        return True

    def at(self, name: str) -> FolderStore:
        """Return the folder of that name below this one."""
        return FolderStore(self.root / name)

    @contextmanager
    def _failures(self, name: str) -> Generator[None, None, None]:
        try:
            yield
        except OSError as error:
            raise StorageError(
                f"the store failed at {name}: {error.strerror or error}", looked_at=[str(self)]
            ) from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)

"""How many sessions of ours a fleet's servers have at a time, over all processes of one machine."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

#: What a backup takes: the session that holds its moment, pg_dump's, and one that watches both.
BACKUP = 3
#: Seconds between two looks for a free place.
_PAUSE = 0.05


@dataclass(frozen=True)
class Sessions:
    """So many places, each a file that whoever uses it holds locked; a process that dies leaves it."""

    folder: Path
    most: int

    @property
    def each(self) -> int:
        """How many sessions whoever has its turn may have at a time."""
        return min(BACKUP, self.most)

    @contextmanager
    def turn(self) -> Generator[None]:
        """Wait until there is room for what one member needs, and keep it."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        with ExitStack() as held:
            # One after the other: two that had half of what they need would wait for each other for ever.
            with FileLock(self.folder / "next"):
                for _ in range(self.each):
                    held.enter_context(self._place())
            yield

    @contextmanager
    def _place(self) -> Generator[None]:
        locks = [FileLock(self.folder / f"session-{number}") for number in range(self.most)]
        while True:
            for lock in locks:
                try:
                    lock.acquire(timeout=0)  # pyright: ignore[reportUnknownMemberType]
                except Timeout:
                    continue
                try:
                    yield
                finally:
                    lock.release()
                return
            time.sleep(_PAUSE)

"""How far a long step is, told to whoever looks. Nobody does by default."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

#: Called with the number of bytes that were moved since the last call.
Moved = Callable[[int], None]
#: Seconds between looks at something that grows.
OFTEN = 0.5


class Progress:
    """Nobody looks; whoever does makes a class of this."""

    @property
    def shown(self) -> bool:
        """Whether anybody looks: what costs something is not asked for else."""
        return False

    def __call__(self, step: str, done: int = 0, total: int | None = None) -> None:
        """Tell which step is under way, and of how many bytes it has moved how many, where that is known."""

    def within(self, name: str) -> Progress:
        """Return the progress of steps that belong to one of several things."""
        return _Within(self, name)

    def counted(self, step: str, total: int | None = None) -> Moved:
        """Begin a step; return what counts its bytes."""
        return _Counted(self, step, total)

    @contextmanager
    def followed(
        self, step: str, size: Callable[[], int | None], total: int | None = None
    ) -> Generator[None, None, None]:
        """Look from time to time how large something has become, as long as the block runs.

        :param size: asked in a thread of its own; None where nothing can be known.
        """
        self(step, 0, total)
        if not self.shown:
            yield
            return
        end = threading.Event()

        def look() -> None:
            while not end.wait(OFTEN):
                done = size()
                if done is None:
                    return
                self(step, done, total)

        thread = threading.Thread(target=look, name="pgsafe progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()


#: For whoever is not looked at.
SILENT = Progress()


class StepNames(Progress):
    """Gives a function the name of each step that begins, and nothing of its bytes."""

    def __init__(self, give: Callable[[str], None]) -> None:
        self._give = give

    def __call__(self, step: str, done: int = 0, total: int | None = None) -> None:  # noqa: ARG002 (of bytes)
        if not done:
            self._give(step)


class _Within(Progress):
    def __init__(self, outer: Progress, name: str) -> None:
        self._outer = outer
        self._name = name

    @property
    def shown(self) -> bool:
        return self._outer.shown

    def __call__(self, step: str, done: int = 0, total: int | None = None) -> None:
        self._outer(f"{self._name}: {step}", done, total)


class _Counted:
    """Bytes of one step, added up; uploads move theirs in several threads."""

    def __init__(self, progress: Progress, step: str, total: int | None) -> None:
        self._progress, self._step, self._total, self._done = progress, step, total, 0
        self._lock = threading.Lock()
        progress(step, 0, total)

    def __call__(self, size: int) -> None:
        with self._lock:
            self._done += size
            self._progress(self._step, self._done, self._total)


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of a folder's files, as far as it is written; some may come and go meanwhile."""
    try:
        if path.is_dir():
            return sum(file.stat().st_size for file in path.iterdir())
        return path.stat().st_size
    except OSError:
        return 0

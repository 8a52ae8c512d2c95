"""Every byte is copied."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path


class Copy:
    name = "plain"
    entered = False

    def __init__(self, template: Path, folder: Path) -> None:
        self._template = template
        self.data = self.written = folder / "data"

    def attempt(self) -> None:
        """It needs nothing but room."""

    def make(self, run: Callable[[list[str]], tuple[int, str]]) -> None:
        said = ""
        # GNU's cp finds holes, and is faster than shutil.
        for command in (["cp", "-R", "--reflink=auto"], ["cp", "-R"]):
            status, said = run([*command, str(self._template), str(self.data)])
            if status == 0:
                return
            shutil.rmtree(self.data, ignore_errors=True)
        raise OSError(f"cp: {said.strip()}")

    def enter(self, owner: tuple[int, int] | None, give: Callable[[Path], None]) -> None:
        """There is nothing to enter."""

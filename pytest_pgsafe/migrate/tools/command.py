"""Any tool in any language: a command line, which finds the copy by its environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...passwords import redact
from .base import Copy, Job, Migration

if TYPE_CHECKING:
    from typing_extensions import Self

    from ...config.values import Way


@dataclass(frozen=True, kw_only=True)
class Command(Migration):
    """A command line for ``sh -c``, in the configuration's folder."""

    command: str

    alternative = "name the .sql file, or the folder of them, that the command runs"
    noted = True

    @classmethod
    def made(cls, way: Way, *, way_back: bool) -> Self:
        """Make one; the way back is another command."""
        del way_back
        return cls(command=way.command or "")

    def __str__(self) -> str:
        """Return it for people: without passwords that stand in it."""
        return redact(self.command, printed=True)

    def job(self, copy: Copy) -> Job:
        """Return what runs it on a copy."""
        del copy
        return Job(command=("sh", "-c", self.command))

"""Which majors will do for SQL that names none."""

from __future__ import annotations

from dataclasses import dataclass

from .capabilities import restricts
from .version import SUPPORTED, Version


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """Which majors will do for SQL that says nothing of its server: the newest of them is taken."""

    least: int = SUPPORTED[0]
    most: int = SUPPORTED[-1]
    #: ``\\restrict`` stands in it.
    restricted: bool = False
    #: For people: what says so, and where it stands.
    why: str = "nothing in it needs another"

    def fits(self, version: Version) -> bool:
        """Tell whether programs of a version will do."""
        known = not self.restricted or restricts(version)
        return known and self.least <= version.major <= self.most

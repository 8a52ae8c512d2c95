"""Versions of PostgreSQL servers and programs."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Majors that the tests run on. A newer one works as far as it goes, and says that it was not tested.
SUPPORTED = (14, 15, 16, 17, 18)


@dataclass(frozen=True, order=True)
class Version:
    """``server_version_num`` of PostgreSQL 10 and newer: major * 10000 + minor."""

    number: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read ``15.18``, ``18beta1`` or the line that ``postgres --version`` prints.

        :raises ValueError: there is no version in the text.
        """
        found = re.search(r"(?<![\d.])(\d+)(?:\.(\d+)|(?:devel|beta|rc)\d*)?(?![\d.]*\w)", text)
        if not found:
            raise ValueError(f"no PostgreSQL version in {text!r}")
        return cls(int(found[1]) * 10000 + int(found[2] or 0))

    @property
    def major(self) -> int:
        return self.number // 10000

    @property
    def supported(self) -> bool:
        return self.major in SUPPORTED

    def __str__(self) -> str:
        return f"{self.major}.{self.number % 10000}"

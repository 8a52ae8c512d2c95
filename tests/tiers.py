"""Two tiers: of what is alike CI runs a part, and ``.ci/full`` all of it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

#: Whether everything is run.
FULL = os.environ.get("PGSAFE_TEST_FULL") == "1"


def part(cases: Iterable[T], every: int) -> list[T]:
    """Return one of so many cases, in their order; all of them in the full tier."""
    return list(cases)[:: 1 if FULL else every]

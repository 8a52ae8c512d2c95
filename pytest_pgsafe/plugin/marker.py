"""What a test says of itself: the marker ``pgsafe``, and the fixtures that imply it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

SKIPPED = "pgsafe is off: --pgsafe or PGSAFE=1 turns it on"
READ_ONLY = "--pgsafe-static starts no server: it reads statements alone"
DESCRIPTION = (
    "pgsafe(source=…, migration=…, rollback=…, revision=…, empty=True): needs what pgsafe provides, and says what its"
    " pgsafe_database is instead of what is configured; skipped without --pgsafe"
)
#: Their users are marked, whether they say so or not.
FIXTURES = frozenset(
    f"pgsafe_{name}"
    for name in ("backup", "database", "recovered", "rehearsal", "restore", "server", "snapshot", "source")
)
KNOWN = ("source", "migration", "rollback", "revision", "empty")


def mark(item: pytest.Item, *, off: str | None) -> None:
    """Mark a test that uses our fixtures, and skip every marked one if there is nothing for it.

    :param off: why; None if there is.
    """
    if not FIXTURES.isdisjoint(getattr(item, "fixturenames", ())) and item.get_closest_marker("pgsafe") is None:
        item.add_marker(pytest.mark.pgsafe)
    if off is not None and item.get_closest_marker("pgsafe") is not None:
        item.add_marker(pytest.mark.skip(reason=off))


def wanted(item: pytest.Item) -> Mapping[str, Any]:
    """Return what the markers of a test say of its database; the closest one wins, word by word.

    :raises ValueError: a word that has no meaning.
    """
    found: dict[str, Any] = {}
    for marker in reversed(list(item.iter_markers("pgsafe"))):
        if marker.args:
            raise ValueError(f"@pytest.mark.pgsafe takes no argument without a name: {marker.args[0]!r}")
        unknown = [name for name in marker.kwargs if name not in KNOWN]
        if unknown:
            raise ValueError(f"@pytest.mark.pgsafe knows no {unknown[0]}=…: it knows {', '.join(KNOWN)}")
        if marker.kwargs.get("source") is not None:
            found.pop("empty", None)
        if marker.kwargs.get("empty"):
            found.pop("source", None)
        found |= marker.kwargs
    return found

"""How much bases may take: the one that was used least recently goes first."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from . import place


def prune(most: int, *, spared: Collection[Path] = ()) -> tuple[Path, ...]:
    """Remove bases until the rest has so many bytes at most, and what killed runs left; return what is gone.

    What is in use, and what is not ours, stays.

    :param spared: folders that stay whatever they take.
    """
    gone = [path for path in place.left() if place.remove(path)]
    return (*gone, *(path for path in _over(most, spared) if place.remove(path)))


def due(most: int) -> tuple[Path, ...]:
    """Return what :func:`prune` would remove, were none of it in use."""
    return (*place.left(), *_over(most, ()))


def _over(most: int, spared: Collection[Path]) -> tuple[Path, ...]:
    """Return the bases that are too much, the one that was used least recently first."""
    listed = place.bases()
    total = sum(base.bytes for base in listed)
    found: list[Path] = []
    for base in reversed(listed):
        if total <= most:
            break
        if base.folder not in spared:
            found.append(base.folder)
            total -= base.bytes
    return tuple(found)

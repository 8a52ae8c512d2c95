"""Programs by their minor: a pg_dump knows what servers store for themselves up to its own minor."""

from __future__ import annotations

from collections.abc import Sequence

from .base import Programs
from .discovery import USUAL_PLACES, WHEELS, Wheel, examine, places
from .programs import LocalPrograms
from .version import Version

__all__ = ["dumping", "serving"]


def dumping(
    source: Version,
    at_hand: Programs,
    *,
    path: str | None = None,
    usual: Sequence[str] = USUAL_PLACES,
    wheels: Sequence[Wheel] = WHEELS,
) -> Programs:
    """Return the programs that dump a server: of its major and at least of its minor, where this machine has them.

    Without them those at hand dump it, and what they do not know for the server's own is taken out of the dump.

    :param source: of the server that is dumped.
    :param at_hand: those of the server that restores; any of a newer major could not be restored by them.
    :param path: PATH; None is the environment's.
    """
    if _knows(at_hand.version, source) or source.major > at_hand.version.major:
        return at_hand
    for place in places(path=path, usual=usual, wheels=wheels, server=False):
        version = examine(place.folder, server=False)
        if isinstance(version, Version) and _knows(version, source):
            return LocalPrograms(place.folder, version, found_by=place.by)
    return at_hand


def serving(
    source: Version,
    *,
    path: str | None = None,
    usual: Sequence[str] = USUAL_PLACES,
    wheels: Sequence[Wheel] = WHEELS,
) -> LocalPrograms | None:
    """Return the programs of a server of this version on this machine, else the first of its major; None without any.

    :param path: PATH; None is the environment's.
    """
    found: list[LocalPrograms] = []
    for place in places(path=path, usual=usual, wheels=wheels):
        version = examine(place.folder)
        if isinstance(version, Version) and version.major == source.major:
            found.append(LocalPrograms(place.folder, version, found_by=place.by))
    return next((one for one in found if one.version == source), next(iter(found), None))


def _knows(version: Version, source: Version) -> bool:
    return version.major == source.major and version >= source

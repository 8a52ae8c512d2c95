"""Folders of ours below the system's temporary one: nobody else reads them, and none outlives its process for ever.

They hold passwords and copies of the source's data. Each has a mark (:mod:`.ours`) that its process holds locked while
it lives, so that the next run can remove what one left that was killed; the folders of servers (:mod:`.keeper`) follow
the same rule.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import ServerError
from . import ours
from .keeper import LOCK, PREFIX, hold, place_of
from .user import OWN, server_user

__all__ = ["LOCK", "PREFIX", "ROOMY", "private_folder", "sweep"]

#: Where a server's folder lies if the temporary one has no room for a socket, or is closed to its user.
ROOMY = ("/tmp", "/var/tmp")  # noqa: S108 a random 0700 folder


@contextmanager
def private_folder(kind: str, *, swept: bool = False) -> Generator[Path]:
    """Yield a folder that nobody else can read and that is gone afterwards.

    :param kind: a word in its name, for people.
    :param swept: remove before that what runs left that were killed.
    """
    if swept:
        sweep()
    path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{kind}-"))
    handle = hold(path)
    made = place_of(path)
    try:
        yield path
    finally:
        # Somebody may have put another folder in its place.
        if place_of(path) == made:
            ours.remove(path)
        os.close(handle)


def sweep() -> tuple[str, ...]:
    """Remove what runs left that were killed, below the temporary folders that ours lie in.

    :returns: what is called like ours and was left alone, each with the reason.
    """
    users = {os.geteuid()}
    # There may be none; the server says so when it is started.
    with suppress(ServerError):
        if server := server_user():
            users.update((server.uid, *OWN))
    places = dict.fromkeys(Path(place).resolve() for place in (tempfile.gettempdir(), *ROOMY))
    return tuple(line for place in places for line in ours.sweep(place, users=users))

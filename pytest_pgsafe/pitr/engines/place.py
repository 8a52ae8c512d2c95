"""The private folder of a restore: the engine's user writes into it, and nobody else reads it."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager

from ...server.private import private_folder
from ...server.user import ServerUser
from .values import Place


@contextmanager
def private_place(user: ServerUser | None) -> Generator[Place, None, None]:
    """Yield a folder for one restore, which is gone afterwards with everything that was restored."""
    with private_folder("restored") as folder:
        place = Place(folder=folder)
        for path in (
            place.data,
            place.tablespaces,
            place.looked,
            place.newest,
            folder / "locks",
            folder / "log",
            folder / "spool",
        ):
            path.mkdir(mode=0o700)
        for path in (place.asked, place.messages):
            path.touch(mode=0o600)
        if user is not None:
            for path in (folder, *folder.iterdir()):
                os.chown(path, user.uid, user.gid)
        yield place

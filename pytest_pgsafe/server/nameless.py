"""A user who is a number alone, as in ``docker run --user 1001``: initdb asks the system for the name."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ServerError

#: Where distributions put libraries: below, or in a folder for each processor.
LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/local/lib")
_WRAPPER = "libnss_wrapper.so"


def check() -> None:
    """Say that the caller has no name and that none can be given.

    :raises ServerError: with the remedies.
    """
    if not _is_named() and _wrapper() is None:
        raise ServerError(
            f"no local PostgreSQL: the user {os.geteuid()} has no name here, and initdb wants one",
            looked_at=["/etc/passwd", *(f"{folder}: no {_WRAPPER}" for folder in LIBRARIES)],
            remedies=[
                "install libnss-wrapper (Debian; elsewhere nss_wrapper), which gives it one",
                "or run as a user that the system knows: useradd --uid NUMBER NAME",
            ],
        )


@contextmanager
def named(folder: Path) -> Generator[dict[str, str]]:
    """Yield the variables that give the caller a name, in the programs that get them; none where it has one.

    :param folder: a private one, in which the list of users lies as long as this lasts.
    :raises ServerError: as :func:`check`.
    """
    if _is_named():
        yield {}
        return
    check()
    users, groups = folder / "passwd", folder / "group"
    users.write_text(f"pgsafe:x:{os.geteuid()}:{os.getegid()}::/:/bin/false\n", "ascii")
    groups.write_text(f"pgsafe:x:{os.getegid()}:\n", "ascii")
    try:
        yield {
            "LD_PRELOAD": str(_wrapper()),
            "NSS_WRAPPER_PASSWD": str(users),
            "NSS_WRAPPER_GROUP": str(groups),
        }
    finally:
        users.unlink()
        groups.unlink()


def _is_named() -> bool:
    # Root's programs run as a user that was found by name.
    if os.geteuid() == 0 or sys.platform != "linux":
        return True
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return True


def _wrapper() -> Path | None:
    for folder in map(Path, LIBRARIES):
        for path in (folder / _WRAPPER, *folder.glob(f"*/{_WRAPPER}")):
            if path.is_file():
                return path
    return None

"""A member's name as it stands in the id of an item (pure)."""

from __future__ import annotations

import difflib
from collections.abc import Collection

#: Besides letters and digits. What ``::``, brackets, slashes, blanks or quotes would mean to pytest, a shell or
#: somebody who splits ids is written by its code.
_PLAIN = frozenset("_.-+=,~@")


def escaped(name: str) -> str:
    """Return a name in which everything but letters, digits and ``_ . - + = , ~ @`` is percent-encoded UTF-8.

    It can be read back, so that two names never become one; ``*`` never stands there, and means all members.
    """
    return "".join(
        letter
        if letter.isalnum() or letter in _PLAIN
        else "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "surrogateescape"))
        for letter in name
    )


def nearest(name: str, known: Collection[str]) -> str:
    """Say which member may have been meant."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"there are {len(known)} members, such as {sorted(known)[0]}"

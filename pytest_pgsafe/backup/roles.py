"""Roles that a foreign dump mentions: a dump of one database holds none, and its restore fails without them."""

from __future__ import annotations

from . import dump
from .archive import Archive


def mentioned(archive: Archive) -> tuple[str, ...]:
    """Return the names of the roles that a dump mentions, sorted, without quotes.

    :raises RestoreError: it is packed, and damaged or cut.
    """
    said = dump.read(archive.path)
    if said.text is None or not said.text.cluster:
        return said.roles
    # Of a cluster's dump one part is restored, and roles that stand before it are made nowhere.
    return tuple(sorted(role for part in said.text.filled for role in part.roles))

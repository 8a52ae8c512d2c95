"""Roles that a foreign dump mentions: a dump of one database holds none, and its restore fails without them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from . import admitted, dump
from .archive import Archive


def mentioned(archive: Archive) -> tuple[str, ...]:
    """Return the names of the roles that a dump mentions, sorted, without quotes.

    :raises RestoreError: it is packed, and damaged or cut.
    """
    return dump.read(archive.path).roles


def of_scripts(files: Sequence[Path]) -> tuple[str, ...]:
    """Return the names of the roles that scripts mention, but for those that one of them makes."""
    found = [dump.read(path) for path in files]
    found += [inner for path, one in zip(files, found, strict=True) for _, (_, inner) in admitted.included(path, one)]
    made = {role for one in found for role in one.made}
    return tuple(sorted({role for one in found for role in one.roles} - made))

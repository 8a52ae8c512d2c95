"""Which modes of table locks conflict, as PostgreSQL's documentation has them in its table (13.3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from ..config.values import LockMode

_SHARE_UPDATE = frozenset(
    {"ShareUpdateExclusiveLock", "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"}
)
_CONFLICTS: Mapping[str, frozenset[str]] = {
    "AccessShareLock": frozenset({"AccessExclusiveLock"}),
    "RowShareLock": frozenset({"ExclusiveLock", "AccessExclusiveLock"}),
    "RowExclusiveLock": _SHARE_UPDATE - {"ShareUpdateExclusiveLock"},
    "ShareUpdateExclusiveLock": _SHARE_UPDATE,
    "ShareLock": (_SHARE_UPDATE | {"RowExclusiveLock"}) - {"ShareLock"},
    "ShareRowExclusiveLock": _SHARE_UPDATE | {"RowExclusiveLock"},
    "ExclusiveLock": _SHARE_UPDATE | {"RowExclusiveLock", "RowShareLock"},
    "AccessExclusiveLock": frozenset(get_args(LockMode)),
}


def conflict(mode: str, other: str) -> bool:
    """Tell whether two sessions cannot hold these locks of one relation at once."""
    return other in _CONFLICTS.get(mode, frozenset())

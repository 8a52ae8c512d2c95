"""The lock modes that are named here, as pg_locks writes them."""

from __future__ import annotations

EXCLUSIVE = "AccessExclusiveLock"
SHARE_ROW = "ShareRowExclusiveLock"
SHARE_UPDATE = "ShareUpdateExclusiveLock"

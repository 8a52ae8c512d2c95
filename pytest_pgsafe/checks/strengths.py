"""Modes of locks, by their strength."""

from __future__ import annotations

from typing import get_args

from ..config.values import LockMode

#: pg_locks.mode from weak to strong.
MODES: tuple[str, ...] = get_args(LockMode)
#: From here on a lock keeps writers out.
STRONG = MODES.index("ShareLock")


def strength(mode: str) -> int:
    """Return a mode's place from weak to strong; an unknown one is stronger than all."""
    return MODES.index(mode) if mode in MODES else len(MODES)


def keeps_out(mode: str) -> bool:
    """Tell whether a lock keeps writers out."""
    return strength(mode) >= STRONG


def whom(mode: str) -> str:
    """Return whom a lock keeps out."""
    return "readers and writers" if mode == "AccessExclusiveLock" else "writers"

"""Rehearse PostgreSQL migrations on a restored backup, and fail the test run on what they would harm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .snapshot.values import Snapshot
    from .testing.assertions import assert_denormalized, assert_no_fk_nulls, assert_rows, assert_same
    from .testing.database import ScratchDatabase, SourceDatabase
    from .testing.recovered import RecoveredDatabase
    from .testing.server import ScratchServer

__version__ = "0.1.0"
__all__ = [
    "RecoveredDatabase",
    "ScratchDatabase",
    "ScratchServer",
    "Snapshot",
    "SourceDatabase",
    "assert_denormalized",
    "assert_no_fk_nulls",
    "assert_rows",
    "assert_same",
]

#: Where each public name is found, once it is asked for: every run of pytest loads this module.
_HOMES = {
    "RecoveredDatabase": "testing.recovered",
    "ScratchDatabase": "testing.database",
    "ScratchServer": "testing.server",
    "Snapshot": "snapshot.values",
    "SourceDatabase": "testing.database",
    "assert_denormalized": "testing.assertions",
    "assert_no_fk_nulls": "testing.assertions",
    "assert_rows": "testing.assertions",
    "assert_same": "testing.assertions",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

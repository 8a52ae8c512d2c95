"""Settings: resolved once, frozen; which source wins: command line, environment, file, default."""

from __future__ import annotations

from .find import FILE_NAME
from .resolve import resolve
from .values import (
    Budget,
    Changed,
    Denormalized,
    Dropped,
    Expect,
    LockBudget,
    Moved,
    Options,
    Reference,
    Renamed,
    Report,
    RowsRule,
    Server,
    Settings,
    Source,
    ValuesRule,
    Way,
)

__all__ = [
    "FILE_NAME",
    "Budget",
    "Changed",
    "Denormalized",
    "Dropped",
    "Expect",
    "LockBudget",
    "Moved",
    "Options",
    "Reference",
    "Renamed",
    "Report",
    "RowsRule",
    "Server",
    "Settings",
    "Source",
    "ValuesRule",
    "Way",
    "resolve",
]

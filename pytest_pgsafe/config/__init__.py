"""Settings: resolved once, frozen; which source wins: command line, environment, file, default."""

from __future__ import annotations

from .expectations import Changed, Converted, Dropped, Expect, Moved, Renamed, RowsRule, ValuesRule
from .find import FILE_NAME
from .resolve import resolve
from .values import Budget, Denormalized, LockBudget, Options, Reference, Report, Server, Settings, Source, Way

__all__ = [
    "FILE_NAME",
    "Budget",
    "Changed",
    "Converted",
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

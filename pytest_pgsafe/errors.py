"""What can go wrong, as one tree.

::

    PgsafeError
    ├── UsageError            exit status 4: found out before the first step
    │   ├── ConfigError       an option, a key or a file that cannot be used
    │   ├── SourceError       the source cannot be reached, or is none
    │   ├── ServerError       no scratch server can be had
    │   └── DiskFullError     a disk became full on the way: nothing was found out, as if nothing was begun
    └── StepError             exit status 1: a step of the rehearsal failed
        ├── BackupError
        ├── RestoreError
        ├── SnapshotError
        ├── MigrationError
        ├── CopyError         a scratch database could not be made or dropped
        └── StorageError      a store off site refused, or does not hold what it should

Every error says what is missing, what was looked at and what to do. Passwords never are part of one.
"""

from __future__ import annotations

from collections.abc import Sequence

from .passwords import redact

__all__ = [
    "BackupError",
    "ConfigError",
    "CopyError",
    "DiskFullError",
    "MigrationError",
    "PgsafeError",
    "RestoreError",
    "ServerError",
    "SnapshotError",
    "SourceError",
    "StepError",
    "StorageError",
    "UsageError",
]


class PgsafeError(Exception):
    """Base of all errors that pgsafe raises on purpose.

    :param message: what is missing or went wrong, one sentence.
    :param looked_at: the places or values that were tried, in order.
    :param remedies: what the reader can do about it, one suggestion each.
    """

    def __init__(self, message: str, *, looked_at: Sequence[str] = (), remedies: Sequence[str] = ()) -> None:
        message = redact(message)
        super().__init__(message)
        self.message = message
        self.looked_at = tuple(map(redact, looked_at))
        self.remedies = tuple(remedies)

    def __str__(self) -> str:
        lines = [self.message]
        lines += [f"  looked at: {place}" for place in self.looked_at]
        lines += [f"  remedy: {remedy}" for remedy in self.remedies]
        return "\n".join(lines)


class UsageError(PgsafeError):
    """Nothing was started: the call, the configuration or the surroundings do not allow it."""


class ConfigError(UsageError):
    """An option, an environment variable, a key or a file that cannot be used as it stands."""


class SourceError(UsageError):
    """What is to be protected cannot be reached or read."""


class ServerError(UsageError):
    """No PostgreSQL server for scratch databases can be had."""


class DiskFullError(UsageError):
    """A disk became full on the way; what was begun is gone again."""


class StepError(PgsafeError):
    """A step of a rehearsal or a drill failed; the report names the step."""


class BackupError(StepError):
    """The backup could not be taken, or is not what its manifest says."""


class RestoreError(StepError):
    """The backup could not be restored completely."""


class SnapshotError(StepError):
    """The facts of a database could not be read completely."""


class MigrationError(StepError):
    """The migration or its way back failed, or did not run on the copy."""


class CopyError(StepError):
    """A scratch database could not be created, cloned or dropped."""


class StorageError(StepError):
    """A store refused a backup, or does not hold what was sent to it."""

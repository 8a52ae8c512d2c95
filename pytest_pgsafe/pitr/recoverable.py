"""What a cluster is that can be recovered here, whoever keeps its files."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from ..server.recovered import RecoveredServer
from .engines.recover import Restored


class Recoverable(Protocol):
    """A cluster of somebody else's, looked at and not yet recovered."""

    @property
    def kind(self) -> str:
        """For people."""
        ...

    @property
    def major(self) -> int: ...

    @property
    def size(self) -> int:
        """Bytes of its files."""
        ...

    @property
    def dbname(self) -> str | None:
        """The database that is meant; None where the cluster has only one."""
        ...

    @property
    def facts(self) -> Path | None:
        """Facts that the recovered database has to equal."""
        ...

    @property
    def identity(self) -> tuple[str, ...]:
        """What tells what is recovered from anything else that could be."""
        ...

    def recovered(self, *, jobs: int) -> AbstractContextManager[tuple[RecoveredServer, Restored]]:
        """Yield a server of our own with the cluster; afterwards all of it is gone.

        :param jobs: processes that restore.
        :raises StepError: it cannot be recovered.
        """
        ...

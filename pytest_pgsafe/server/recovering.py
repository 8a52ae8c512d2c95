"""Where a cluster is recovered: by programs of this machine, or in a container."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from .container_place import ContainerPlace
from .programs import LocalPrograms
from .recovered import RecoveredServer
from .recovered_container import RecoveredContainer

Place: TypeAlias = LocalPrograms | ContainerPlace
Recovering: TypeAlias = RecoveredServer | RecoveredContainer


def start(
    place: Place,
    data: Path,
    *,
    wal: Path,
    settings: Mapping[str, str],
    superuser: str,
    wait: float,
    take: bool = False,
) -> Recovering:
    """Recover a data directory on a server of our own, and wait until it is promoted.

    :param data: its tablespaces lie within it; it is only read.
    :param wal: the folder of WAL that ``restore_command`` in the settings reads.
    :param superuser: a role of the cluster's.
    :param wait: seconds for the whole recovery.
    :param take: the data directory is nobody's backup: it may be moved instead.
    :raises ServerError: it ended before; the end of its log is in ``looked_at``.
    """
    if isinstance(place, LocalPrograms):
        return RecoveredServer.recover(place, data, settings=settings, superuser=superuser, wait=wait, take=take)
    return RecoveredContainer.recover(
        place.engine, place.image, data,
        version=place.version, wal=wal, settings=settings, superuser=superuser, wait=wait,
    )  # fmt: skip

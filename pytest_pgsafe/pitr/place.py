"""Where a cluster is recovered: programs of this machine, or a container; both of the base backup's major."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from ..errors import BackupError, RestoreError, ServerError
from ..server import programs
from ..server.programs import LocalPrograms
from . import chain
from .base import DATA, Base
from .base import verify as verify_one

Place: TypeAlias = LocalPrograms


def place_for(base: Base, use: str = "auto", image: str | None = None) -> Place:
    """Choose where a base backup can be recovered.

    :param use: ``local``, ``container``; anything else is programs of this machine where there are some of the very
        major, else a container: the cluster and its WAL need not be carried anywhere. An existing server recovers
        nothing.
    :param image: None is the official one.
    :raises ServerError: there is none, with everything that was looked at.
    """
    if use == "container" or image is not None:
        raise ServerError("a recovery needs programs of this machine", remedies=["--pgsafe-server=local"])
    return programs.find(int(base.server_version.split(".")[0]))


def verify(path: Path, base: Base, bases: Sequence[tuple[Path, Base]], place: Place) -> tuple[str, ...]:
    """Return what pg_verifybackup objects to in a base backup, and in those that an incremental one is made on.

    :raises ServerError: there is no such program.
    """
    try:
        found = chain.links(path, base, bases)
    except RestoreError as error:
        return (error.message,)
    for folder, _ in found:
        try:
            verify_one(folder / DATA, place)
        except BackupError as error:
            lines = [line.replace(f"{folder / DATA}/", "") for line in error.looked_at]
            return tuple(f"{folder.name}: {line}" for line in lines) or (f"{folder.name}: {error.message}",)
    return ()

"""Where a cluster is recovered: programs of this machine, or a container; both of the base backup's major."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import BackupError, RestoreError, ServerError
from ..server import engine, programs
from ..server.container_place import ContainerPlace
from ..server.programs import LocalPrograms
from ..server.recovering import Place
from ..server.version import Version
from . import chain
from .base import Base, data_of
from .base import verify as verify_one


def place_for(base: Base, use: str = "auto", image: str | None = None) -> Place:
    """Choose where a base backup can be recovered.

    :param use: ``local``, ``container``; anything else is programs of this machine where there are some of the very
        major, else a container: so the cluster and its WAL need not be carried anywhere. An existing server recovers
        nothing.
    :param image: None is the official one of the major.
    :raises ServerError: there is none, with everything that was looked at.
    """
    major = Version.parse(base.server_version).major
    if use == "container":
        return _container(major, image)
    try:
        return _local(major)
    except ServerError as refused:
        if use == "local":
            raise
        try:
            return _container(major, image)
        except ServerError as error:
            raise ServerError(
                f"nothing can recover a cluster of PostgreSQL {major}: {refused.message}; {error.message}",
                looked_at=[*refused.looked_at, *error.looked_at],
                remedies=list(dict.fromkeys([*refused.remedies, *error.remedies])),
            ) from error


def _local(major: int) -> LocalPrograms:
    found = programs.find(major)
    if found.version.major != major:
        raise ServerError(
            f"a cluster of PostgreSQL {major} is recovered by programs of the same major alone",
            looked_at=[f"{found.origin}: {found.version}"],
            remedies=[f"install PostgreSQL {major} beside it (Debian, Ubuntu: apt-get install postgresql-{major})"],
        )
    return found


def _container(major: int, image: str | None) -> ContainerPlace:
    return ContainerPlace(engine.find(), f"postgres:{major}" if image is None else image, major=major)


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
            verify_one(data_of(folder), place)
        except BackupError as error:
            lines = [line.replace(f"{data_of(folder)}/", "") for line in error.looked_at]
            return tuple(f"{folder.name}: {line}" for line in lines) or (f"{folder.name}: {error.message}",)
    return ()

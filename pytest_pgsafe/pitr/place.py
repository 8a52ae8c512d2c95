"""Where a cluster is recovered: programs of this machine, or a container; both of the base backup's major."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from ..server import programs
from ..server.programs import LocalPrograms
from .base import DATA, Base

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


def verify(path: Path, place: Place) -> tuple[str, ...]:
    """Return what pg_verifybackup objects to in a base backup.

    :raises ServerError: there is no such program.
    """
    data = path / DATA
    done = place.run("pg_verifybackup", ["--quiet", str(data)], files=[data])
    if done.returncode == 0:
        return ()
    lines = [line.replace(f"{data}/", "") for line in done.stderr.strip().splitlines()]
    return tuple(lines[:20]) or (f"pg_verifybackup ended with status {done.returncode}",)

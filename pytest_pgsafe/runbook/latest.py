"""Which backup is meant where none is named: the latest, by manifests and proofs and not by the times of files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..backup import store
from ..backup.store import Stored
from ..errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Latest:
    folder: Path
    #: Complete backups that are newer and not proven.
    newer: tuple[Path, ...] = ()


def latest(root: Path, *, environment: str | None = None, proven: bool) -> Latest:
    """Return the latest complete backup under a root.

    :param environment: look there alone; None looks everywhere.
    :param proven: the latest of those that are proven.
    :raises ConfigError: there is none, or there are several databases.
    """
    found = store.find(root if environment is None else root / environment)
    complete = [one for one in found if one.manifest is not None]
    chosen: dict[tuple[Path, str], Stored] = {one.line: one for one in complete if one.proven or not proven}
    if not chosen:
        raise ConfigError(
            "no backup is proven" if complete else "there is no complete backup",
            looked_at=[str(one.folder) for one in reversed(complete)][:5] or [str(root)],
            remedies=[
                "pgsafe verify proves the latest" if complete else "pgsafe backup --verify takes one, and proves it"
            ],
        )
    if len(chosen) > 1:
        raise ConfigError(
            f"backups of {len(chosen)} databases are there, and none is named",
            looked_at=[f"{one.folder}: {one.line[1]}" for one in chosen.values()],
            remedies=[
                "name the folder of one of them",
                "--environment=NAME, or environment in [backup] of pgsafe.toml",
            ],
        )
    (one,) = chosen.values()
    same = [each for each in complete if each.line == one.line]
    return Latest(folder=one.folder, newer=tuple(each.folder for each in same[same.index(one) + 1 :]))

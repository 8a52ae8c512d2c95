"""Backups that are kept, for tests of them: which one is the latest, and whether it is proven."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from ..backup.proof import Proof
from ..config.commands import keys
from ..config.forms import duration
from ..config.values import Settings
from ..errors import ConfigError
from ..runbook.latest import latest as latest_of
from ..runbook.verify import Scratch
from ..runbook.verify import verify as prove
from .plain import plain


@plain
def latest(settings: Settings, *, proven: bool) -> Path:
    """Return the latest backup under ``[backup] root``.

    :param proven: the latest of those that are proven.
    :raises ConfigError: no root is named, or there is no such backup, or more than one.
    """
    file = None if settings.file is None else str(settings.file)
    said = keys(file, environment=os.environ, here=settings.folder)["backup"]
    if "root" not in said:
        raise ConfigError(
            "no backup is named",
            looked_at=["the argument", "PGSAFE_BACKUP_ROOT", "[backup] root in pgsafe.toml"],
            remedies=["name its folder, or where backups are kept: [backup] root"],
        )
    return latest_of(Path(said["root"]), environment=said.get("environment"), proven=proven).folder


@plain
def verify(settings: Settings, backup: str | Path | None, max_age: str | None) -> Proof:
    """Verify a backup as ``pgsafe verify`` does, on a scratch server of its own; its proof is not replaced.

    :param backup: its folder, or a packed one; None is the latest.
    :param max_age: ``24h``, ``7d``: an older one fails.
    :raises AssertionError: it is not proven, or too old; with each check that failed.
    :raises ConfigError: there is no such backup.
    """
    path = latest(settings, proven=False) if backup is None else settings.folder / Path(backup)
    scratch = Scratch(
        use=settings.server.use,
        image=settings.server.image,
        preload=settings.server.preload,
        superuser=settings.server.superuser,
    )
    age = None if max_age is None else timedelta(seconds=duration(max_age))
    found = prove(path, scratch, max_age=age, record=False)
    failed = [f"{one.name}: {one.said}" for one in found.outcomes if one.result == "failed"]
    if failed or not found.proven:
        skipped = [f"{one.name}: not looked at, {one.said}" for one in found.outcomes if one.result == "skipped"]
        raise AssertionError("\n  ".join([f"the backup {path} is not what it should be", *failed, *skipped]))
    return found

"""Retention at work: what may go is shown, and goes when that was asked for; nobody's backup is pulled away."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..backup import manifest, retention, store
from ..backup.lock import alone
from ..backup.retention import Dated, Policy
from ..backup.store import Stored
from ..progress import SILENT, Progress


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """What was decided, and done if it was asked for."""

    #: Why each is kept.
    kept: tuple[tuple[Stored, tuple[str, ...]], ...]
    #: What may go; with ``apply`` it is gone.
    removed: tuple[Path, ...]
    #: What may go and is in use.
    in_use: tuple[Path, ...]
    #: Folders that are no backup, for somebody to look at.
    faulty: tuple[Stored, ...]


def prune(root: Path, policy: Policy, now: datetime, *, apply: bool, progress: Progress = SILENT) -> Pruned:
    """Decide by the retention policy what may go, for each database in each environment by itself.

    :param apply: remove it; without this nothing is touched.
    :raises ConfigError: there is no such folder.
    """
    backups = store.find(root)
    proven = _proven(backups, progress)
    lines: dict[tuple[Path, str], dict[Stored, Dated]] = {}
    for one in backups:
        if one.manifest is not None:
            dated = Dated(
                taken_at=one.manifest.taken_at, proven=one.folder in proven, keep_until=one.manifest.keep_until
            )
            lines.setdefault(one.line, {})[one] = dated
    kept: list[tuple[Stored, tuple[str, ...]]] = []
    may_go: list[Path] = []
    for line in lines.values():
        named = {one.folder: dated for one, dated in line.items()}
        reasons = retention.kept(named, policy, now)
        kept += [(one, reasons[one.folder]) for one in line if reasons[one.folder]]
        may_go += [one.folder for one in line if not reasons[one.folder]]
    may_go += [folder for folder in store.interrupted(root) if not _used(folder)]
    in_use = [folder for folder in may_go if _used(folder)]
    removed = [folder for folder in may_go if folder not in in_use]
    if apply:
        busy = [folder for folder in removed if not _remove(folder)]
        in_use += busy
        removed = [folder for folder in removed if folder not in busy]
    return Pruned(
        kept=tuple(kept),
        removed=tuple(removed),
        in_use=tuple(in_use),
        faulty=tuple(one for one in backups if one.manifest is None),
    )


def _proven(backups: tuple[Stored, ...], progress: Progress) -> set[Path]:
    """Return the backups that are proven and still whole: of each line the newest by its checksums, others by size."""
    found: set[Path] = set()
    newest: set[tuple[Path, str]] = set()
    for one in reversed(backups):
        if one.manifest is None or not one.proven or manifest.sizes(one.folder, one.manifest):
            continue
        if one.line not in newest and manifest.check(one.folder, one.manifest, progress.within(one.folder.name)):
            continue
        newest.add(one.line)
        found.add(one.folder)
    return found


def _used(folder: Path) -> bool:
    with alone(folder) as free:
        return not free


def _remove(folder: Path) -> bool:
    """Remove a folder that nobody uses; what is half removed has no name of a backup."""
    with alone(folder) as free:
        if not free:
            return False
        going = folder.with_name(f".{folder.name.lstrip('.')}.partial-{os.getpid()}")
        folder.rename(going)
        manifest.remove(going)
    return True

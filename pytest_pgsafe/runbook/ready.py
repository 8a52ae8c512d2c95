"""May a migration begin? What the backups under a root say, by their manifests and proofs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ..backup import manifest, store
from ..backup.store import Stored
from ..config.forms import span
from ..progress import SILENT, Progress

#: A migration wants a backup of today.
MAX_AGE = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Status:
    """What there is under a root, and whether it will do."""

    backups: tuple[Stored, ...]
    interrupted: tuple[Path, ...]
    #: Why a migration must not begin; none means that it may.
    reasons: tuple[str, ...]

    @property
    def ready(self) -> bool:
        return not self.reasons


def status(
    root: Path,
    now: datetime,
    *,
    max_age: timedelta = MAX_AGE,
    checksums: bool = True,
    progress: Progress = SILENT,
) -> Status:
    """Judge what is under a root, an environment's folder or a backup's own.

    Of each database in each environment the newest proven backup decides: how old its snapshot is, whether its files
    still are what was proven, and whether a newer one failed.

    :param checksums: hash the files of the backups that decide; without it only their sizes are looked at.
    :raises ConfigError: there is no such folder.
    """
    backups = store.find(root)
    reasons = [f"{one.folder}: {one.fault}" for one in backups if one.manifest is None]
    lines = {one.line: [each for each in backups if each.line == one.line] for one in backups if one.manifest}
    if not lines:
        reasons.append("there is no complete backup")
    for line in lines.values():
        reasons += _judge(line, now, max_age, checksums=checksums, progress=progress)
    return Status(backups=backups, interrupted=store.interrupted(root), reasons=tuple(reasons))


def _judge(
    line: Sequence[Stored], now: datetime, max_age: timedelta, *, checksums: bool, progress: Progress
) -> list[str]:
    """Judge the backups of one database, oldest first."""
    newest = line[-1]
    assert newest.manifest is not None
    what = f"{newest.folder.parent.name}, database {newest.manifest.database}"
    proven = [one for one in line if one.proven]
    reasons: list[str] = []
    if newest.proof is not None and not newest.proof.proven:
        failed = [outcome.name for outcome in newest.proof.outcomes if outcome.result != "passed"]
        reasons.append(f"{what}: the newest backup {newest.folder.name} was verified and failed: {', '.join(failed)}")
    if not proven:
        return reasons or [f"{what}: no backup is proven; pgsafe verify {newest.folder} proves the newest"]
    best = proven[-1]
    assert best.manifest is not None
    age = now - best.manifest.taken_at
    if age > max_age:
        reasons.append(f"{what}: the newest proven backup {best.folder.name} is {span(age)} old, not {span(max_age)}")
    if age < -timedelta(minutes=5):
        reasons.append(f"{what}: the backup {best.folder.name} was taken in the future; a clock is wrong")
    faults = (
        manifest.check(best.folder, best.manifest, progress.within(best.folder.name))
        if checksums
        else manifest.sizes(best.folder, best.manifest)
    )
    reasons += [f"{what}: {best.folder.name} is no longer what was proven: {fault}" for fault in faults[:5]]
    if best.manifest.environment not in {"", best.folder.parent.name}:
        reasons.append(f"{what}: {best.folder.name} is of the environment {best.manifest.environment}, by its manifest")
    return reasons

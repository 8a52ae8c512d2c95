"""The monthly archive: of each database in each environment the newest proven backup of a month, as one file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from ..backup import packed, store
from ..backup.lock import in_use
from ..backup.packed import Packed
from ..backup.store import Stored
from ..errors import ConfigError, StepError
from ..progress import SILENT, Progress


@dataclass(frozen=True, kw_only=True)
class Archived:
    """The backup of one database in one environment."""

    backup: Path
    packed: Packed


@dataclass(frozen=True, kw_only=True)
class Month:
    archived: tuple[Archived, ...]
    #: Databases of which a month has backups and no archive, and why.
    failures: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return bool(self.archived) and not self.failures


def before(now: datetime) -> str:
    """Return the last month that is over, in UTC, as ``YYYY-MM``."""
    at = now.astimezone(timezone.utc)
    return f"{at.year - (at.month == 1):04}-{(at.month - 2) % 12 + 1:02}"


def archive(
    root: Path, month: str, *, to: Path | None = None, environment: str | None = None, progress: Progress = SILENT
) -> Month:
    """Pack of each database in each environment the newest proven backup of a month.

    :param month: ``YYYY-MM``, in UTC.
    :param to: a folder for all of them, by environment; None is the environment's own, beside the backups.
    :param environment: of this one alone.
    :raises ConfigError: there is no such folder, or no backup of this month in it.
    """
    found = store.find(root if environment is None else root / environment)
    lines: dict[tuple[Path, str], list[Stored]] = {}
    for one in found:
        if one.manifest is not None and f"{one.manifest.taken_at.astimezone(timezone.utc):%Y-%m}" == month:
            lines.setdefault(one.line, []).append(one)
    if not lines:
        raise ConfigError(
            f"there is no backup of {month}",
            looked_at=[str(one.folder) for one in found][-5:] or [str(root)],
            remedies=["--month=YYYY-MM names another month"],
        )
    archived: list[Archived] = []
    failures: list[str] = []
    for (place, database), backups in lines.items():
        proven = [one for one in backups if one.proven]
        if not proven:
            failures.append(f"{place.name}, database {database}: none of {len(backups)} backups of {month} is proven")
            continue
        newest = proven[-1].folder
        name = f"{store.environment_of(database)}-{month}{packed.SUFFIX}"
        file = (place if to is None else to / place.name) / name
        try:
            with in_use(newest):
                archived.append(Archived(backup=newest, packed=packed.pack(newest, file, progress)))
        except StepError as error:
            failures.append(f"{newest}: {' '.join(str(error).split())}")
    return Month(archived=tuple(archived), failures=tuple(failures))

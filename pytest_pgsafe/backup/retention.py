"""Which backups are kept: a pure function of when each was taken and whether it is proven."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Grandfather, father, son: of how many of the last days, ISO weeks, months and years one backup is kept."""

    daily: int = 7
    weekly: int = 4
    monthly: int = 12
    yearly: int = 7


@dataclass(frozen=True, kw_only=True)
class Dated:
    """What retention knows of a backup."""

    taken_at: datetime
    proven: bool
    keep_until: datetime | None = None


_CLASSES: Mapping[str, Callable[[datetime], tuple[int, ...]]] = {
    "daily": lambda at: (at.year, at.month, at.day),
    "weekly": lambda at: tuple(at.isocalendar()[:2]),
    "monthly": lambda at: (at.year, at.month),
    "yearly": lambda at: (at.year,),
}


def kept(backups: Mapping[Key, Dated], policy: Policy, now: datetime) -> dict[Key, tuple[str, ...]]:
    """Return why each backup is kept; one without a reason may be removed.

    The newest proven backup of each of the last days, weeks, months and years that have one is kept (in UTC; days
    without a backup do not count, so that a source which is gone does not lose its backups by time alone). Those
    that are not proven never take the place of a proven one: of the last days only one is kept. Where nothing
    is proven, nothing is removed.
    """
    reasons: dict[Key, list[str]] = {key: [] for key in backups}
    newest = sorted(backups, key=lambda key: backups[key].taken_at, reverse=True)
    proven = [key for key in newest if backups[key].proven]
    if not proven:
        return dict.fromkeys(backups, ("no backup is proven: none is removed",))
    for name, bucket in _CLASSES.items():
        for key in _representatives(proven, backups, bucket, policy, name):
            reasons[key].append(name)
    day = _CLASSES["daily"]
    recent = {day(_utc(backups[key])) for key in _representatives(newest, backups, day, policy, "daily")}
    unproven = [key for key in newest if not backups[key].proven and day(_utc(backups[key])) in recent]
    for key in _representatives(unproven, backups, day, policy, "daily"):
        reasons[key].append("daily, not proven")
    reasons[proven[0]].append("the last proven backup")
    reasons[newest[0]].append("the newest backup")
    for key, one in backups.items():
        if one.keep_until is not None and one.keep_until > now:
            reasons[key].append(f"promised until {one.keep_until:%Y-%m-%d}")
    return {key: tuple(words) for key, words in reasons.items()}


def _representatives(
    newest_first: Iterable[Key],
    backups: Mapping[Key, Dated],
    bucket: Callable[[datetime], tuple[int, ...]],
    policy: Policy,
    name: str,
) -> list[Key]:
    most: int = getattr(policy, name)
    found: dict[tuple[int, ...], Key] = {}
    for key in newest_first:
        found.setdefault(bucket(_utc(backups[key])), key)
    return list(found.values())[:most]


def _utc(backup: Dated) -> datetime:
    return backup.taken_at.astimezone(timezone.utc)

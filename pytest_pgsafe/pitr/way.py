"""Which timelines a recovery follows, and from which base backup it begins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import ConfigError
from .archive import Archive
from .base import Base
from .target import Target
from .timelines import Line

#: Words for timelines, as PostgreSQL's recovery_target_timeline has them.
LATEST, CURRENT = "latest", "current"


def choose(bases: Sequence[tuple[Path, Base]], target: Target) -> tuple[Path, Base]:
    """Return the newest base backup from which a target can be recovered.

    :raises ConfigError: there is none.
    """
    fitting = [pair for pair in bases if target.after(pair[1])]
    if not fitting:
        oldest = bases[0][1]
        raise ConfigError(
            f"no base backup ended before {target}",
            looked_at=[f"{path}: ended at {base.ended_at:%Y-%m-%d %H:%M:%S} UTC, {base.end}" for path, base in bases],
            remedies=[f"the first moment that can be recovered is {oldest.ended_at.isoformat()}"],
        )
    return fitting[-1]


def follow(archive: Archive, bases: Sequence[tuple[Path, Base]], target: Target, timeline: str) -> Line:
    """Return the timelines that a recovery follows.

    :param timeline: ``latest``, ``current`` or a number.
    :raises ConfigError: there is no such timeline in the archive.
    """
    if timeline == CURRENT:
        return archive.line(choose(bases, target)[1].timeline, latest=False)
    if timeline == LATEST:
        return max((archive.line(base.timeline) for _, base in bases), key=lambda line: line.timeline)
    known = sorted(
        {*archive.histories, *(one.timeline for one in archive.segments), *(base.timeline for _, base in bases)}
    )
    if not timeline.isdigit() or int(timeline) not in known:
        raise ConfigError(
            f"there is no timeline {timeline}",
            looked_at=[f"{archive.folder}: timelines {', '.join(str(one) for one in known)}"],
            remedies=["--timeline=latest, current, or one of these"],
        )
    return archive.line(int(timeline), latest=False)


def along(bases: Sequence[tuple[Path, Base]], line: Line) -> Sequence[tuple[Path, Base]]:
    """Return the base backups that a timeline comes from, and none of a branch that was left.

    :raises ConfigError: there is none.
    """
    found = [(path, base) for path, base in bases if line.holds(base.timeline, base.end_lsn)]
    if not found:
        raise ConfigError(
            f"no base backup lies on the way of timeline {line.timeline}",
            looked_at=[
                f"timelines: {line}",
                *(f"{path}: timeline {base.timeline}, ended at {base.end}" for path, base in bases),
            ],
            remedies=["--timeline=current follows that of the base backup"],
        )
    return found

"""The newest moment that an archive can be recovered to, as its WAL says: read, not recovered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..errors import ServerError
from ..server import programs
from ..server.programs import LocalPrograms
from ..server.version import Version
from . import archive as wal_archive
from . import offered, way
from .base import Base
from .offered import Offer
from .target import Target

_ENDED = re.compile(r"desc: (?:COMMIT|ABORT)(?:_PREPARED \d+:)? (?P<moment>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}) UTC")


@dataclass(frozen=True, kw_only=True)
class Newest:
    """The newest moment, by the source's clock."""

    moment: datetime | None
    #: What shows it, or why it is not known.
    by: str

    def lines(self, now: datetime) -> list[str]:
        """Return it for people.

        :param now: by the same clock.
        """
        if self.moment is None:
            return [f"newest recoverable moment: not known: {self.by}"]
        age = (now - self.moment).total_seconds()
        return [f"newest recoverable moment: {self.moment.isoformat()}, {age:.0f} s ago ({self.by})"]

    def data(self, now: datetime) -> dict[str, Any]:
        """Return it for machines."""
        moment = self.moment
        return {
            "newest_moment": None if moment is None else moment.isoformat(),
            "newest_epoch": None if moment is None else round(moment.timestamp(), 6),
            "age_seconds": None if moment is None else round((now - moment).total_seconds(), 3),
            "newest_by": self.by,
        }


def newest_moment(folder: Path, bases: Sequence[tuple[Path, Base]]) -> Newest:
    """Return the newest moment that can be recovered from the newest base backup, up to a gap.

    :param folder: of the archive.
    :param bases: of one cluster, oldest first.
    :raises ConfigError: the archive cannot be read.
    """
    archive = wal_archive.read(folder, bases[-1][1].segment_size)
    target = Target(kind="end")
    line = way.follow(archive, bases, target, way.LATEST)
    path, base = way.choose(way.along(bases, line), target)
    offer = offered.of(archive, base, line)
    major = Version.parse(base.server_version).major
    try:
        local = programs.find(major)
        with offered.shown(offer) as shown:
            found = _last(offer, shown, local)
    except ServerError as error:
        return Newest(moment=None, by=error.message)
    begun = base.started_at.astimezone(timezone.utc)
    if found is None or found[0] < begun:
        # What was committed before a base backup was begun is in it.
        return Newest(moment=begun, by=f"the base backup {path.name}: no transaction after it")
    return Newest(moment=found[0], by=f"the last transaction, in {found[1]}")


def _last(offer: Offer, folder: Path, local: LocalPrograms) -> tuple[datetime, str] | None:
    """Return when the last transaction ended before a fault, and in which segment."""
    size = offer.archive.size
    wall = min((fault.number for fault in offer.faults), default=None)
    for segment in reversed(offer.segments):
        name = segment.name(size)
        if (wall is not None and segment.number >= wall) or not (folder / name).exists():
            continue
        arguments = [f"--path={folder}", "--rmgr=Transaction", name, name]
        # At the segment's end it ends with an error; what it read is written before.
        done = local.run("pg_waldump", arguments, environment={"TZ": "UTC"})
        if ends := _ENDED.findall(done.stdout):
            # As they were written, which is not always the order of their times.
            moment = datetime.fromisoformat(ends[-1]).replace(tzinfo=timezone.utc)
            return moment, name
    return None

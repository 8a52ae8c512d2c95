"""Which base backups and which WAL may go: never what one that stays is made of, or is recovered with."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..backup.lock import alone
from ..errors import ConfigError, RestoreError
from ..server.base import Programs
from . import chain, wal
from .base import RECORD, Base
from .wal import Segment

#: Before a folder is removed it gets this name: nobody finds half a base backup under its own.
_LEAVING = ".pgsafe-leaving-"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What stays and what may go."""

    #: With the reason, oldest first.
    kept: tuple[tuple[Path, str], ...]
    #: In the order in which they are removed: one that is made on another before it.
    removed: tuple[Path, ...]
    #: Files of the archive, oldest first.
    wal: tuple[str, ...]
    #: The segment from which on all WAL stays.
    first: str


def plan(bases: Sequence[tuple[Path, Base]], archive: Path | None, *, keep: int, since: datetime | None = None) -> Plan:
    """Say what may go.

    Kept are the newest full base backups and all that is made on them, what a recovery to any moment since a time
    begins with, and whatever any of these is made of.

    :param bases: all of the root, of one cluster, oldest first.
    :param keep: how many full base backups; at least one.
    :raises ConfigError: there are base backups of several clusters, or the archive is not of this one.
    """
    if len({base.system for _, base in bases}) > 1:
        raise ConfigError(
            "the base backups are of several clusters",
            looked_at=[f"{path}: system identifier {base.system}" for path, base in bases],
            remedies=["give each cluster a folder of its own"],
        )
    whole = {path: links for path, base in bases if (links := _links(path, base, bases))}
    # What pg_basebackup alone took is not ours to remove.
    foreign = {path: "was not taken by pgsafe" for path, _ in bases if not (path / RECORD).exists()}
    full = [path for path, base in bases if base.on is None and path not in foreign][-keep:]
    if not full:
        raise ConfigError("there is no full base backup: nothing may go", looked_at=[str(path) for path, _ in bases])
    reasons: dict[Path, str] = {**foreign, **dict.fromkeys(full, "full")}
    for path, links in whole.items():
        if links[0] in full and path not in reasons:
            reasons[path] = f"made on {links[-2].name}"
    if since is not None:
        before = [path for path, base in bases if path in whole and base.ended_at <= since][-1:]
        after = [path for path, base in bases if path in whole and base.ended_at > since]
        for path in (*before, *after):
            reasons.setdefault(path, f"recovers to {since:%Y-%m-%d %H:%M} UTC and later")
            for link in whole[path]:
                reasons.setdefault(link, f"{path.name} is made on it")
    # What it needs may be brought back; it keeps no WAL.
    reasons |= {
        path: "cannot be recovered: one that it is made on is missing" for path, _ in bases if path not in whole
    }
    kept = [(path, base) for path, base in bases if path in reasons]
    oldest = min((base for path, base in kept if path in whole), key=lambda base: base.start_lsn)
    first = Segment.of(oldest.start_lsn, oldest.timeline, oldest.segment_size)
    return Plan(
        kept=tuple((path, reasons[path]) for path, _ in kept),
        removed=tuple(path for path, _ in reversed(bases) if path not in reasons),
        wal=() if archive is None else _older(archive, first, oldest),
        first=first.name(oldest.segment_size),
    )


def apply(found: Plan, archive: Path | None, programs: Programs) -> tuple[Path, ...]:
    """Remove what may go, once what stays is proven; return the base backups that are gone.

    One that somebody uses stays, and so do all older ones and all WAL: it may be made on them, and recovered with it.

    :raises RestoreError: one that is to stay is damaged; nothing is removed.
    """
    for path, _ in found.kept:
        chain.prove(path, programs)
    gone: list[Path] = []
    for path in found.removed:
        with alone(path) as free:
            if not free:
                return tuple(gone)
            leaving = path.with_name(f"{_LEAVING}{path.name}")
            path.rename(leaving)
            shutil.rmtree(leaving)
            gone.append(path)
    if archive is not None:
        for name in found.wal:
            (archive / name).unlink(missing_ok=True)
    return tuple(gone)


def _links(path: Path, base: Base, bases: Sequence[tuple[Path, Base]]) -> tuple[Path, ...]:
    try:
        return tuple(link for link, _ in chain.links(path, base, bases))
    except RestoreError:
        return ()


def _older(archive: Path, first: Segment, base: Base) -> tuple[str, ...]:
    """Return the files of an archive that hold WAL before a segment, of whatever timeline; histories stay."""
    size = base.segment_size
    named = sorted(entry.name for entry in os.scandir(archive) if entry.is_file())
    numbered = [(name, segment) for name in named if (segment := Segment.parse(name[:24], size)) is not None]
    # Only of an archive that certainly is the cluster's own anything is removed.
    own = [name for name, segment in numbered if segment.number >= first.number and len(name) == 24]
    headers = [wal.header(archive / name) for name in own[:1]]
    if not headers or headers[0] is None or headers[0].system != base.system:
        raise ConfigError(
            "the archive does not show that it is the one of these base backups",
            looked_at=[f"{archive}: {own[0] if own else f'no segment from {first.name(size)} on'}"],
            remedies=["name the archive that the cluster writes to"],
        )
    return tuple(name for name, segment in numbered if segment.number < first.number)

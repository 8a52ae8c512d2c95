"""``pgsafe pitr check``: whether a server archives its WAL, and whether its archive is whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import options
from .answer import Answer, give

if TYPE_CHECKING:
    from ..pitr.archiving import Archiving


@click.command("check")
@options.source
@click.option("--archive", type=options.folder, help="The WAL archive; its segments are looked at too.")
@click.option("--base", type=options.folder, help="The folder of base backups: where recovery would begin.")
@options.config
@options.as_json
def command(*, source: str | None, archive: Path | None, base: Path | None, config: str | None, as_json: bool) -> int:
    """Say whether a server archives its WAL, what it lacks, and what is missing or damaged in the archive.

    With --archive and --base also the newest moment that can be recovered, by what the WAL says of itself.
    """
    from ..pitr import archiving, slots
    from ..pitr.bases import find
    from ..pitr.newest import newest_moment
    from ..server.connection import connect

    with connect(options.address(source, config)) as session:
        found = archiving.read(session)
        kept = slots.read(session)
        module = archiving.has_module(session)
    received = slots.received(kept)
    said = list(archiving.problems(found, received=received))
    dangers = slots.dangers(kept)
    data: dict[str, Any] = {
        "archive_mode": found.archive_mode,
        "archived": found.archived_count,
        "failed": found.failed_count,
        "last_archived_wal": found.last_archived_wal,
        "unarchived_seconds": None if found.unarchived is None else int(found.unarchived.total_seconds()),
        "received": received,
        "dangers": list(dangers),
    }
    told: list[str] = []
    if archive is not None:
        there = _archive(archive.expanduser().absolute(), None if base is None else base.expanduser().absolute(), found)
        said += [*there["broken"], *there["faults"]]
        data |= there
        told.append(f"archive: {there['segments']} segments to {there['newest']}, timelines {there['timelines']}")
        if base is not None:
            newest = newest_moment(archive.expanduser().absolute(), find(base.expanduser().absolute()))
            told += newest.lines(found.now)
            data |= newest.data(found.now)
    if base is None:
        looked = "no base backup was looked at, and recovery begins at one"
        said.append(f"{looked}: --base=DIR names their folder, pgsafe pitr basebackup takes one")
    where = "/path/of/the/archive" if archive is None else str(archive.expanduser().absolute())
    proposed = archiving.snippet(found, where, received=received, module=module)
    lines = [*(f"problem: {problem}" for problem in said), *(f"danger: {danger}" for danger in dangers)]
    lines += [*told, *proposed.splitlines()]
    lines.append(f"RECOVERABLE TO ANY MOMENT: {'NO' if said else 'YES'}")
    answer = Answer(passed=not said, lines=lines, data={**data, "problems": said, "settings": proposed})
    return give("pitr check", answer, as_json=as_json)


def _archive(folder: Path, root: Path | None, found: Archiving) -> dict[str, Any]:
    """Look at an archive from the oldest base backup on, else from its oldest segment."""
    from ..pitr import archive as wal_archive
    from ..pitr import chain, way
    from ..pitr.bases import find
    from ..pitr.target import Target
    from ..pitr.wal import Segment

    there = wal_archive.settled(folder, found.segment_size)
    oldest = min((*there.segments, *there.partial))
    first, line = oldest.number, there.line(oldest.timeline)
    broken: tuple[str, ...] = ()
    if root is not None:
        bases = find(root)
        line = way.follow(there, bases, Target(kind="end"), way.LATEST)
        first = way.along(bases, line)[0][1].start_lsn.bytes // there.size
        broken = chain.broken(bases)
    seen = there.on(line)
    newest = Segment.parse((found.last_archived_wal or "")[:24], found.segment_size)
    if newest is not None and newest not in there.segments:
        # It may be another folder than the one that archive_command writes to.
        broken = (*broken, f"the server has archived {found.last_archived_wal}, and {folder} does not hold it")
    return {
        "segments": len(seen),
        "newest": (there.path(seen[-1]).name if seen else None),
        "timelines": str(line),
        "broken": list(broken),
        "faults": [str(one) for one in wal_archive.faults(there, first=first, system=found.system, timeline=line)],
    }

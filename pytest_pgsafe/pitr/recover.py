"""Recovery to a moment, into a server of our own, and whether the moment was reached."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ..errors import ConfigError, ServerError
from ..server import recovering
from ..server.recovering import Place, Recovering
from ..server.version import Version
from . import archive as wal_archive
from . import chain, locate, offered, plain, reached, way
from .base import Base
from .reached import Recovered
from .target import Target
from .way import CURRENT, LATEST, choose

__all__ = ["Recovered", "choose", "recover"]

#: Seconds for a recovery.
WAIT = 3600.0


@contextmanager
def recover(
    bases: Sequence[tuple[Path, Base]],
    folder: Path,
    target: Target,
    programs: Place,
    *,
    timeline: str = LATEST,
    wait: float = WAIT,
) -> Generator[tuple[Recovering, Recovered], None, None]:
    """Yield a server of our own that was recovered to a target; afterwards it is gone.

    The newest base backup that ended before the target is taken. Of the archive only copies are read.

    :param bases: of one cluster, oldest first.
    :param folder: the WAL archive.
    :param timeline: to follow: ``latest`` of the archive, ``current`` when the base backup was taken, or a number.
    :param wait: seconds for the recovery.
    :raises ConfigError: no base backup is old enough, or the archive cannot be read.
    :raises RestoreError: the target was not reached: which segment is missing or damaged, and what can be reached.
    """
    _of_one_cluster(bases)
    size = bases[-1][1].segment_size
    archive = (wal_archive.settled if target.kind == "end" else wal_archive.read)(folder.absolute(), size)
    line = way.follow(archive, bases, target, timeline)
    bases = way.along(bases, line)
    searched = target.kind in {"xid", "name"} and len(bases) > 1
    path, base = bases[0] if searched else way.choose(bases, target)
    begun = time.monotonic()
    with offered.shown(offered.of(archive, base, line)) as shown:
        if searched:
            path, base = locate.choose(bases, shown, line, target, programs)
        offer = offered.walled(offered.of(archive, base, line), shown, programs)
        _fitting(base, programs)
        plain.compare(path, base)
        if target.kind == "end":
            reached.behind(offer, base)
        others = [pair for pair in bases if pair[0] != path and target.after(pair[1])]
        settings = {
            **target.settings(base),
            # A timeline that was followed from the beginning may have no history; by its number it would need one.
            "recovery_target_timeline": CURRENT if line.timeline == base.timeline else str(line.timeline),
            "restore_command": offered.restore_command(shown, archive.size),
        }
        with chain.whole(path, base, programs, bases, others=others) as found:
            try:
                server = recovering.start(
                    programs,
                    found.data,
                    wal=shown,
                    settings=settings,
                    superuser=base.superuser,
                    wait=wait,
                    take=found.combined,
                )
            except ServerError as error:
                raise reached.failed(error, target, offer, base) from error
        try:
            seconds = time.monotonic() - begun
            recovered, messages = reached.look(server, target, path, base, seconds)
            recovered = replace(recovered, timeline=line.timeline, notes=offer.notes)
            reached.to_its_end(server, recovered, offer, base, messages=messages)
            if target.kind == "lsn" and target.inclusive:
                # PostgreSQL leaves the transaction that ends exactly there out of what it says.
                ended = locate.ended_at(shown, line.at(recovered.position), recovered.position, programs)
                recovered = recovered if ended is None else replace(recovered, last_transaction=ended)
        except BaseException:
            server.close()
            raise
    try:
        yield server, recovered
    finally:
        server.close()


def _of_one_cluster(bases: Sequence[tuple[Path, Base]]) -> None:
    if len({base.system for _, base in bases}) > 1:
        raise ConfigError(
            "the base backups are of several clusters",
            looked_at=[f"{path}: {base.source}, system identifier {base.system}" for path, base in bases],
            remedies=["name one base backup, or give each cluster a folder of its own"],
        )


def _fitting(base: Base, programs: Place) -> None:
    if Version.parse(base.server_version).major != programs.version.major:
        raise ConfigError(
            f"a cluster of PostgreSQL {base.server_version} is recovered by programs of the same major alone",
            looked_at=[f"{programs.origin}: {programs.version}"],
            remedies=["install PostgreSQL's packages of that major"],
        )

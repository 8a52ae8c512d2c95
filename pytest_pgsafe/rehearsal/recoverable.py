"""Can the cluster be recovered to the last minutes: archive, base backup, a real recovery, and its age."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psycopg

from ..checks import recoverability
from ..checks.unverified import NOT_VERIFIED
from ..config.values import Pitr, Settings, Source
from ..errors import ConfigError, PgsafeError
from ..pitr import archive as wal_archive
from ..pitr import asked, reading
from ..pitr.archive import Archive
from ..pitr.asked import Asked
from ..pitr.base import Base
from ..pitr.bases import find
from ..pitr.continuity import continuity, settled
from ..pitr.outcome import Proven, Reached, Recoverability, Window
from ..pitr.place import place_for, verify
from ..pitr.recover import recover
from ..pitr.target import Target
from ..progress import SILENT, Progress
from ..server.address import Address
from ..server.private import private_folder
from ..server.recovering import Place
from ..snapshot.values import NotVerified
from .steps import Steps, Stopped
from .values import Result

#: Seconds that a segment may need from the server's switch to the archive, beyond archive_timeout.
SLACK = 30.0
_NO_WINDOW = "no window is configured: [pitr] window says how old the newest recoverable moment may be"


def prove(settings: Settings, progress: Progress = SILENT) -> Result:
    """Recover the cluster to the end of its archive, and say how old that is.

    A step that fails ends the run and stands in the result. Everything that was started is gone afterwards.
    """
    assert settings.pitr is not None
    steps, known = Steps(progress), _Known()
    # What runs left that were killed is removed on the way.
    with private_folder("pitr", swept=True), suppress(Stopped):
        for known in _proof(settings, settings.pitr, steps):  # noqa: B007 (the last is what is known)
            pass
    return _result(known, steps, strict=settings.strict)


def look(settings: Settings) -> tuple[str, ...]:
    """Find out before the first step whether there can be one; return lines for the head of the report.

    :raises UsageError: a folder is not there, or no server for the recovery can be had.
    """
    pitr = settings.pitr
    assert pitr is not None
    for key, folder in (("base", pitr.base), ("archive", pitr.archive)):
        if not folder.is_dir():
            raise ConfigError(
                f"[pitr] {key}: there is no folder {folder.name!r}",
                looked_at=[str(folder)],
                remedies=["name the folder, or mount what holds it"],
            )
    try:
        path, base = _of_one_cluster(find(pitr.base))[-1]
    except PgsafeError:
        # A step of the run, whose failure the report shows.
        return ()
    place = place_for(base, settings.server.use, settings.server.image)
    return (f"pgsafe recovery: from {path.name}, PostgreSQL {base.server_version}, by {place.origin}",)


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What is known so far, whichever step ends the proof."""

    found: Recoverability = field(default_factory=Recoverability)
    not_verified: tuple[NotVerified, ...] = ()

    def plus(self, **found: Any) -> _Known:
        """Return it with more that was found."""
        return replace(self, found=replace(self.found, **found))


@dataclass(frozen=True, kw_only=True)
class _Looked:
    """The archive, and where the source's server stood before it was looked at."""

    archive: Archive
    at: datetime
    #: What the source's server says; else why it says nothing.
    asked: Asked | None
    unasked: str | None


@dataclass(frozen=True, kw_only=True)
class _Recovered:
    """A recovery to the archive's end."""

    reached: Reached
    not_verified: tuple[NotVerified, ...]
    #: The recovered cluster's transactions, for the source's server to compare.
    unfinished: tuple[int, Sequence[int]]


def _proof(settings: Settings, pitr: Pitr, steps: Steps) -> Iterator[_Known]:
    """Yield what is known each time that it has become more."""
    known = _Known()
    with steps.step("pitr_archive"):
        cluster = _Cluster(source=settings.source, pitr=pitr, bases=_of_one_cluster(find(pitr.base)))
        looked = cluster.look()
        yield (known := known.plus(continuity=continuity(looked.archive, cluster.bases), at=looked.at))
    with steps.step("pitr_base"):
        place = place_for(cluster.base, settings.server.use, settings.server.image)
        yield (known := known.plus(base=_proven(cluster.bases, place)))
    with steps.step("pitr_recovery"):
        recovered = cluster.recover(place, before=None)
        yield (known := replace(known.plus(reached=recovered.reached), not_verified=recovered.not_verified))
    if pitr.window is None:
        steps.skip("pitr_window", _NO_WINDOW)
        return
    with steps.step("pitr_window"):
        yield (known := known.plus(window=cluster.window(looked, recovered, known.found, pitr.window)))
        if _may_come(looked, known.found, pitr.window) and cluster.came(pitr.window):
            looked = cluster.look()
            yield (known := known.plus(continuity=continuity(looked.archive, cluster.bases), at=looked.at))
            recovered = cluster.recover(place, before=recovered)
            yield (known := known.plus(reached=recovered.reached))
            yield known.plus(window=cluster.window(looked, recovered, known.found, pitr.window))


@dataclass(frozen=True, kw_only=True)
class _Cluster:
    """What is recovered, and the source that it is of."""

    source: Source | None
    pitr: Pitr
    bases: tuple[tuple[Path, Base], ...]

    @property
    def base(self) -> Base:
        """The newest."""
        return self.bases[-1][1]

    @property
    def _address(self) -> Address | None:
        return None if self.source is None or self.source.dsn is None else Address.named(self.source.dsn, "the source")

    def look(self) -> _Looked:
        """Look at the archive, after asking the server where it stands: what it wrote by then may be there."""
        said, unasked = self._ask()
        archive = settled(self.pitr.archive, self.base)
        if said is not None and (why := said.disbelieved(self.base, archive)) is not None:
            said, unasked = None, why
        at = datetime.now(timezone.utc) if said is None else said.at.astimezone(timezone.utc)
        return _Looked(archive=archive, at=at, asked=said, unasked=unasked)

    def _ask(self) -> tuple[Asked | None, str | None]:
        if (address := self._address) is None:
            return None, "no [source] dsn names the server"
        try:
            return asked.ask(address), None
        except psycopg.Error as error:
            return None, asked.unanswered(error)

    def recover(self, place: Place, *, before: _Recovered | None) -> _Recovered:
        """Recover to the archive's end.

        :param before: a recovery whose databases were read; they are not read again.
        """
        with recover(self.bases, self.pitr.archive, Target(kind="end"), place) as (server, recovered):
            with reading.enter(server) as session:
                # Before anything is written there.
                unfinished = asked.unfinished(session)
            # What was committed before a base backup was begun is in it, whatever the WAL says.
            begun = self.base.started_at.astimezone(timezone.utc)
            last = recovered.last_transaction
            reached = Reached(
                newest=begun if last is None else max(last, begun),
                by="the base backup: no transaction after it"
                if last is None or last < begun
                else "the last transaction",
                position=str(recovered.position),
                rto_seconds=round(recovered.seconds, 3),
                server=server.describe(),
            )
            found = reading.read(server) if before is None else before.reached
            reached = replace(reached, databases=found.databases, damage=found.damage)
            gaps = found.not_verified if isinstance(found, reading.Readings) else ()
        return _Recovered(reached=reached, not_verified=gaps, unfinished=unfinished)

    def window(self, looked: _Looked, recovered: _Recovered, found: Recoverability, allowed: float) -> Window:
        """Say how old the archive's end is, and whether that means that anything is missing."""
        assert found.at is not None
        age, unasked = found.age_seconds, looked.unasked
        notes: tuple[str, ...] = ()
        unarchived: bool | None = None
        if looked.asked is not None and self._address is not None:
            notes = looked.asked.notes(looked.archive)
            if looked.asked.covered(looked.archive):
                # All that was written until it was asked has been recovered.
                unarchived = False
            elif age is None or age > allowed:
                try:
                    unarchived = asked.unarchived(self._address, recovered.unfinished)
                except psycopg.Error as error:
                    unasked = asked.unanswered(error)
        return Window(at=found.at, allowed=allowed, unarchived=unarchived, unasked=unasked, notes=notes)

    def came(self, allowed: float) -> bool:
        """Wait for the archive to hold what the server has written by now; tell whether it came within the window."""
        assert self._address is not None
        try:
            now = asked.ask(self._address)
        except psycopg.Error:
            return False
        until = time.monotonic() + min(allowed, now.archive_timeout + SLACK)
        while time.monotonic() < until:
            if now.covered(wal_archive.read(self.pitr.archive, self.base.segment_size).along(self.base.timeline)):
                return True
            time.sleep(0.5)
        return False


def _may_come(looked: _Looked, found: Recoverability, allowed: float) -> bool:
    """Tell whether what is missing may be a moment old: after a quiet night the first change has to be archived."""
    window, age = found.window, found.age_seconds
    waits = looked.asked is not None and looked.asked.archive_timeout > 0 and looked.asked.failing_wal is None
    return waits and window is not None and window.unarchived is True and age is not None and age > allowed


def _result(known: _Known, steps: Steps, *, strict: bool) -> Result:
    base, reached = known.found.base, known.found.reached
    unverified = [
        NOT_VERIFIED.finding(gap.object, f"{gap.object} was not verified: {gap.reason}", check="pitr_recovery")
        for gap in known.not_verified
    ]
    return Result(
        steps=steps.done,
        source={"server_version": "" if base is None else base.server_version, "database": ""},
        server={} if reached is None else reached.server,
        findings=(*recoverability.judge(known.found), *(unverified if strict else ())),
        not_verified=known.not_verified,
        pitr=known.found,
    )


def _of_one_cluster(bases: tuple[tuple[Path, Base], ...]) -> tuple[tuple[Path, Base], ...]:
    """Return the base backups of the cluster of the newest one: after pg_upgrade it is another."""
    newest = max(bases, key=lambda pair: pair[1].ended_at)[1]
    return tuple(pair for pair in bases if pair[1].system == newest.system)


def _proven(bases: tuple[tuple[Path, Base], ...], place: Place) -> Proven:
    path, base = bases[-1]
    return Proven(
        name=path.name,
        bases=len(bases),
        server_version=base.server_version,
        ended_at=base.ended_at,
        problems=verify(path, base, bases, place),
    )

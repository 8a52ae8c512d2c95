"""Can the cluster be recovered to the last minutes: archive, base backup, a real recovery, and its age."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

import psycopg

from ..checks import recoverability
from ..checks.unverified import NOT_VERIFIED
from ..checks.values import Finding
from ..config.values import Pitr, Settings
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
    run = _Run(settings=settings, pitr=settings.pitr, steps=Steps(progress))
    # What runs left that were killed is removed on the way.
    with private_folder("pitr", swept=True), suppress(Stopped):
        run.all()
    return run.result()


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


@dataclass(kw_only=True)
class _Run:
    """A proof under way: what is known so far."""

    settings: Settings
    pitr: Pitr
    steps: Steps
    found: Recoverability = field(default_factory=Recoverability)
    not_verified: tuple[NotVerified, ...] = ()
    #: What the source's server says, and why it says nothing.
    asked: Asked | None = None
    unasked: str | None = None
    #: The recovered cluster's transactions, for the source's server to compare.
    state: tuple[int, Sequence[int]] = (0, ())

    def all(self) -> None:
        with self.steps.step("pitr_archive"):
            bases = _of_one_cluster(find(self.pitr.base))
            archive = self._archive(bases)
        base = bases[-1][1]
        with self.steps.step("pitr_base"):
            place = place_for(base, self.settings.server.use, self.settings.server.image)
            self.found = replace(self.found, base=_proven(bases, place))
        with self.steps.step("pitr_recovery"):
            self._recover(bases, place, read=True)
        if self.pitr.window is None:
            self.steps.skip("pitr_window", _NO_WINDOW)
            return
        with self.steps.step("pitr_window"):
            self._judge_age(archive, self.pitr.window)
            if self._may_come(self.pitr.window) and self._came(base, self.pitr.window):
                archive = self._archive(bases)
                self._recover(bases, place, read=False)
                self._judge_age(archive, self.pitr.window)

    def _archive(self, bases: tuple[tuple[Path, Base], ...]) -> Archive:
        """Look at the archive, after asking the server where it stands: what it wrote by then may be there."""
        self._ask()
        base = bases[-1][1]
        archive = settled(self.pitr.archive, base)
        at = datetime.now(timezone.utc) if self.asked is None else self.asked.at.astimezone(timezone.utc)
        if self.asked is not None and (why := self.asked.disbelieved(base, archive)) is not None:
            self.asked, self.unasked, at = None, why, datetime.now(timezone.utc)
        self.found = replace(self.found, continuity=continuity(archive, bases), at=at)
        return archive

    @property
    def _address(self) -> Address | None:
        source = self.settings.source
        return None if source is None or source.dsn is None else Address.named(source.dsn, "the source")

    def _ask(self) -> None:
        self.asked, self.unasked = None, "no [source] dsn names the server"
        if (address := self._address) is not None:
            try:
                self.asked, self.unasked = asked.ask(address), None
            except psycopg.Error as error:
                self.unasked = asked.unanswered(error)

    def _recover(self, bases: tuple[tuple[Path, Base], ...], place: Place, *, read: bool) -> None:
        base = bases[-1][1]
        with recover(bases, self.pitr.archive, Target(kind="end"), place) as (server, recovered):
            with reading.enter(server) as session:
                # Before anything is written there.
                self.state = asked.unfinished(session)
            # What was committed before a base backup was begun is in it, whatever the WAL says.
            begun = base.started_at.astimezone(timezone.utc)
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
            before = self.found.reached
            if read:
                readings = reading.read(server)
                self.not_verified = readings.not_verified
                reached = replace(reached, databases=readings.databases, damage=readings.damage)
            elif before is not None:
                reached = replace(reached, databases=before.databases, damage=before.damage)
        self.found = replace(self.found, reached=reached)

    def _judge_age(self, archive: Archive, allowed: float) -> None:
        """Say how old the archive's end is, and whether that means that anything is missing."""
        assert self.found.at is not None
        age = self.found.age_seconds
        notes: tuple[str, ...] = ()
        unarchived: bool | None = None
        if self.asked is not None and self._address is not None:
            notes = self.asked.notes(archive)
            if self.asked.covered(archive):
                # All that was written until it was asked has been recovered.
                unarchived = False
            elif age is None or age > allowed:
                try:
                    unarchived = asked.unarchived(self._address, self.state)
                except psycopg.Error as error:
                    self.unasked = asked.unanswered(error)
        self.found = replace(
            self.found,
            window=Window(
                at=self.found.at, allowed=allowed, unarchived=unarchived, unasked=self.unasked, notes=notes
            ),
        )  # fmt: skip

    def _may_come(self, allowed: float) -> bool:
        """Tell whether what is missing may be a moment old: after a quiet night the first change has to be archived."""
        window, age = self.found.window, self.found.age_seconds
        waits = self.asked is not None and self.asked.archive_timeout > 0 and self.asked.failing_wal is None
        return waits and window is not None and window.unarchived is True and age is not None and age > allowed

    def _came(self, base: Base, allowed: float) -> bool:
        """Wait for the archive to hold what the server has written by now; tell whether it came within the window."""
        assert self._address is not None
        try:
            now = asked.ask(self._address)
        except psycopg.Error:
            return False
        until = time.monotonic() + min(allowed, now.archive_timeout + SLACK)
        while time.monotonic() < until:
            if now.covered(wal_archive.read(self.pitr.archive, base.segment_size).along(base.timeline)):
                return True
            time.sleep(0.5)
        return False

    def result(self) -> Result:
        """Return what is known."""
        base, reached = self.found.base, self.found.reached
        return Result(
            steps=self.steps.done,
            source={"server_version": "" if base is None else base.server_version, "database": ""},
            server={} if reached is None else reached.server,
            findings=(*recoverability.judge(self.found), *self._unverified()),
            not_verified=self.not_verified,
            pitr=self.found,
        )

    def _unverified(self) -> tuple[Finding, ...]:
        if not self.settings.strict:
            return ()
        return tuple(
            NOT_VERIFIED.finding(gap.object, f"{gap.object} was not verified: {gap.reason}", check="pitr_recovery")
            for gap in self.not_verified
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

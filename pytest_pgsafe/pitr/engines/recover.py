"""A repository restored and recovered into a server of our own, and whether that is what was asked for."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ...config.values import Engine
from ...errors import BackupError, ConfigError, RestoreError, ServerError
from ...server import programs
from ...server.connection import connect
from ...server.programs import LocalPrograms
from ...server.recovered import RecoveredServer
from ...server.restored import RestoredServer
from ..archive import read as read_archive
from ..ending import rest, unreadable
from ..reached import Recovered, look, sentences
from ..target import Target
from ..wal import Lsn
from . import fetching
from .barman import Barman
from .pgbackrest import PgBackRest
from .place import private_place
from .values import BackupSet, Place, Repository

#: Seconds for a recovery: of a large cluster it takes hours.
WAIT = 86400.0
_STARTS = re.compile(r"START WAL LOCATION: (?P<lsn>[0-9A-F]+/[0-9A-F]+)")
_SYSTEM = re.compile(r"Database system identifier:\s*(\d+)")
_WAL = re.compile(r"[0-9A-F]{24}")
_SEVERE = ("FATAL", "PANIC", "ERROR")


@dataclass(frozen=True, kw_only=True)
class Found:
    """A backup of a repository that can be restored here."""

    repository: Repository
    backup: BackupSet
    target: Target
    programs: LocalPrograms

    def __str__(self) -> str:
        return f"{self.repository.engine} {self.backup.label}"

    @property
    def kind(self) -> str:
        return "repository"

    @property
    def major(self) -> int:
        return self.backup.major

    @property
    def size(self) -> int:
        return self.backup.size

    @property
    def dbname(self) -> str | None:
        return self.repository.engine.dbname

    @property
    def facts(self) -> Path | None:
        return self.repository.engine.facts

    @property
    def identity(self) -> tuple[str, ...]:
        """Its backup, and where the archive ended when it was asked."""
        return (repr(self.repository.engine), self.backup.label, self.backup.newest or "")

    def recovered(self, *, jobs: int) -> AbstractContextManager[tuple[RecoveredServer, Restored]]:
        """Recover it, without the files of other databases where the engine can leave them out."""
        return recover(self, jobs=jobs, only=self.dbname)


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What was restored, and how far it was recovered."""

    source: str
    label: str
    until: datetime
    recovered: Recovered
    #: The one that was looked at.
    database: str = ""
    #: It was stopped then, and nothing had to be recovered.
    stopped: bool = False

    def __str__(self) -> str:
        recovered = self.recovered
        if self.stopped:
            return f"{self.source} {self.label}, stopped {self.until:%Y-%m-%d %H:%M:%S} UTC at {recovered.position}"
        at = "" if recovered.target.kind == "end" else f" ({recovered.target})"
        return (
            f"{self.source} {self.label}, recovered until {self.until:%Y-%m-%d %H:%M:%S} UTC"
            f" at {recovered.position}{at}, in {recovered.seconds:.1f} s"
        )


def find(engine: Engine, target: Target | None = None) -> Found:
    """Find what is to be restored, and everything that it needs.

    :param target: None is the end of the archive.
    :raises UsageError: the engine, its repository, the backup, or programs of its major are missing.
    """
    wanted = Target(kind="end") if target is None else target
    repository: Repository = PgBackRest(engine) if engine.kind == "pgbackrest" else Barman(engine)
    backup = repository.find(wanted)
    there = programs.find(major := backup.major)
    if there.version.major != major:
        raise ConfigError(
            f"a cluster of PostgreSQL {major} is recovered by programs of the same major alone",
            looked_at=[f"{there.origin}: {there.version}"],
            remedies=[f"install PostgreSQL {major} beside it (Debian, Ubuntu: apt-get install postgresql-{major})"],
        )
    _room(backup)
    return Found(repository=repository, backup=backup, target=wanted, programs=there)


def _room(backup: BackupSet) -> None:
    """Say that a disk is too small before anything is restored.

    :raises ServerError: with what is needed and what is free.
    """
    place = tempfile.gettempdir()
    free = shutil.disk_usage(place).free
    if free < backup.size:
        raise ServerError(
            f"too little disk to restore {backup.label}: {backup.size >> 20:,} MiB are needed",
            looked_at=[f"{place}: {free >> 20:,} MiB free"],
            remedies=["free space, or set TMPDIR to a larger disk"],
        )


@contextmanager
def recover(
    found: Found, *, jobs: int = 2, only: str | None = None, wait: float = WAIT
) -> Generator[tuple[RecoveredServer, Restored], None, None]:
    """Yield a server of our own with a cluster that its engine restored; afterwards all of it is gone.

    :param only: the one database that is wanted, where the engine can leave out the files of others.
    :param wait: seconds for the recovery.
    :raises BackupError: the engine cannot restore it, or it is not what it should be.
    :raises RestoreError: the recovery did not reach its target, or the end of the archive.
    """
    repository, backup = found.repository, found.backup
    if backup.errors:
        raise BackupError(
            f"{repository.engine.kind} says of {backup.label}: {backup.errors[0]}", looked_at=backup.errors
        )
    begun = time.monotonic()
    with private_place(repository.user) as place:
        repository.restore(backup, place, jobs=jobs, only=only)
        _is_that(found, place)
        settings = {
            **found.target.settings(),
            "restore_command": fetching.restore_command(found.repository, place, backup.newest, found.programs),
        }
        try:
            server = RestoredServer.adopt(
                found.programs,
                place.data,
                user=repository.user,
                settings=settings,
                superuser=repository.engine.superuser,
                wait=wait,
            )
        except ServerError as error:
            raise _failed(error, found, place) from error
        try:
            seconds = time.monotonic() - begun
            recovered, messages = look(server, found.target, Path(backup.label), backup.base, seconds)
            _is_the_end(found, place, server, recovered, messages)
            recovered = replace(recovered, timeline=fetching.timeline(place) or backup.base.timeline)
            until = max(filter(None, (recovered.last_transaction, backup.base.ended_at)))
            yield server, Restored(source=str(repository.engine), label=backup.label, until=until, recovered=recovered)
        finally:
            server.close()


def _is_that(found: Found, place: Place) -> None:
    """Refuse what is not the backup that was asked for."""
    base = found.backup.base
    try:
        label = (place.data / "backup_label").read_text("utf-8", "replace")
    except OSError as error:
        raise BackupError("what was restored says not where its recovery begins", looked_at=[str(error)]) from error
    starts = _STARTS.search(label)
    if starts is None or Lsn.parse(starts["lsn"]) != base.start_lsn:
        raise BackupError(
            f"what was restored is not {found.backup.label}, which begins at {base.start}",
            looked_at=label.splitlines()[:3],
        )
    if base.system:
        control = found.programs.run("pg_controldata", [str(place.data)]).stdout
        system = _SYSTEM.search(control)
        if system is None or int(system[1]) != base.system:
            raise BackupError(
                f"what was restored is of another cluster than {base.system}",
                looked_at=control.splitlines()[:3],
            )
    # Barman puts the backup's name behind the file's.
    for manifest in place.data.glob("backup_manifest*"):
        arguments = ["--quiet", "--no-parse-wal", "--exit-on-error", f"--manifest-path={manifest}"]
        # What Barman leaves out, and what it writes anew for the recovery that it would make.
        arguments += [f"--ignore={name}" for name in ("log", "pg_log", "tablespace_map", "recovery.conf")]
        for name in ("postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf", "recovery.signal"):
            arguments += [f"--ignore={name}", f"--ignore={name}.origin"]
        arguments += [f"--ignore={manifest.name}", "--ignore=.barman-recover.info"]
        done = found.programs.run("pg_verifybackup", [*arguments, str(place.data)])
        if done.returncode:
            raise BackupError(
                f"the files of {found.backup.label} are not those of its manifest",
                looked_at=done.stderr.strip().splitlines()[-10:],
            )


def _is_the_end(
    found: Found, place: Place, server: RecoveredServer, recovered: Recovered, messages: Sequence[str]
) -> None:
    """Refuse an end that is none: behind a gap or a damaged record PostgreSQL opens without a word, with older data."""
    if recovered.target.kind != "end":
        return
    newest = found.backup.newest
    asked = fetching.asked(place)
    if newest is not None and asked.get(newest) != 0:
        missing = [name for name, status in asked.items() if status and _WAL.fullmatch(name)]
        raise RestoreError(
            f"the archive goes on to {newest}, and the recovery ended at {recovered.position}"
            + (f": {missing[-1]} is missing" if missing else ""),
            looked_at=fetching.last_lines(place),
            remedies=_offered(recovered),
        )
    if wrong := _rest(place, server, recovered, messages):
        raise RestoreError(
            f"the end of the archive was not reached: {wrong}",
            looked_at=[message for message in messages if unreadable([message])],
            remedies=_offered(recovered),
        )


def _rest(place: Place, server: RecoveredServer, recovered: Recovered, messages: Sequence[str]) -> str | None:
    """Say what is wrong behind the last record that was replayed, if it does not end what the archive has."""
    with connect(server.address()) as session:
        row = session.execute(
            "select pg_catalog.pg_last_wal_replay_lsn()::text,"
            " (select setting::int8 from pg_catalog.pg_settings where name = 'wal_segment_size')"
        ).fetchone()
    if row is None or row[0] is None or not any(place.newest.iterdir()):
        return None
    end = Lsn.parse(row[0])
    archive = read_archive(place.newest, row[1])
    last = max(archive.segments)
    if end.bytes // archive.size == last.number:
        wrong = rest(archive, last, end, recovered.position)
        return None if wrong is None else f"{last.name(archive.size)}: {wrong}"
    # All of its segments were there. A record that they do not end is no damage; what cannot be read is.
    complaint = unreadable(messages) if end.bytes // archive.size < last.number else None
    return None if complaint is None else f"at {complaint.position or end} is what cannot be read"


def _offered(recovered: Recovered) -> list[str]:
    last = recovered.last_transaction
    moment = [] if last is None else [f"the newest moment that can be recovered is {last.isoformat()}"]
    return [*moment, "find the segment, or take a new backup now"]


def _failed(error: ServerError, found: Found, place: Place) -> RestoreError:
    """Explain a recovery that ended without a server, by what the engine was asked last, and what it said."""
    asked = [(name, status) for name, status in fetching.asked(place).items() if _WAL.fullmatch(name)]
    name, status = asked[-1] if asked else ("", 0)
    engine = found.repository.engine
    why = ""
    if status == 1:
        why = f": {name} is not in the archive"
    elif status == fetching.TABLESPACE:
        why = f": in {name} a tablespace is created, and a recovery would write where the source has it"
    elif status:
        why = f": {engine.kind} cannot fetch {name}"
    lines = sentences(error)
    severe = [line for line in lines if line.startswith(_SEVERE)]
    return RestoreError(
        f"{found} was not recovered to {found.target}{why}",
        looked_at=[*fetching.last_lines(place), *(severe or lines[-10:])],
        remedies=_remedies("\n".join(lines), status),
    )


def _remedies(text: str, status: int) -> list[str]:
    if status == fetching.TABLESPACE:
        return ["take a new backup, which has the tablespace"]
    if re.search(r'role ".*" does not exist', text):
        return ["name a superuser of the cluster's: superuser=NAME"]
    if "incompatible with operating system" in text:
        return ["install the locale that the cluster was made with (Debian: locale-gen), or run this where it is"]
    if "No space left on device" in text:
        return ["free space, or set TMPDIR to a larger disk"]
    return []

"""Taking a backup: pg_dump and the facts of the source, at one moment."""

from __future__ import annotations

import dataclasses
import os
import random
import re
import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg

from ..catalog import codec
from ..catalog.names import unquoted
from ..errors import BackupError
from ..progress import SILENT, Progress, size_of
from ..server.address import Address
from ..server.base import Programs
from ..server.connection import Connection, connect, resolve
from ..server.limits import for_programs
from ..server.lost import RECOVERY_CONFLICT, STANDBY_REMEDY, process
from ..snapshot import take as facts_of
from ..snapshot.values import SequenceValue, Snapshot
from . import manifest
from .archive import Archive, Form
from .fitting import strip
from .moment import moment
from .overtaken import Overtaken, Seen, watch
from .room import room

Look = Callable[[Connection, Snapshot], None]
#: From this size (bytes of the database) a dump is a folder that several processes write.
PARALLEL_FROM = 256 << 20
#: How often another session's lock request may come between.
ATTEMPTS = 30


@dataclass(frozen=True, kw_only=True)
class Backup:
    """A backup that can be restored; ``facts`` are those of the source at the moment of the dump, if it has any."""

    archive: Archive
    facts: Snapshot | None
    manifest: manifest.Manifest | None


@dataclass(frozen=True, kw_only=True)
class Further:
    """What a backup that is kept holds besides archive and facts; its fields are the manifest's."""

    environment: str = ""
    keep_until: datetime | None = None
    entries: int | None = None
    left_out: tuple[str, ...] = ()
    restore: tuple[str, ...] = ()
    #: The manifest as text.
    readable: Callable[[manifest.Manifest], str] | None = None


def take(
    source: Address,
    folder: Path,
    programs: Programs,
    *,
    durable: bool = True,
    compress: str | None = None,
    deadline: float | None = None,
    lock_timeout: str = "30s",
    jobs: int | None = None,
    most: int = 2,
    sessions: int | None = None,
    progress: Progress = SILENT,
    expected: int | None = None,
    further: Callable[[Archive, Snapshot], Further] | None = None,
    look: Look | None = None,
    asked: bool = True,
    restored_next: bool = False,
) -> Backup:
    """Back up a database into a new folder: archive, facts, manifest.

    Facts and pg_dump, with all of its workers, read the same exported snapshot, so that they are equal
    exactly, whatever is written meanwhile.

    :param folder: does not exist yet; it appears when the backup is complete.
    :param durable: force everything to disk first; a rehearsal's own backup need not be.
    :param compress: of pg_dump; None is its default.
    :param deadline: seconds for pg_dump, which itself knows no timeout.
    :param jobs: processes of pg_dump, one writes a single file; and sessions that read facts beside them, as far as the
        tables are large enough. None decides by the size of the database.
    :param most: how many that are then.
    :param sessions: that there may be of the source at a time, at least two; None are as many as there is room for.
    :param expected: bytes that the archive may have, for the progress.
    :param further: writes what else belongs to the backup beside the archive, before the manifest is made.
    :param look: is shown the source at the moment of the backup, beside its facts.
    :param restored_next: it is for a restore that follows, which checks foreign keys itself: those are not counted.
    :param asked: the server is the source's own; else its settings say nothing of the source.
    :raises BackupError: with what pg_dump said.
    """
    previous = os.umask(0o077)
    try:
        with manifest.incomplete(folder, durable=durable) as partial:
            with progress.followed("dump", lambda: size_of(partial / manifest.ARCHIVE), expected):
                facts, form = _read(
                    source, partial, programs, compress=compress, deadline=deadline, lock_timeout=lock_timeout,
                    jobs=jobs, most=most, sessions=sessions, look=look, restored_next=restored_next,
                )  # fmt: skip
            if not asked:
                facts = dataclasses.replace(facts, catalog=dataclasses.replace(facts.catalog, settings=None))
            (partial / manifest.FACTS).write_bytes(codec.dumps(facts))
            archive = Archive(partial / manifest.ARCHIVE, form, partial)
            stored = strip(archive.path)
            more = Further() if further is None else further(archive, facts)
            written = manifest.Manifest(
                format=manifest.FORMAT,
                taken_at=facts.taken_at,
                source=str(source),
                database=unquoted(facts.catalog.database.name),
                server_version=facts.server_version,
                pg_dump_version=str(programs.version),
                files=manifest.describe(partial),
                environment=more.environment,
                keep_until=more.keep_until,
                entries=more.entries,
                database_size=facts.catalog.database.size,
                left_out=more.left_out,
                stored=stored,
                restore=more.restore,
            )
            if more.readable is not None:
                (partial / manifest.READABLE).write_text(more.readable(written), encoding="utf-8")
                described = manifest.file_of(partial / manifest.READABLE, partial)
                written = dataclasses.replace(written, files=(*written.files, described))
            manifest.write(partial, written)
    finally:
        os.umask(previous)
    return Backup(archive=Archive(folder / manifest.ARCHIVE, form, folder), facts=facts, manifest=written)


def _read(
    source: Address,
    folder: Path,
    programs: Programs,
    *,
    compress: str | None,
    deadline: float | None,
    lock_timeout: str,
    jobs: int | None,
    most: int,
    sessions: int | None,
    look: Look | None,
    restored_next: bool,
) -> tuple[Snapshot, Form]:
    """Read facts and dump at one moment, and begin again when somebody's lock request came in between."""
    archive = folder / manifest.ARCHIVE
    overtaken = Overtaken()
    for attempt in range(ATTEMPTS):
        manifest.remove(archive)
        try:
            return _attempt(
                source,
                archive,
                programs,
                # Workers of a parallel dump give up on any lock request that was made after the dump began.
                jobs=jobs if attempt == 0 else 1,
                most=most if jobs is None else jobs,
                sessions=sessions,
                compress=compress,
                deadline=deadline,
                lock_timeout=lock_timeout,
                look=look,
                restored_next=restored_next,
            )
        except Overtaken as error:
            overtaken = error
            time.sleep(random.uniform(0, 0.2))  # noqa: S311 (spreads attempts, guards nothing)
    raise BackupError(
        f"in each of {ATTEMPTS} attempts a session asked for an exclusive lock on a table "
        "before pg_dump had its own, and the two would have waited for each other for ever",
        looked_at=[str(overtaken)],
        remedies=["take the backup while no TRUNCATE or ALTER TABLE runs all the time"],
    )


def _attempt(
    source: Address,
    archive: Path,
    programs: Programs,
    *,
    jobs: int | None,
    most: int,
    sessions: int | None,
    compress: str | None,
    deadline: float | None,
    lock_timeout: str,
    look: Look | None,
    restored_next: bool,
) -> tuple[Snapshot, Form]:
    # A sequence may be locked as a table may.
    with connect(source, lock_timeout=lock_timeout) as outside:
        first = facts_of.sequences(outside)
        there = room(outside).within(sessions)
        size = outside.execute("select pg_catalog.pg_database_size(pg_catalog.current_database())").fetchone()
    assert size is not None
    if jobs is None:
        jobs = most if size[0] >= PARALLEL_FROM else 1
    there.check()
    jobs, most, watching = there.shared(jobs, most)
    name = f"pgsafe {secrets.token_hex(6)}"
    with (
        ThreadPoolExecutor(2) as pool,
        moment(source, lock_timeout=lock_timeout) as now,
        watch(source, name, process(now.connection), pool) if watching else nullcontext(Seen()) as seen,
    ):
        dump = pool.submit(
            _dump,
            for_programs(now.connection, resolve(now.connection, source)).with_(application_name=name),
            archive,
            programs,
            snapshot=now.snapshot,
            jobs=jobs,
            compress=compress,
            deadline=deadline,
            lock_timeout=lock_timeout,
        )
        try:
            facts = facts_of.take(now.connection, jobs=most, snapshot=now.snapshot, restored_next=restored_next)
            if look is not None:
                look(now.connection, facts)
            dump.result()
        except BackupError as error:
            if seen.overtaken or "could not obtain lock on relation" in str(error):
                raise Overtaken(seen.overtaken or str(error)) from error
            raise
        except BaseException:
            _end(source, name)
            raise
        last = facts_of.sequences(now.connection)
    return dataclasses.replace(facts, sequences=_between(first, last)), _form(jobs)


def _form(jobs: int) -> Form:
    return "directory" if jobs > 1 else "custom"


def _end(source: Address, name: str) -> None:
    """End pg_dump by its session: it would run on to its end, Ctrl-C or not, with the source's tables locked."""
    query = "select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity where application_name = %s"
    with suppress(psycopg.Error), connect(source, statement_timeout="10s") as connection:
        connection.execute(query, (name,))


def _dump(
    source: Address,
    archive: Path,
    programs: Programs,
    *,
    snapshot: str,
    jobs: int,
    compress: str | None,
    deadline: float | None,
    lock_timeout: str,
) -> None:
    arguments = [
        f"--format={_form(jobs)}",
        f"--snapshot={snapshot}",
        # pg_dump sets statement_timeout and lock_timeout to 0; only this one bounds its waiting.
        f"--lock-wait-timeout={lock_timeout}",
        # They would carry passwords in clear, and a copy must not subscribe.
        "--no-subscriptions",
    ]
    arguments += [f"--compress={compress}"] if compress is not None else []
    try:
        if jobs > 1:
            arguments += [f"--jobs={jobs}", f"--file={archive}"]
            done = programs.run("pg_dump", arguments, address=source, files=[archive], deadline=deadline)
        else:
            done = programs.run("pg_dump", arguments, address=source, stdout=archive, deadline=deadline)
    except TimeoutError as error:
        raise BackupError(f"pg_dump had not ended after {deadline:g} s and was stopped") from error
    if done.returncode:
        raise BackupError(
            _ended(done.stderr) or f"pg_dump ended with status {done.returncode}",
            looked_at=done.stderr.strip().splitlines()[-10:],
            remedies=_remedies(done.stderr),
        )


#: What libpq and the server say when a session is gone, or there is none to be had.
_GONE = re.compile(
    r"terminating connection|server closed the connection|SSL connection has been closed|connection to server was lost"
    r"|could not receive data from server|could not send data to server"
)
_FULL = re.compile(r"too many (?:clients|connections)|remaining connection slots|no more connections")


def _ended(text: str) -> str:
    """Say in a sentence that pg_dump lost its session or got none; empty if it was something else."""
    if _FULL.search(text):
        return "pg_dump got no session: the source has no connection left for it"
    if RECOVERY_CONFLICT in text:
        return "pg_dump was cancelled by the source, a standby"
    return "pg_dump's session on the source was ended or cut off" if _GONE.search(text) else ""


#: The first that fits is said.
_REMEDIES = (
    (_FULL, "end other sessions, or raise the limit: CONNECTION LIMIT of the role or database, max_connections"),
    (re.compile(RECOVERY_CONFLICT), STANDBY_REMEDY),
    (_GONE, "see in the server's log who ended it, and whether the server is up; then begin again"),
    (
        re.compile("permission denied|row-level security"),
        "read the source with a role that may read every object: a superuser, or pg_read_all_data with BYPASSRLS",
    ),
    (re.compile("No space left on device"), "free space, or set TMPDIR to a larger disk"),
    (re.compile("aborting because of server version mismatch"), "pg_dump has to be at least of the server's major"),
)


def _remedies(text: str) -> list[str]:
    return [remedy for pattern, remedy in _REMEDIES if pattern.search(text)][:1]


def _between(first: Mapping[str, SequenceValue], last: Mapping[str, SequenceValue]) -> Mapping[str, SequenceValue]:
    """Join two readings: sequences ignore snapshots, so the dump has a value between them.

    A sequence that was made in between is as old as the moment at most: its first reading is its start.
    """
    return {name: dataclasses.replace(first.get(name, value), upper=value.value) for name, value in last.items()}

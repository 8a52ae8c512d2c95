"""Taking a backup: pg_dump and the facts of the source, at one moment."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ..catalog import codec
from ..errors import BackupError
from ..server.address import Address
from ..server.base import Programs
from ..server.connection import resolve
from ..snapshot import take as facts_of
from ..snapshot.values import SequenceValue, Snapshot
from . import manifest
from .archive import Archive, Form
from .moment import moment

#: From this size (bytes of the database) a dump is a folder that several processes write.
PARALLEL_FROM = 256 << 20


@dataclass(frozen=True, kw_only=True)
class Backup:
    """A backup that can be restored; ``facts`` are those of the source at the moment of the dump, if it has any."""

    archive: Archive
    facts: Snapshot | None
    manifest: manifest.Manifest | None


def take(
    source: Address,
    folder: Path,
    programs: Programs,
    *,
    durable: bool = True,
    compress: str | None = None,
    deadline: float | None = None,
    lock_timeout: str = "30s",
) -> Backup:
    """Back up a database into a new folder: archive, facts, manifest.

    Facts and pg_dump, with all of its workers, read the same exported snapshot, so that they are equal
    exactly, whatever is written meanwhile.

    :param folder: does not exist yet; it appears when the backup is complete.
    :param durable: force everything to disk first; a rehearsal's own backup need not be.
    :param compress: of pg_dump; None is its default.
    :param deadline: seconds for pg_dump, which itself knows no timeout.
    :raises BackupError: with what pg_dump said.
    """
    previous = os.umask(0o077)
    try:
        with manifest.incomplete(folder, durable=durable) as partial:
            facts, form = _read(
                source, partial, programs, compress=compress, deadline=deadline, lock_timeout=lock_timeout
            )
            (partial / manifest.FACTS).write_bytes(codec.dumps(facts))
            written = manifest.Manifest(
                format=manifest.FORMAT,
                taken_at=facts.taken_at,
                source=str(source),
                database=facts.catalog.database.name,
                server_version=facts.server_version,
                pg_dump_version=str(programs.version),
                files=manifest.describe(partial),
            )
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
) -> tuple[Snapshot, Form]:
    with moment(source, lock_timeout=lock_timeout) as now, ThreadPoolExecutor(1) as pool:
        connection = now.connection
        size = connection.execute("select pg_catalog.pg_database_size(pg_catalog.current_database())").fetchone()
        assert size is not None
        form: Form = "directory" if size[0] >= PARALLEL_FROM else "custom"
        first = facts_of.sequences(connection)
        dump = pool.submit(
            _dump,
            resolve(connection, source),
            folder,
            programs,
            snapshot=now.snapshot,
            form=form,
            compress=compress,
            deadline=deadline,
            lock_timeout=lock_timeout,
        )
        try:
            facts = facts_of.take(connection)
        finally:
            # Facts that fail must not leave pg_dump behind: it ends with the snapshot's transaction, or by itself.
            dump.result()
        last = facts_of.sequences(connection)
    return dataclasses.replace(facts, sequences=_between(first, last)), form


def _dump(
    source: Address,
    folder: Path,
    programs: Programs,
    *,
    snapshot: str,
    form: Form,
    compress: str | None,
    deadline: float | None,
    lock_timeout: str,
) -> None:
    archive = folder / manifest.ARCHIVE
    arguments = [
        f"--format={form}",
        f"--snapshot={snapshot}",
        # pg_dump sets statement_timeout and lock_timeout to 0; only this one bounds its waiting.
        f"--lock-wait-timeout={lock_timeout}",
        # They would carry passwords in clear, and a copy must not subscribe.
        "--no-subscriptions",
    ]
    arguments += [f"--compress={compress}"] if compress is not None else []
    if form == "directory":
        arguments += [f"--jobs={os.cpu_count() or 1}", f"--file={archive}"]
        done = programs.run("pg_dump", arguments, address=source, files=[folder], deadline=deadline)
    else:
        done = programs.run("pg_dump", arguments, address=source, stdout=archive, deadline=deadline)
    if done.returncode:
        raise BackupError(
            f"pg_dump ended with status {done.returncode}",
            looked_at=done.stderr.strip().splitlines()[-10:],
            remedies=[
                "read the source with a role that may read every object: its owner, or one with pg_read_all_data"
            ],
        )


def _between(first: Mapping[str, SequenceValue], last: Mapping[str, SequenceValue]) -> Mapping[str, SequenceValue]:
    """Join two readings: sequences ignore snapshots, so the dump has a value between them."""
    return {
        name: dataclasses.replace(value, upper=last[name].value if name in last else None)
        for name, value in first.items()
    }

"""The backup of a run whose source is a repository of another engine's: it is recovered, and plays the source.

Everything behind it stays the same as for a database that is alive: facts and dump at one moment, a restore that is
proven equal, a copy of the one database alone, on whichever scratch server. It costs one dump and one restore.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
from filelock import FileLock

from ..backup.archive import recognise
from ..backup.take import Backup, take
from ..catalog import codec
from ..catalog.names import unquoted
from ..compare.recorded import recorded, sentence
from ..errors import BackupError, ConfigError
from ..pitr import prepared
from ..pitr.engines.recover import Restored
from ..pitr.recoverable import Recoverable
from ..server.base import Server
from ..server.connection import connect
from ..server.extensions import check_extensions
from ..snapshot.file import load
from ..snapshot.values import SequenceValue, Snapshot
from .alone import Alone, alone
from .opened import compression, opened
from .source import Source

_RECORD = "restored.json"
#: How far a sequence is ahead of its last value in the WAL (SEQ_LOG_VALS), and so after a recovery.
_AHEAD = 32


def backup_of_repository(found: Recoverable, folder: Path, *, jobs: int) -> Backup:
    """Recover a repository and take a backup of the database in it; or return what another process of the run took.

    :param folder: a private one of the run, shared by its processes.
    :raises BackupError: it cannot be restored, or is not what was recorded.
    :raises RestoreError: the recovery did not reach its end.
    """
    target = folder / "backup"
    with FileLock(folder / "backup.lock"):
        if target.is_dir():
            return opened(recognise(target))
        with found.recovered(jobs=jobs) as (server, restored), readable():
            prepared.roll_back(server)
            told = replace(restored, database=database(server, found.dbname))
            address = server.address(told.database)
            packing = compression(folder, found.size)
            backup = take(address, target, server.programs, durable=False, compress=packing, most=jobs, asked=False)
        if found.facts is not None:
            assert backup.facts is not None
            equals(found.facts, backup.facts)
        (folder / _RECORD).write_bytes(codec.dumps(told))
        return backup


@contextmanager
def cluster_of_repository(found: Recoverable, *, jobs: int) -> Generator[tuple[Alone, Restored], None, None]:
    """Recover a repository, and yield its cluster, stopped, with the one database that is meant.

    A scratch server takes it before the context is left.

    :raises BackupError: it cannot be restored, or its pages are damaged.
    :raises RestoreError: the recovery did not reach its end.
    """
    with found.recovered(jobs=jobs) as (server, restored):
        with readable():
            told = replace(restored, database=database(server, found.dbname))
            cluster = alone(server, told.database)
        yield cluster, told


def recovered_from(folder: Path, backup: Backup, source: Source, server: Server, origin: str) -> Restored | None:
    """Return how far the source of a run's backup was recovered; None if it was not.

    :param origin: where the scratch server comes from, for people.
    :raises ServerError: the scratch server lacks an extension, which nobody knew before the recovery.
    """
    if source.repository is None:
        return None
    if backup.facts is not None:
        needed = [unquoted(name) for name in backup.facts.catalog.extensions]
        check_extensions(needed, server.extensions(), origin)
    return codec.loads(Restored, (folder / _RECORD).read_bytes())


@contextmanager
def readable() -> Generator[None, None, None]:
    """Say what keeps a recovered database from being read.

    :raises BackupError: in the server's words.
    """
    try:
        yield
    except psycopg.Error as error:
        # A locale that this machine lacks, a library that a function or an index needs.
        raise BackupError(
            "the recovered database cannot be read here", looked_at=str(error).strip().splitlines()[:4]
        ) from error


def database(server: Server, name: str | None) -> str:
    """Return the database that is meant.

    :raises ConfigError: there is none of this name, or there are several.
    """
    there = databases(server)
    if name is not None:
        if name not in there:
            raise ConfigError(f"the recovered cluster has no database {name!r}", looked_at=there)
        return name
    own = [one for one in there if one != "postgres"]
    if len(own) != 1:
        raise ConfigError(f"which of {len(own)} databases is meant?", looked_at=own, remedies=["say it: dbname=NAME"])
    return own[0]


def databases(server: Server) -> Sequence[str]:
    """Return the databases of a cluster that are no templates."""
    query = (
        "select datname from pg_catalog.pg_database"
        # The removal of the last was broken off.
        " where datallowconn and not datistemplate and datconnlimit <> -2 order by 1"
    )
    # postgres may have been dropped.
    with connect(server.address("template1")) as session:
        return [str(row[0]) for row in session.execute(query.encode())]


def equals(file: Path, found: Snapshot) -> None:
    """Refuse a recovered database that does not hold what was recorded.

    :raises BackupError: with the differences.
    """
    wanted = load(file)
    allowed = {name: _allowed(value, found, name) for name, value in wanted.sequences.items()}
    changes = [
        change
        for change in recorded(wanted, found).changes
        if not (change.kind == "sequence value" and allowed.get(change.object, False))
    ]
    if changes:
        count = f"{len(changes)} difference{'s' * (len(changes) > 1)}"
        raise BackupError(
            f"the recovered database is not what {file.name} recorded: {count}",
            looked_at=[sentence(change) for change in changes[:10]],
        )


def _allowed(value: SequenceValue, found: Snapshot, name: str) -> bool:
    """Tell whether a sequence stands where a recovery may leave it: at most its values logged ahead beyond."""
    now, sequence = found.sequences.get(name), found.catalog.sequences.get(name)
    if now is None or sequence is None:
        return False
    steps, rest = divmod(now.value - value.value, sequence.increment)
    return rest == 0 and 0 <= steps <= _AHEAD + sequence.cache

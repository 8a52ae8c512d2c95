"""Clusters whose files are a source: a base backup and its WAL, or a data directory whose server is stopped."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..config.values import Cluster
from ..errors import BackupError, ConfigError, RestoreError, ServerError
from ..server import programs
from ..server.programs import LocalPrograms
from ..server.recovered import RecoveredServer
from ..server.stopped import StoppedServer
from ..server.version import Version
from . import bases, plain
from .archive import settled
from .base import Base, data_of, identity
from .engines.recover import WAIT, Restored
from .reached import Recovered
from .recover import recover
from .target import Target
from .wal import Lsn

_END = Target(kind="end")
#: ControlFileData.state of a cluster that was stopped in order, and was no standby.
_SHUT_DOWN = 1
_STATES = ("starting up", "shut down", "shut down in recovery", "shutting down", "in crash recovery",
    "in archive recovery", "in production")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Files:
    """What both have: what was asked for, and the programs of this machine that start it."""

    cluster: Cluster
    programs: LocalPrograms

    @property
    def dbname(self) -> str | None:
        return self.cluster.dbname

    @property
    def facts(self) -> Path | None:
        return self.cluster.facts


@dataclass(frozen=True, kw_only=True)
class BaseBackup(_Files):
    """A base backup that can be recovered here, with the WAL behind it."""

    kind = "base backup"
    found: Sequence[tuple[Path, Base]]
    archive: Path
    newest: str

    def __str__(self) -> str:
        return f"{self.found[-1][0]} and {self.archive}"

    @property
    def major(self) -> int:
        return Version.parse(self.found[-1][1].server_version).major

    @property
    def size(self) -> int:
        return _size(data_of(self.found[-1][0]))

    @property
    def identity(self) -> tuple[str, ...]:
        return (repr(self.cluster), *(identity(*one) for one in self.found), self.newest)

    @contextmanager
    def recovered(self, *, jobs: int) -> Generator[tuple[RecoveredServer, Restored], None, None]:  # noqa: ARG002
        """Yield a server with the cluster at the end of its WAL; afterwards it is gone.

        :raises RestoreError: a base backup or a segment is damaged or missing.
        """
        with recover(self.found, self.archive, _END, self.programs, wait=WAIT) as (server, reached):
            # Programs of this machine recover on it.
            assert isinstance(server, RecoveredServer)
            [base] = [base for path, base in self.found if path == reached.base]
            until = max(filter(None, (reached.last_transaction, base.ended_at)))
            yield server, Restored(source="base backup", label=reached.base.name, until=until, recovered=reached)


@dataclass(frozen=True, kw_only=True)
class DataDirectory(_Files):
    """The data directory of a server that is stopped."""

    kind = "data directory"

    def __str__(self) -> str:
        return str(self.cluster.path)

    @property
    def major(self) -> int:
        return self.programs.version.major

    @property
    def size(self) -> int:
        return _size(self.cluster.path)

    @property
    def identity(self) -> tuple[str, ...]:
        return (repr(self.cluster), hashlib.sha256(_control(self.cluster.path)).hexdigest())

    @contextmanager
    def recovered(self, *, jobs: int) -> Generator[tuple[RecoveredServer, Restored], None, None]:  # noqa: ARG002
        """Yield a server with a copy of the cluster; afterwards it is gone.

        :raises BackupError: a server was started there, or the copy does not start.
        """
        begun, path = time.monotonic(), self.cluster.path
        control = plain.control(path)
        _refuse(path, control)
        try:
            server = StoppedServer.start_copy(self.programs, path, superuser=self.cluster.superuser, wait=WAIT)
        except ServerError as error:
            raise BackupError(error.message, looked_at=error.looked_at, remedies=error.remedies) from error
        with server:
            reached = Recovered(
                target=_END, base=path, stopped=None, last_transaction=None, position=Lsn(control.checkpoint),
                seconds=time.monotonic() - begun,
            )  # fmt: skip
            yield (
                server,
                Restored(
                    source="data directory",
                    label=str(path),
                    until=control.written,
                    recovered=reached,
                    stopped=True,
                ),
            )


def find(cluster: Cluster) -> BaseBackup | DataDirectory:
    """Find what is to be recovered, and everything that it needs.

    :raises UsageError: it is none, cannot be read, its server runs, or programs of its major are missing.
    """
    if cluster.kind == "pgdata":
        return _data_directory(cluster)
    try:
        found = bases.find(cluster.path)
        path, base = found[-1]
        archive = data_of(path) / "pg_wal" if cluster.archive is None else cluster.archive
        listed = settled(archive, base.segment_size)
        newest = max((*listed.segments, *listed.partial)).name(base.segment_size)
    except (BackupError, RestoreError) as error:
        raise ConfigError(error.message, looked_at=error.looked_at, remedies=error.remedies) from error
    there = _programs(Version.parse(base.server_version).major)
    return BaseBackup(cluster=cluster, found=found, archive=archive, newest=newest, programs=there)


def _data_directory(cluster: Cluster) -> DataDirectory:
    path = cluster.path
    try:
        major = int((path / "PG_VERSION").read_text("ascii"))
        control = plain.control(path)
    except (OSError, ValueError) as error:
        raise ConfigError(
            "the folder is no data directory that can be read",
            looked_at=[f"{path}: {error}"],
            remedies=["name the folder that holds PG_VERSION, as a user who can read it: sudo -u postgres"],
        ) from error
    _refuse(path, control)
    return DataDirectory(cluster=cluster, programs=_programs(major))


def _refuse(path: Path, control: plain.Control) -> None:
    """Refuse a data directory that a server may write to, or that was not stopped in order.

    :raises ConfigError: with what it says of itself.
    """
    state = _STATES[control.state] if control.state < len(_STATES) else str(control.state)
    if (path / "postmaster.pid").exists() or control.state != _SHUT_DOWN:
        running = ["postmaster.pid is there"] if (path / "postmaster.pid").exists() else []
        raise ConfigError(
            "the data directory is not that of a server that was stopped in order",
            looked_at=[str(path), f"its control file says: {state}", *running],
            remedies=[
                "stop the server (pg_ctl stop --mode=fast), or snapshot the volume while it is stopped",
                "of a running server take a base backup (pgsafe pitr basebackup), or name its address",
            ],
        )


def _programs(major: int) -> LocalPrograms:
    there = programs.find(major)
    if there.version.major != major:
        raise ConfigError(
            f"a cluster of PostgreSQL {major} is started by programs of the same major alone",
            looked_at=[f"{there.origin}: {there.version}"],
            remedies=[f"install PostgreSQL {major} beside it (Debian, Ubuntu: apt-get install postgresql-{major})"],
        )
    return there


def _control(path: Path) -> bytes:
    return (path / "global" / "pg_control").read_bytes()


def _size(data: Path) -> int:
    return sum(path.stat().st_size for path in data.rglob("*") if path.is_file())

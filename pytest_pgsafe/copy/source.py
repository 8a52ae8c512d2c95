"""The source, looked at before the first step: whether it can be read, its version, and what its restore needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psycopg

from ..backup import archive as archives
from ..backup import dump
from ..config import values as config
from ..errors import ConfigError, SourceError
from ..pitr import clusters
from ..pitr.engines.recover import find
from ..pitr.recoverable import Recoverable
from ..server import unreached
from ..server.address import Address
from ..server.connection import ConnectionLost, connect, resolve
from ..server.fitting import Fitting
from ..server.version import Version
from ..snapshot.file import load
from .fitting import fitting


@dataclass(frozen=True, kw_only=True)
class Source:
    """Exactly one of ``address``, ``archive``, ``repository`` and ``sql`` is there."""

    address: Address | None = None
    archive: archives.Archive | None = None
    #: A cluster that has to be recovered, or is stopped, whoever keeps its files.
    repository: Recoverable | None = None
    sql: tuple[Path, ...] = ()
    #: For people, without secrets.
    shown: str
    database: str = ""
    version: Version | None = None
    #: The least major of a server that it can be restored into; None if any will do.
    least_major: int | None = None
    #: Which majors fit ``.sql`` files.
    fitting: Fitting | None = None
    extensions: tuple[str, ...] = ()
    #: Bytes, as far as they are known.
    size: int = 0
    #: Sessions that read facts of a database, and processes that dump it, at most.
    jobs: int = 2
    #: Sessions of a backup at a time, at most; None are as many as it takes.
    sessions: int | None = None

    @property
    def socket(self) -> str | None:
        """The folder of the socket by which the database is reached; None if it is not."""
        host = "" if self.address is None else self.address.parameters.get("host", "")
        return host if host.startswith(("/", "@")) else None

    @property
    def kind(self) -> str:
        if self.address is not None:
            return "database"
        if self.repository is not None:
            return self.repository.kind
        return "backup" if self.archive is not None else "sql"


def examine(source: config.Source) -> Source:
    """Look at a source without changing anything.

    :raises SourceError: the database cannot be reached, with the reason and what to do.
    :raises ConfigError: the file is no backup, or the repository has none that fits.
    """
    if source.dsn is not None:
        return _database(source.dsn, source.jobs, source.sessions)
    if source.backup is not None:
        found = archives.recognise(source.backup)
        origin = archives.origin(found)
        said = dump.read(found.path)
        size = sum(file.stat().st_size for file in source.backup.rglob("*")) if source.backup.is_dir() else 0
        return Source(
            archive=found,
            shown=source.store or str(source.backup),
            database=source.backup.name,
            version=origin.server,
            least_major=origin.least,
            extensions=said.extensions,
            size=size or source.backup.stat().st_size,
        )
    if source.store is not None:
        raise ConfigError(
            "a backup in a store is fetched by a run of pytest, by verify and by restore",
            looked_at=[source.store],
            remedies=["pgsafe pull fetches it for everything else"],
        )
    if source.engine is not None:
        return _recoverable(find(source.engine), source.engine, source.jobs)
    if source.cluster is not None:
        return _recoverable(clusters.find(source.cluster), source.cluster, source.jobs)
    server, fits = fitting(source.sql)
    return Source(
        sql=source.sql,
        shown=", ".join(path.name for path in source.sql),
        database=source.sql[0].stem,
        version=server,
        least_major=None if server is None else server.major,
        fitting=fits,
    )


def _recoverable(found: Recoverable, configured: config.Engine | config.Cluster, jobs: int) -> Source:
    if found.facts is not None:
        # What cannot be read is found out before anything is restored.
        load(found.facts)
    return Source(
        repository=found,
        shown=str(found),
        database=found.dbname or configured.name,
        least_major=found.major,
        size=found.size,
        jobs=jobs,
    )


_FACTS = """
select current_database(), pg_database_size(current_database()),
       (select coalesce(array_agg(extname::text order by extname), '{}') from pg_extension)
"""


def _database(dsn: str, jobs: int, sessions: int | None) -> Source:
    address = Address.named(dsn, "the source")
    try:
        with connect(address, statement_timeout="60s", lock_timeout="10s") as connection:
            version = Version(connection.info.server_version)
            address = resolve(connection, address)
            row = connection.execute(_FACTS).fetchone()
    except psycopg.Error as error:
        raise unreachable(address, error) from error
    assert row is not None
    name, size, extensions = row
    return Source(
        address=address,
        shown=str(address),
        database=name,
        version=version,
        least_major=version.major,
        extensions=tuple(extensions),
        size=size,
        jobs=jobs,
        sessions=sessions,
    )


def unreachable(address: Address, error: psycopg.Error) -> SourceError:
    """Say why a source cannot be read, and what to do, without repeating a password."""
    if isinstance(error, ConnectionLost) and error.opened:
        return SourceError(f"the source {address} cannot be read", looked_at=[error.message], remedies=error.remedies)
    text = error.words if isinstance(error, ConnectionLost) else str(error).strip()
    secret = address.parameters.get("password")
    if secret:
        text = text.replace(secret, "***")
    return SourceError(
        f"the source {address} cannot be read",
        looked_at=text.splitlines()[:4],
        remedies=unreached.remedies(text, address),
    )

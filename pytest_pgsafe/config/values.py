"""What a run was told, as frozen values. Paths are absolute, durations are seconds, nothing is read later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from ..passwords import redact
from .expectations import Expect
from .fleet import Fleet

Samples = Literal["values", "keys", "none"]
#: The extension that records the statements of a database.
RECORDED: Final = "pg_stat_statements"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What stood on a command line; ``None`` and empty mean that it was not given."""

    source: tuple[str, ...] = ()
    migration: str | None = None
    rollback: str | None = None
    server: str | None = None
    image: str | None = None
    report: tuple[str, ...] = ()
    config: str | None = None
    strict: bool = False
    update: bool = False
    keep: bool = False
    from_rev: str | None = None
    static: bool = False
    #: As it was written.
    major: str | None = None
    #: ``.sql`` files that are read alone, as they stood among the arguments.
    files: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A repository of pgBackRest or Barman, by what their own configuration calls it."""

    kind: Literal["pgbackrest", "barman"]
    #: The stanza, or the server.
    name: str
    #: None where the cluster has only one.
    dbname: str | None = None
    #: The engine's configuration file; None is where it looks by itself.
    config: Path | None = None
    #: Which backup: a label of the engine's, or ``latest``.
    backup: str = "latest"
    #: Of several repositories of pgBackRest, its number.
    repo: int | None = None
    #: Who runs the engine and the recovered server when root calls; None is found out.
    user: str | None = None
    #: A role of the cluster's by which the recovered server is asked.
    superuser: str = "postgres"
    #: Facts that ``pgsafe snapshot`` recorded, which the recovered database has to equal.
    facts: Path | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster's files: a base backup with the WAL behind it, or the data directory of a server that is stopped."""

    kind: Literal["basebackup", "pgdata"]
    #: A base backup, or a folder of them; or the data directory.
    path: Path
    #: Of a base backup, the archive of its WAL; None is the WAL in it.
    archive: Path | None = None
    #: None where the cluster has only one.
    dbname: str | None = None
    #: A role of the cluster's by which the server on the copy is asked.
    superuser: str = "postgres"
    #: Facts that ``pgsafe snapshot`` recorded, which the database has to equal.
    facts: Path | None = None

    @property
    def name(self) -> str:
        return self.path.name


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is to be protected: exactly one of the six; a backup in a store becomes ``backup`` when it is fetched."""

    #: A libpq URI or conninfo; it may hold a password.
    dsn: str | None = field(default=None, repr=False)
    #: A backup of pgsafe (a folder), or a foreign dump: a file or a folder.
    backup: Path | None = None
    #: Where a backup lies off site: ``s3://BUCKET/PREFIX`` or ``file:///PATH``; the latest there.
    store: str | None = None
    #: Files that build a database, in order.
    sql: tuple[Path, ...] = ()
    #: A cluster's backups and WAL, kept by another program.
    engine: Engine | None = None
    #: A cluster's own files.
    cluster: Cluster | None = None
    #: Sessions that read facts of a database, and processes that dump it, at most: it has other work to do.
    jobs: int = 2
    #: Sessions of a backup at a time, at most; None are as many as it takes.
    sessions: int | None = None
    #: ``[source] settings``, by name in lower case: what the source's server has, for one that cannot be asked.
    settings: tuple[tuple[str, str], ...] = ()
    #: ``[source] rows``: how many rows tables have in production, where this source holds fewer.
    rows: Mapping[str, int] = field(default_factory=dict[str, int], hash=False)

    @property
    def kind(self) -> Literal["dsn", "backup", "sql", "engine", "cluster"]:
        if self.dsn is not None:
            return "dsn"
        if self.engine is not None:
            return "engine"
        if self.cluster is not None:
            return "cluster"
        return "sql" if self.backup is None and self.store is None else "backup"


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a migration, or the way back, is run. ``path`` for all kinds but ``run``, ``command`` for ``run`` alone."""

    #: The tool's name: see :mod:`.tools`; ``run``: a command for ``sh -c``.
    kind: str
    path: Path | None = None
    command: str | None = None

    def __str__(self) -> str:
        """Return it for people: without passwords that stand in a command."""
        return f"cmd:{redact(self.command or '', printed=True)}" if self.path is None else self.path.name


@dataclass(frozen=True, kw_only=True)
class Hook:
    """``file``: a ``.sql`` file, by its absolute path; ``statement``: SQL; ``run``: for ``sh -c``."""

    kind: Literal["file", "statement", "run"]
    text: str

    def __str__(self) -> str:
        """Return it for people: without passwords that stand in it."""
        if self.kind == "file":
            return Path(self.text).name
        kind = "sql" if self.kind == "statement" else "cmd"
        return f"{kind}:{redact(self.text, printed=True)}"


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """What is run on the copy besides the migration, in order."""

    after_restore: tuple[Hook, ...] = ()
    before_migration: tuple[Hook, ...] = ()
    after_migration: tuple[Hook, ...] = ()
    #: Who runs them; None is who runs the migration.
    role: str | None = None


@dataclass(frozen=True, kw_only=True)
class Server:
    #: ``auto``, ``container``, ``local``, or a URI or conninfo of an existing server, which may hold a password.
    use: str = field(default="auto", repr=False)
    image: str | None = None
    #: The next major: the copy is on exactly this one, and what is different there is told. None is the source's.
    major: int | None = None
    keep: bool = False
    #: Libraries that the scratch server loads when it starts: shared_preload_libraries.
    preload: tuple[str, ...] = ()
    #: What a dump of others holds may run as a superuser of an existing server.
    superuser: bool = False
    #: Whether the restored, proven copy is kept for later runs.
    cache: bool = False
    #: Seconds that what it holds may be old; None is any age.
    cache_age: float | None = None
    #: Bytes that all copies that are kept may have.
    cache_size: int = 20 << 30


@dataclass(frozen=True, kw_only=True)
class Report:
    files: tuple[Path, ...] = ()
    samples: Samples = "values"
    #: Columns whose values are never shown, as ``table.column`` or ``schema.table.column``; ``*`` stands for any part.
    mask: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Denormalized:
    """What a column has to hold: see :class:`~pytest_pgsafe.snapshot.values.DenormalizedRule`."""

    column: str
    source: str
    #: The foreign key column that the way begins with; found when not given.
    via: str | None = None
    kind: Literal["copy", "count", "sum", "min", "max", "latest", "sql"] = "copy"
    by: str | None = None
    where: str | None = None


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A reference that no constraint declares; with ``where`` in the rows that fulfil it."""

    column: str
    references: str
    where: str | None = None


#: pg_locks.mode, from weak to strong.
LockMode = Literal[
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
]


@dataclass(frozen=True, kw_only=True)
class LockBudget:
    mode: LockMode
    #: Seconds.
    longer_than: float


@dataclass(frozen=True, kw_only=True)
class Budget:
    #: Seconds.
    migrate: float | None = None
    lock: LockBudget | None = None
    #: Bytes.
    wal: int | None = None
    growth: int | None = None
    peak: int | None = None
    #: Seconds.
    wait: float | None = None


@dataclass(frozen=True, kw_only=True)
class Pitr:
    """What has to be recoverable to any moment."""

    #: Base backups, each in a folder of its own.
    base: Path
    #: WAL segments.
    archive: Path
    #: Seconds that the newest recoverable moment may be old; None where nobody said it.
    window: float | None = None


@dataclass(frozen=True, kw_only=True)
class Retry:
    #: At how many points the migration is broken off and run again, at most; 0 turns that off.
    points: int = 20
    #: Whether the way back is as well.
    back: bool = False
    #: Seconds after which no further point is tried; None is half of what the rehearsal has taken by then.
    budget: float | None = None


@dataclass(frozen=True, kw_only=True)
class Script:
    """Statements in pgbench's format."""

    path: Path
    #: How often it is chosen among several.
    weight: int = 1


@dataclass(frozen=True, kw_only=True)
class Traffic:
    #: How many sessions of others come at once while the migration waits, at most; 0 turns that off.
    clients: int = 4
    #: What the application does; empty where the sessions are derived from the catalog.
    scripts: tuple[Script, ...] = ()
    #: Seconds after which nothing further is tried; None is half of what the rehearsal has taken by then.
    budget: float | None = None


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a rehearsal leaves for those who deploy, and for those who audit."""

    #: Files and folders that belong to the migration, besides those that its tool names.
    files: tuple[Path, ...] = ()
    #: Seconds that it is good for.
    valid: float = 7 * 86400.0
    #: Where the evidence is kept; None keeps none.
    evidence: Path | None = None


@dataclass(frozen=True, kw_only=True)
class OldRelease:
    """What the release does that still runs while the migration is deployed."""

    #: A file of SQL, or ``pg_stat_statements``: what the source has recorded there.
    statements: Path | Literal["pg_stat_statements"] | None = None
    #: Its own tests: a command for ``sh -c``.
    run: str | None = None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that a run was told, resolved once."""

    #: The configuration's folder: commands run there, and the baseline lies there.
    folder: Path
    #: The configuration file, if there is one.
    file: Path | None = None
    source: Source | None = None
    #: Many sources, each judged by itself; there is no ``source`` then.
    fleet: Fleet | None = None
    #: Seconds that a backup may be old; None is any age.
    max_age: float | None = None
    migration: Way | None = None
    rollback: Way | None = None
    #: Who runs the migration; None is the database's owner.
    role: str | None = None
    #: Whether a ``.sql`` migration runs in one transaction.
    transaction: bool = False
    #: Further variables of a migration command, with ``{url}`` still in them.
    env: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    #: Seconds after which a migration, or its way back, is stopped.
    timeout: float = 3600.0
    #: Whether a command is kept from every network but the way to the copy; ``auto``: where the machine allows it.
    network: Literal["auto", "isolated", "open"] = "auto"
    #: Seconds that a statement of theirs may wait for a lock whose holder does nothing.
    lock_wait: float = 60.0
    #: Whether the migration is run once more after its way back.
    again: bool = True
    retry: Retry = Retry()
    traffic: Traffic = Traffic()
    old_release: OldRelease = OldRelease()
    hooks: Hooks = Hooks()
    server: Server = Server()
    report: Report = Report()
    expect: Expect = field(default_factory=Expect)
    denormalized: tuple[Denormalized, ...] = ()
    references: tuple[Reference, ...] = ()
    #: By column: ``no nulls``, ``no more nulls``, ``any``.
    foreign_keys: Mapping[str, str] = field(default_factory=dict[str, str])
    budget: Budget = Budget()
    pitr: Pitr | None = None
    receipt: Receipt = Receipt()
    strict: bool = False
    update: bool = False
    #: Migration files up to this revision are applied already.
    from_rev: str | None = None
    #: Statements are read, and nothing is rehearsed.
    static: bool = False
    #: What is read then in place of the migration.
    files: tuple[Path, ...] = ()
    #: Where a setting came from, by its name: ``--pgsafe-source``, ``PGSAFE_SOURCE``, ``pgsafe.toml``.
    origins: Mapping[str, str] = field(default_factory=dict[str, str])

    def header(self) -> tuple[str, ...]:
        """Return lines that say what was used and where it came from, without any address or secret."""
        source: str | None = None if self.source is None else self.source.kind
        if self.source is not None and self.source.kind != "dsn":
            paths = self.source.sql if self.source.backup is None else (self.source.backup,)
            source = f"{source} {self.source.store or ', '.join(path.name for path in paths)}"
        if self.fleet is not None:
            source = "fleet"
        use = self.server.use if self.server.use in {"auto", "container", "local"} else "existing"
        shown = {
            "source": source,
            "migration": None if self.migration is None else str(self.migration),
            "rollback": None if self.rollback is None else str(self.rollback),
            "server": use if "server" in self.origins else None,
            "major": None if self.server.major is None else str(self.server.major),
            "pitr": None if self.pitr is None else f"{self.pitr.base.name} and {self.pitr.archive.name}",
            "strict": "on" if self.strict else None,
            "static": "on: statements are read, nothing is rehearsed" if self.static else None,
        }
        parts = [f"{name} {text} ({self.origins[name]})" for name, text in shown.items() if text is not None]
        lines = ["pgsafe: " + ("; ".join(parts) if parts else "no source configured")]
        if self.file is not None:
            lines.append(f"pgsafe configuration: {self.file}")
        return tuple(lines)

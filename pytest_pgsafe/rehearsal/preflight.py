"""Everything that can be found out before the first step, so that nothing is begun in vain."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from ..backup import admitted, dump, manifest
from ..backup import restore as restores
from ..catalog import read as catalog_of
from ..catalog.names import unquoted
from ..catalog.values import Catalog
from ..config import values as config
from ..config.values import Settings
from ..copy import icu
from ..copy.likeness import likeness
from ..copy.source import Source, examine, unreachable
from ..errors import BackupError, ConfigError, ServerError
from ..migrate.tools import Migration, of
from ..release.asked import Asking, of_file
from ..release.recorded import of_source
from ..server import preload
from ..server.base import Server
from ..server.choose import Choice, check_major, probe
from ..server.connection import connect
from ..server.extensions import check_extensions
from ..server.version import SUPPORTED
from . import announcements, baseline, denormalized, hooks, ignored, pending
from .rules import announced, demand_known, resolve_rules

#: A backup, the copy restored from it, and its clone; of a repository the recovered cluster too, or that and its clone.
COPIES, RECOVERED, PHYSICAL = 3, 4, 2
#: For the next major besides: a copy of the source's own major, that cluster copied, and upgraded ones.
UPGRADED = 4

#: A turn at the source, which has other work to do.
Turn = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What will be done, with everything that it needs found."""

    source: Source
    choice: Choice
    migration: Migration | None = None
    rollback: Migration | None = None
    #: Extensions that the source needs, as far as they are known.
    extensions: tuple[str, ...] = ()
    #: What of the source is of ICU, as far as it is known: no server without it can be given that.
    icu: str | None = None
    #: Whether it is known which files of a folder are applied already; else the restored source tells.
    decided: bool = True
    #: Which files of the folder are not run, and who said that they are applied.
    left_out: str | None = None
    #: The major that was asked for: the copy is on no other.
    major: int | None = None
    #: What of a dump, or of files that build a database, is not run.
    omitted: tuple[str, ...] = ()
    #: Which section of the baseline is held against the migration.
    baseline: str | None = None
    #: What the release does that still runs.
    asked: Asking = field(default_factory=Asking)
    #: The settings that the scratch server is started with, as the source's server has them.
    startup: tuple[tuple[str, str], ...] = ()
    #: Waited for before the source is asked anything, and kept until it was.
    turn: Turn = field(default=nullcontext, compare=False, repr=False)
    #: Why a recovered cluster is dumped, and not itself the copy.
    dumped: str | None = None

    @property
    def physical(self) -> bool:
        """Whether the copy is the recovered cluster itself."""
        return self.source.repository is not None and self.dumped is None

    @property
    def copies(self) -> int:
        """How many times the source is on the disk at once, at most."""
        if self.source.repository is None:
            return COPIES
        return PHYSICAL if self.physical else RECOVERED

    def start(self, *, restoring: bool = False) -> Server:
        """Start the scratch server that was chosen.

        :param restoring: it is only restored into, and what was written there since is not asked for.
        :raises ServerError: it does not start, or lacks what the source needs.
        """
        start = self.choice.restoring if restoring else None
        server = self.choice.start() if start is None else start()
        try:
            if self.major is not None:
                check_major(server.version, self.major, self.choice.origin)
            if self.choice.extensions is None and self.extensions:
                check_extensions(self.extensions, server.extensions(), self.choice.origin)
            if self.icu is not None:
                icu.check(self.icu, server, self.choice.origin)
        except BaseException:
            server.close()
            raise
        return server

    def header(self) -> tuple[str, ...]:
        """Return lines for the head of the report, without secrets."""
        source = self.source
        version = f", PostgreSQL {source.version}" if source.version is not None else ""
        lines = [
            f"pgsafe source: {source.kind} {source.shown}{version}",
            f"pgsafe server: {self.choice.kind}, {self.choice.origin}: {self.choice.reason}",
        ]
        if source.version is not None and not source.version.supported:
            lines.append(f"pgsafe: PostgreSQL {source.version.major} was not tested with this release")
        lines += [f"pgsafe source: {line}" for line in self.omitted]
        if source.repository is not None:
            how = (
                "physical, the recovered cluster itself"
                if self.dumped is None
                else f"dumped and restored: {self.dumped}"
            )
            lines.append(f"pgsafe copy: {how}")
        if self.left_out is not None:
            lines.append(f"pgsafe migration: {self.left_out}")
        if self.baseline is not None:
            lines.append(f"pgsafe baseline: {self.baseline}")
        return tuple(lines)


def ways(settings: Settings) -> tuple[Migration | None, Migration | None]:
    """Look at what needs no source: the migration and the way back.

    :raises UsageError: one of them, or a hook, or the baseline, cannot be used.
    """
    ignored.refuse(settings)
    migration = None if settings.migration is None else of(settings.migration)
    rollback = None if settings.rollback is None else of(settings.rollback, way_back=True)
    if rollback is not None and migration is None:
        raise ConfigError(
            "a way back without a migration", remedies=["name the migration too: --pgsafe-migration=FILE.sql"]
        )
    hooks.check(settings)
    return migration, rollback


def choice_for(settings: Settings) -> Choice:
    """Return the server that fits a source, as far as that can be told without its catalog.

    :raises UsageError: the source cannot be read, or no server fits it.
    """
    assert settings.source is not None
    source = examine(settings.source)
    return _choice(settings, source, None)


def _choice(settings: Settings, source: Source, catalog: Catalog | None) -> Choice:
    server = settings.server
    assert settings.source is not None
    _refuse_older(server.major, source)
    use = server.use
    if use == "auto" and source.repository is not None and server.major is None and server.image is None:
        # The cluster is recovered by programs of this machine anyway, and can itself be the copy.
        use = "local"
    return probe(
        use, major=server.major or source.least_major, exact=server.major is not None,
        fitting=source.fitting, image=server.image,
        settings=_startup(settings, settings.source, catalog), keep=server.keep, superuser=server.superuser,
        socket=source.socket,
    )  # fmt: skip


def _startup(settings: Settings, configured: config.Source, catalog: Catalog | None) -> dict[str, str]:
    like = likeness(catalog, configured.settings)
    return {**like.startup(), **preload.settings(settings.server.preload)}


def preflight(settings: Settings, turn: Turn = nullcontext) -> Plan:
    """Look at everything that a run needs, without changing anything.

    :param turn: is waited for before the source is asked anything, and kept until it was.
    :raises UsageError: something is missing; with the remedies.
    """
    if settings.source is None:
        raise ConfigError(
            "no source: there is nothing to protect",
            looked_at=["--pgsafe-source", "PGSAFE_SOURCE", "[source] in pgsafe.toml"],
            remedies=["name a database (postgresql://…), a backup, or .sql files that build a database"],
        )
    with turn():
        return _preflight(settings, settings.source, turn)


def _preflight(settings: Settings, configured: config.Source, turn: Turn) -> Plan:
    migration, rollback = ways(settings)
    remark = baseline.remark(settings)
    demand_known(settings)
    told_here = announced(settings, migration)
    source = examine(configured)
    catalog = _catalog(source, told_here)
    server = settings.server
    choice = _choice(settings, source, catalog)
    omitted = _admit(source, ours=choice.kind != "existing")
    _admit_migrations([migration, rollback], ours=choice.kind != "existing")
    needed = source.extensions if catalog is None else tuple(unquoted(name) for name in catalog.extensions)
    if choice.extensions is not None:
        check_extensions(needed, choice.extensions, choice.origin)
    choice.check_libraries(needed, server.preload)
    dumped = _dumped(settings, source, choice)
    told = pending.early(migration, rollback, source, settings.from_rev)
    asked = _asked(settings, source)
    plan = Plan(
        source=source, choice=choice, extensions=needed, decided=told is not None, dumped=dumped,
        migration=migration if told is None else told.migration,
        rollback=rollback if told is None else told.rollback,
        left_out=None if told is None else told.reason, baseline=remark, omitted=omitted, major=server.major,
        asked=asked, turn=turn, startup=tuple(sorted(_startup(settings, configured, catalog).items())),
        icu=None if catalog is None else icu.needed(catalog),
    )  # fmt: skip
    if choice.kind == "local":
        copies = plan.copies + (0 if server.major is None else UPGRADED)
        check_space(source.size, Path(tempfile.gettempdir()), copies=copies)
    return plan


def _dumped(settings: Settings, source: Source, choice: Choice) -> str | None:
    """Return why the recovered cluster itself cannot be the copy; None if it can, or the source is no cluster."""
    if source.repository is None:
        return None
    major = source.repository.major
    if choice.copy is None:
        return f"a server of kind {choice.kind} is not started from a data directory"
    if settings.server.major is not None:
        return "its copy is to be of another major"
    if choice.version is None or choice.version.major != major:
        return f"the server is PostgreSQL {choice.version}, and the cluster {major}"
    return None


def _refuse_older(major: int | None, source: Source) -> None:
    """Refuse a major that is older than the source's: nothing goes back to one.

    :raises ConfigError: with both.
    """
    least = source.least_major if source.version is None else source.version.major
    if major is not None and least is not None and major < least:
        raise ConfigError(
            f"--pgsafe-major={major}: the source is PostgreSQL {source.version or least}, and no upgrade leads back",
            looked_at=[source.shown],
            remedies=[f"name a newer one: --pgsafe-major={least + 1}", "or leave it out"],
        )


def _asked(settings: Settings, source: Source) -> Asking:
    """Return what the release does, as far as somebody said it.

    :raises ConfigError: that cannot be had.
    """
    statements = settings.old_release.statements
    if settings.migration is None or statements is None:
        return Asking()
    return of_file(statements) if isinstance(statements, Path) else of_source(source.address)


def _admit(source: Source, *, ours: bool) -> tuple[str, ...]:
    """See that a dump, or files that build a database, do nothing besides; return what of them is not run.

    :raises ConfigError: with each line.
    """
    omitted: list[str] = []
    if source.archive is not None and source.archive.folder is None:
        said = dump.read(source.archive.path)
        admitted.inside(source.archive.path, said, ours=ours)
        omitted += restores.left_out(said, SUPPORTED[-1])
    for path in source.sql:
        said = dump.read(path)
        admitted.script(path, said, ours=ours)
        omitted += restores.left_out(said, SUPPORTED[-1], foreign=False)
    return tuple(omitted)


def _admit_migrations(migrations: Sequence[Migration | None], *, ours: bool) -> None:
    """See that migrations for psql reach no database but the copy's.

    :raises ConfigError: with each line.
    """
    for migration in migrations:
        for path in () if migration is None else migration.files:
            admitted.migration(path, dump.read(path), ours=ours)


def check_space(size: int, folder: Path, *, copies: int = COPIES) -> None:
    """Say that a disk is too small before it is full.

    :param size: bytes of the source; its backup, the restored copy and the clone each need as much at most.
    :raises ServerError: with what is needed and what is free.
    """
    needed, free = copies * size, shutil.disk_usage(folder).free
    if free < needed:
        raise ServerError(
            f"too little disk: {needed >> 20:,} MiB are needed, {copies} times the source's {size >> 20:,} MiB",
            looked_at=[f"{folder}: {free >> 20:,} MiB free"],
            remedies=["free space, or set TMPDIR to a larger disk", "use another server: --pgsafe-server=URI"],
        )


def _catalog(source: Source, settings: Settings) -> Catalog | None:
    """Read what the rules' names are resolved by, where that can be had before the restore.

    :raises ConfigError: a rule cannot be used.
    """
    if source.address is not None:
        try:
            with connect(source.address, statement_timeout="60s", lock_timeout="10s") as connection:
                catalog = catalog_of.read(connection)
                # The source's server parses what rules ask; it evaluates nothing.
                rules = resolve_rules(settings, catalog)
                denormalized.check(rules, catalog, connection)
                announcements.check(rules, catalog, connection)
                return catalog
        except psycopg.Error as error:
            raise unreachable(source.address, error) from error
    if source.archive is not None and source.archive.folder is not None:
        try:
            catalog = manifest.facts(source.archive.folder).catalog
        except BackupError:
            # A step of the run, whose failure the report shows.
            return None
        denormalized.check(resolve_rules(settings, catalog), catalog, None)
        return catalog
    return None

"""A migration's statements read and judged by their text: no server, no source (``--pgsafe-static``)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from ..checks import static as checks
from ..checks.unverified import NOT_VERIFIED
from ..checks.values import Finding
from ..config.values import Settings
from ..errors import ConfigError, MigrationError
from ..migrate.applied import pending
from ..migrate.tools import Migration, of
from ..migrate.tools.sql import SqlFiles
from ..passwords import redact
from ..progress import SILENT, Progress
from ..reading.files import forward, in_one, of_text
from ..reading.values import Cited, Reading
from ..snapshot.values import NotVerified
from .rules import announced, as_written
from .steps import Steps, Stopped
from .values import Read, Result


@dataclass(frozen=True, kw_only=True)
class Static:
    """What will be read."""

    migration: Migration
    #: Which files of the folder are not read, and who said so.
    left_out: str | None = None

    def header(self) -> tuple[str, ...]:
        """Return lines for the head of the report."""
        if self.left_out is not None:
            return (f"pgsafe migration: {self.left_out}",)
        number = len(self.migration.files)
        if number < 2:
            return ()
        return (f"pgsafe migration: all {number} files are read; --pgsafe-from=FILE leaves out those that are applied",)


def prepare(settings: Settings) -> Static:
    """Find what is to be read.

    :raises ConfigError: there is no migration, or none whose statements stand in files.
    """
    if settings.migration is None and not settings.files:
        raise ConfigError(
            "--pgsafe-static has nothing to read: no migration is configured",
            looked_at=["--pgsafe-migration", "PGSAFE_MIGRATION", "[migration] in pgsafe.toml"],
            remedies=["name a .sql file or a folder of them: --pgsafe-migration=FILE.sql"],
        )
    if settings.update:
        raise ConfigError(
            "--pgsafe-update writes what a rehearsal observes, and --pgsafe-static rehearses nothing",
            remedies=["leave one of them out"],
        )
    migration = _migration(settings)
    if not migration.files:
        raise ConfigError(
            f"--pgsafe-static reads .sql files, and this migration is run by a tool: {migration}",
            remedies=[migration.alternative, "or rehearse it: leave out --pgsafe-static"],
        )
    # Comments that announce nothing known are told before anything is read.
    announced(settings, migration)
    if settings.from_rev is None:
        return Static(migration=migration)
    if not migration.folder:
        raise ConfigError(
            f"--pgsafe-from={settings.from_rev} leaves out files of a folder, and the migration is one file",
            remedies=["leave it out"],
        )
    left = pending(migration, None, revision=settings.from_rev, books=())
    assert left.migration is not None
    return Static(migration=left.migration, left_out=left.reason)


def _migration(settings: Settings) -> Migration:
    """Return what is read: the way forward alone, where files or the folder hold the way back as well."""
    if settings.files:
        return SqlFiles.forth(settings.files, text=f"{len(settings.files)} files")
    way = settings.migration
    assert way is not None
    if way.kind != "sql" or way.path is None:
        return of(way)
    files = [way.path]
    if way.path.is_dir():
        files = [one for one in way.path.iterdir() if one.suffix.casefold() == ".sql" and one.name[0] != "."]
    return SqlFiles.forth([one for one in files if one.is_file()], text=str(way.path), folder=way.path.is_dir())


def _readings(migration: Migration) -> Iterator[Reading]:
    for file in migration.files:
        text = file.read_text(encoding="utf-8", errors="replace")
        yield from of_text(forward(text), file.name)


def _in_one(migration: Migration) -> bool:
    return all(in_one(file.read_text(encoding="utf-8", errors="replace")) for file in migration.files)


def read(settings: Settings, static: Static, progress: Progress = SILENT) -> Result:
    """Read and judge."""
    steps = Steps(progress)
    found: tuple[Finding, ...] = ()
    gaps: tuple[NotVerified, ...] = ()
    counts: Read | None = None
    with suppress(Stopped), steps.step("read"):
        try:
            readings = tuple(replace(one, text=redact(one.text)) for one in _readings(static.migration))
        except OSError as error:
            raise MigrationError(f"a file cannot be read: {error}") from error
        gaps = tuple(_gap(one) for one in readings if one.unread is not None)
        counts = Read(statements=len(readings), unread=len(gaps))
        found = checks.judge(
            readings,
            as_written(announced(settings, static.migration)),
            strict=settings.strict,
            whole=settings.transaction or _in_one(static.migration),
        )
        if settings.strict:
            found = (*(_unverified(gap) for gap in gaps), *found)
    return Result(steps=steps.done, source={}, server={}, findings=found, not_verified=gaps, read=counts)


def _gap(reading: Reading) -> NotVerified:
    first = Cited.of(" ".join(reading.text.split()[:6]))
    return NotVerified(object=str(reading.place), reason=f"a statement that was not read ({first} …): {reading.unread}")


def _unverified(gap: NotVerified) -> Finding:
    found = NOT_VERIFIED.finding(gap.object, f"{gap.object} was not verified: {gap.reason}", check="static")
    return replace(found, remedy="Rehearse it: --pgsafe-source=X without --pgsafe-static.")

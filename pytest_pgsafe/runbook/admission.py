"""What has to be right before a restore is begun, so that nothing is begun in vain."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..backup import admitted, contents, dump, manifest
from ..backup import archive as archives
from ..backup.archive import Archive
from ..catalog import read as catalog_of
from ..catalog.names import unquoted
from ..catalog.values import Catalog
from ..copy import rights
from ..errors import BackupError, ConfigError, ServerError, UsageError
from ..progress import SILENT, Progress
from ..server.connection import connect
from ..server.version import Version
from ..snapshot.values import Snapshot
from .plan import Plan, plan
from .target import Target

#: Seconds without any movement after which a restore is ended.
STALL = 600.0


@dataclass(frozen=True, kw_only=True)
class Order:
    """What was asked for."""

    tables: tuple[str, ...] = ()
    jobs: int | None = None
    #: Take the place of a database that is used, or of the tables.
    replace: bool = False
    #: Of a replacement of tables: do all of it, and roll it back.
    dry_run: bool = False
    #: Of a replacement of tables: go on although rows would point to nothing.
    accept_orphans: bool = False
    #: Restore owners and privileges; every role has to be there.
    owners: bool = True
    #: Seconds.
    stall: float = STALL
    #: Commands of a shell, in order.
    stop: tuple[str, ...] = ()
    start: tuple[str, ...] = ()


def read(path: Path, progress: Progress = SILENT) -> tuple[Archive, Snapshot | None]:
    """Prove the files of a backup; return its archive and its facts, if it has any.

    :raises ConfigError: it is none.
    :raises BackupError: it is damaged.
    """
    facts: Snapshot | None = None
    archive = archives.recognise(path)
    if archive.folder is not None:
        manifest.read(archive.folder, progress)
        facts = manifest.facts(archive.folder)
    elif (path.parent / manifest.MANIFEST).is_file():
        taken = manifest.load(path.parent)
        mine = [file for file in taken.files if file.path == path.name]
        if mine:
            if manifest.file_of(path, path.parent) != mine[0]:
                raise BackupError("the file is not what its manifest says", looked_at=[str(path)])
            facts = manifest.facts(path.parent)
    said = dump.read(archive.path)
    admitted.whole(archive.path, said)
    if archive.folder is None:
        admitted.inside(archive.path, said, ours=False)
    return archive, facts


def allowed(target: Target, order: Order) -> str:
    """Return whether the database is ``absent``, ``empty`` or ``used``, if it may be restored into.

    :raises ConfigError: it may not.
    """
    state = target.state()
    if (order.dry_run or order.accept_orphans) and not (order.tables and order.replace):
        raise ConfigError("--dry-run and --accept-orphans are of a restore with --table and --replace")
    if state == "used" and not order.replace and not order.tables:
        raise ConfigError(
            f"the database {target.wanted} is there and not empty: it is not touched",
            looked_at=[str(target.address(target.wanted))],
            remedies=[
                "name a database that does not exist: it is created",
                "--replace restores beside it, verifies, and swaps the two",
                "--table=NAME restores tables that are missing in it",
            ],
        )
    return state


def needed(
    target: Target, facts: Snapshot | None, mentioned: Sequence[str], dumped: dump.Dump, *, owners: bool
) -> None:
    """Look for the roles and extensions that a backup needs.

    :param mentioned: roles that a dump without facts mentions.
    :param dumped: what the dump says of itself.
    :raises UsageError: some are missing; with each of them.
    """
    least = dumped.least if facts is None else Version.parse(facts.server_version).major
    if least is not None and least > target.version.major:
        raise ConfigError(
            f"the backup is of PostgreSQL {least}, and the server is {target.version}",
            remedies=["restore into the same major or a newer one", *_as_text(dumped, target.version.major)],
        )
    with connect(target.address()) as session:
        there = {name for (name,) in session.execute("select rolname from pg_catalog.pg_roles")}
    catalog = None if facts is None else facts.catalog
    roles = mentioned if catalog is None else [unquoted(name) for name in catalog.roles]
    if missing := sorted(set(roles) - there if owners else ()):
        raise UsageError(
            f"the server lacks {len(missing)} role{'s' * (len(missing) > 1)} of the backup: {', '.join(missing[:10])}",
            looked_at=[str(target.address(target.wanted))],
            remedies=[
                "psql --file=globals.sql, in the backup's folder, makes them, without passwords",
                "--no-owner restores without owners and privileges",
            ],
        )
    if unheld := sorted(set(dumped.bound) - there):
        raise UsageError(
            f"the server lacks {len(unheld)} role{'s' * (len(unheld) > 1)} that policies or user mappings of the backup"
            f" name, which cannot be left out: {', '.join(unheld[:10])}",
            looked_at=[str(target.address(target.wanted))],
            remedies=[f'CREATE ROLE "{unheld[0]}" NOLOGIN, and the others, on the server'],
        )
    wanted = set(dumped.extensions) if catalog is None else {unquoted(name) for name in catalog.extensions}
    _allowed_to(target, dumped.owners if catalog is None else rights.owners_in(catalog), wanted, owners=owners)
    if lacking := sorted(wanted - target.extensions()):
        raise ServerError(
            f"the server lacks the extension{'s' * (len(lacking) > 1)} {', '.join(lacking)}",
            looked_at=[str(target.address(target.wanted))],
            remedies=["install the packages that hold them on the server"],
        )


def _as_text(dumped: dump.Dump, major: int) -> list[str]:
    if dumped.form == "plain" or dumped.pg_dump is None or dumped.server is None or dumped.server.major > major:
        return []
    # The archive's format is newer than the server that it is of.
    return [
        f"the archive is of pg_dump {dumped.pg_dump}: pg_restore --file=dump.sql ARCHIVE, by PostgreSQL"
        f" {dumped.pg_dump.major}'s programs, gives SQL that this server takes"
    ]


def _allowed_to(target: Target, owning: Collection[str], extensions: Collection[str], *, owners: bool) -> None:
    with connect(target.address()) as session:
        found = rights.of(session, owning, extensions)
    if owners and found.owners:
        names = dump.names(found.owners)
        raise UsageError(
            f"{found.role}, who restores, may not give anything to {names}: it is no superuser, and no member of them",
            looked_at=[str(target.address(target.wanted))],
            remedies=[
                "--no-owner restores without owners and privileges: everything belongs to who restores",
                f'GRANT "{found.owners[0]}" TO "{found.role}", by a role that may',
            ],
        )
    if found.extensions:
        raise ServerError(
            f"{found.role}, who restores, may not create the extension{'s' * (len(found.extensions) > 1)}"
            f" {dump.names(found.extensions)}: it takes a superuser",
            looked_at=[str(target.address(target.wanted))],
            remedies=["restore as a superuser, or as the role that the service has for it"],
        )


def choice(
    archive: Archive, facts: Snapshot | None, target: Target, state: str, order: Order
) -> contents.Choice | None:
    """Choose what a restore of tables takes; None for a whole one.

    :raises ConfigError: no such table in the backup, or one that the database has.
    """
    if not order.tables:
        return None
    facts = _facts_of_tables(archive, facts)
    catalog = facts.catalog
    tables = contents.resolve(catalog, order.tables)
    there: Catalog | None = None
    if state != "absent":
        with connect(target.address(target.wanted), lock_timeout="30s") as session:
            there = catalog_of.read(session)
        if present := [name for name in tables if name in there.tables]:
            raise ConfigError(
                f"the database {target.wanted} has {', '.join(present)}: nothing is overwritten",
                remedies=[
                    "--replace moves it aside and puts the backup's in its place; --dry-run shows what that would do",
                    "or restore into a database of its own",
                ],
            )
    return contents.choose(catalog, tables, there)


def replacement(archive: Archive, facts: Snapshot | None, target: Target, order: Order) -> Plan:
    """Plan how tables of a live database are replaced.

    :raises ConfigError: no such table in the backup, or something that uses the live one cannot be carried over.
    """
    facts = _facts_of_tables(archive, facts)
    tables = contents.resolve(facts.catalog, order.tables)
    with connect(target.address(target.wanted), lock_timeout="30s", autocommit=False) as session:
        return plan(session, facts, tables)


def _facts_of_tables(archive: Archive, facts: Snapshot | None) -> Snapshot:
    if facts is None or archive.form not in {"custom", "directory"}:
        raise ConfigError(
            "tables can be restored from a backup that pgsafe took, by its folder",
            looked_at=[str(archive.path)],
            remedies=["restore the whole dump into a database of its own, and copy from there"],
        )
    return facts

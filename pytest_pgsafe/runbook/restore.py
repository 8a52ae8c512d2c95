"""Restoring a backup for good: looked at before, complete or not at all, verified after, measured."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

from ..backup import contents, dump
from ..backup import restore as restores
from ..backup.archive import Archive
from ..backup.lock import in_use
from ..backup.packed import unpacked
from ..backup.roles import mentioned
from ..catalog import read as catalog_of
from ..compare import not_restored_with_extensions, restored_equals_source
from ..compare.restored import refuse
from ..copy import orphans, restoring
from ..errors import ConfigError, CopyError, RestoreError
from ..progress import SILENT, Progress
from ..server.address import Address
from ..server.connection import connect
from ..server.private import private_folder
from ..snapshot.take import take as read_facts
from ..snapshot.values import Snapshot
from . import admission as before
from .admission import Order
from .application import Application
from .plan import Plan
from .replace import Swap, Swapped
from .steps import Steps
from .target import Target
from .watch import watch


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What was done."""

    database: str
    #: The name that the replaced database has now.
    aside: str | None
    #: Seconds of each step, in order; their sum is the recovery time.
    steps: tuple[tuple[str, float], ...]
    relations: int
    rows: int
    #: What was not restored or not compared, each in one line.
    notes: tuple[str, ...]
    #: Whether it was compared with facts, for people.
    compared: str
    #: Of live tables that were replaced.
    swapped: Swapped | None = None


def restore(path: Path, into: Address, order: Order, progress: Progress = SILENT) -> Restored:
    """Restore a backup into a database that does not exist or is empty, or with ``replace`` into the place of one.

    :param path: a backup's folder, one that was packed, its ``database.sql``, or a dump of somebody else.
    :raises UsageError: found before anything was touched.
    :raises StepError: the backup is damaged, or the restore failed; what was made for it is gone again, and a
        database that was to be replaced is in its place.
    """
    if not path.exists():
        raise ConfigError("there is no such backup", looked_at=[str(path)])
    with ExitStack() as stack:
        path = stack.enter_context(unpacked(path, progress))
        stack.enter_context(in_use(path))
        folder = stack.enter_context(private_folder("restore", swept=True))
        return _Restore(into=into, order=order, progress=progress, folder=folder, steps=Steps(progress)).all(path)


@dataclass
class _Restore:
    """A restore under way."""

    into: Address
    order: Order
    progress: Progress
    folder: Path
    steps: Steps
    facts: Snapshot | None = None
    notes: list[str] = field(default_factory=list[str])
    aside: str | None = None
    swapped: Swapped | None = None

    def all(self, path: Path) -> Restored:
        with self.steps.on_server("backup"):
            archive, self.facts = before.read(path, self.progress)
        target = Target.open(self.into)
        state = before.allowed(target, self.order)
        roles: Sequence[str] = ()
        if self.facts is None:
            self.notes.append("the dump has no facts: what was restored could not be compared with its source")
            said = dump.read(archive.path)
            self.notes += restoring.left_out(said, target)
            roles = mentioned(archive)
        before.needed(target, self.facts, roles, dump.read(archive.path), owners=self.order.owners)
        replaced = choice = None
        if self.order.tables and self.order.replace and state == "used":
            replaced = before.replacement(archive, self.facts, target, self.order)
        else:
            choice = before.choice(archive, self.facts, target, state, self.order)
        if choice is not None:
            self.notes += [f"{name}: left out, the table that it points to is not there" for name in choice.left_out]
        dry = self.order.dry_run
        application = Application(
            stop=() if dry else self.order.stop, start=() if dry else self.order.start, steps=self.steps
        )
        with application.stopped():
            try:
                if replaced is not None:
                    restored = self._tables(archive, target, replaced)
                elif choice is not None:
                    restored = self._part(archive, target, choice)
                else:
                    restored = self._whole(archive, target, state)
            except BaseException:
                target.discard()
                raise
        return Restored(
            database=target.wanted,
            aside=self.aside,
            steps=self.steps.done,
            relations=len(restored.tables),
            rows=sum(table.rows for table in restored.tables.values()),
            notes=tuple(self.notes),
            compared=", not compared with anything" if self.facts is None else ", equal to the backup",
            swapped=self.swapped,
        )

    def _whole(self, archive: Archive, target: Target, state: str) -> Snapshot:
        if state == "used":
            target.beside()
        with self.steps.on_server("restore"):
            prepared = self._prepare(target)
            self._run(archive, target, prepared, jobs=self.order.jobs)
        self._analyze(prepared.address)
        with self.steps.on_server("verify"):
            with connect(prepared.address) as session:
                restored = read_facts(session)
            if not restored.catalog.tables:
                raise RestoreError("the restored database holds no table")
            if self.facts is None:
                orphans.refuse(restored)
            else:
                wanted = restoring.comparable(self.facts.catalog, prepared, restored.catalog)
                self._equal(replace(self.facts, catalog=wanted), restored)
        if state == "used":
            with self.steps.on_server("swap"):
                if self.facts is None and (lacking := target.inherit()) is not None:
                    self.notes.append(lacking)
                self.aside = target.swap(f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}")
        target.finish(None if self.facts is None else self.facts.catalog.database)
        return restored

    def _prepare(self, target: Target) -> restoring.Prepared:
        if self.facts is None:
            return replace(restoring.prepare(target, None), owners=self.order.owners)
        prepared = restoring.prepare(target, self.facts.catalog)
        for note in prepared.not_verified:
            if note.object == "database collation":
                raise CopyError(
                    "the server lacks the locale of the source: text would sort otherwise", looked_at=[note.reason]
                )
        self.notes += [f"{note.object}: {note.reason}" for note in prepared.not_verified]
        return replace(prepared, owners=prepared.owners and self.order.owners)

    def _part(self, archive: Archive, target: Target, choice: contents.Choice) -> Snapshot:
        assert self.facts is not None
        with self.steps.on_server("restore"):
            prepared = restoring.Prepared(address=target.address(target.wanted), owners=self.order.owners)
            if target.state() == "absent":
                prepared = self._prepare(target)
            listed = target.programs.run("pg_restore", ["--list", str(archive.path)], files=[archive.path])
            only = self.folder / "tables.list"
            only.write_text(choice.listed(listed.stdout), encoding="utf-8")
            self._run(archive, target, prepared, only=only)
        self._analyze(prepared.address, choice.tables)
        with self.steps.on_server("verify"):
            with connect(prepared.address) as session:
                restored = read_facts(session, catalog=contents.part_of(catalog_of.read(session), choice))
            self._equal(contents.part(self.facts, choice), contents.part(restored, choice))
            for name in choice.inbound:
                key = restored.foreign_keys.get(name)
                if key is None or key.orphans:
                    raise RestoreError(f"the foreign key {name} of another table was not made again, or has orphans")
        target.finish(None)
        return restored

    def _tables(self, archive: Archive, target: Target, planned: Plan) -> Snapshot:
        assert self.facts is not None
        with self.steps.on_server("replace"):
            self.swapped = Swap(
                archive=archive, facts=self.facts, target=target, plan=planned, folder=self.folder,
                owners=self.order.owners, accept=self.order.accept_orphans, dry_run=self.order.dry_run,
                progress=self.progress,
            ).run()  # fmt: skip
        self.notes += self.swapped.notes
        return self.swapped.restored

    def _run(
        self, archive: Archive, target: Target, prepared: restoring.Prepared, *, jobs: int | None = None,
        only: Path | None = None,
    ) -> None:  # fmt: skip
        name = f"pgsafe {secrets.token_hex(6)}"
        # The source's own setting would keep pg_restore out.
        address = prepared.address.with_(application_name=name, options="-c default_transaction_read_only=off")
        size = None if self.facts is None or only is not None else self.facts.catalog.database.size
        with watch(
            target.address(), prepared.address.dbname, name, stall=self.order.stall, size=size, progress=self.progress
        ) as seen:
            try:
                self.notes += restores.restore(
                    archive, address, target.programs, owners=prepared.owners, jobs=jobs, stop=True, only=only
                )
            except RestoreError as error:
                if seen.stalled:
                    raise RestoreError(
                        f"nothing moved for {self.order.stall:g} s: the restore was ended",
                        looked_at=seen.stalled,
                        remedies=["end the session that blocks it, and restore again"],
                    ) from error
                raise

    def _analyze(self, address: Address, tables: Sequence[str] = ()) -> None:
        """Gather statistics, which no dump carries by default: without them the first queries are slow."""
        with self.steps.on_server("analyze"), connect(address, read_only=False) as session:
            # Few at first, so that plans are soon not absurd, as vacuumdb --analyze-in-stages does.
            for target in ("1", "10", None) if not tables else (None,):
                session.execute(
                    "reset default_statistics_target" if target is None
                    else f"set default_statistics_target = {target}".encode()
                )  # fmt: skip
                # Names as the catalog quotes them.
                session.execute(f"analyze {', '.join(tables)}".encode())

    def _equal(self, wanted: Snapshot, restored: Snapshot) -> None:
        changes = restored_equals_source(wanted, restored, owners=self.order.owners)
        self.notes += [f"{gap.object}: {gap.reason}" for gap in (*wanted.not_verified, *restored.not_verified)]
        self.notes += [f"{gap.object}: {gap.reason}" for gap in not_restored_with_extensions(wanted, restored)]
        refuse(changes, "the restored database does not equal the backup")

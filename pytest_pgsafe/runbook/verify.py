"""The proof of a backup: it is restored into a server of our own, and holds what its manifest says."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ..backup import admitted, complete, dump, manifest, proof, whole
from ..backup import archive as archives
from ..backup.archive import Archive
from ..backup.lock import in_use
from ..backup.manifest import Manifest
from ..backup.packed import unpacked
from ..backup.packing import unpacked as unpacked_dump
from ..backup.proof import Proof
from ..backup.take import Backup
from ..catalog.names import unquoted
from ..compare import Change, not_carried, not_restored_with_extensions, restored_equals_source, unknown
from ..compare.restored import compared as held
from ..compare.restored import difference
from ..config.forms import span
from ..copy import orphans, restoring
from ..copy.likeness import likeness
from ..copy.source import Source
from ..errors import ConfigError, RestoreError, StepError
from ..progress import SILENT, Progress
from ..server import preload
from ..server.base import Server
from ..server.choose import Choice, probe
from ..server.connection import connect
from ..server.extensions import check_extensions
from ..snapshot.take import take as read_facts
from ..snapshot.values import NotVerified, Snapshot
from .steps import Outcomes
from .watch import growing

#: Outcomes that a restored copy is held against, in this order.
COMPARED = ("counts", "content", "structure", "orphans")


@dataclass(frozen=True, kw_only=True)
class Scratch:
    """Which ephemeral server, as the configuration says it."""

    use: str = "auto"
    image: str | None = None
    preload: tuple[str, ...] = ()
    superuser: bool = False


def verify(
    path: Path,
    scratch: Scratch = Scratch(),
    *,
    max_age: timedelta | None = None,
    record: bool = True,
    progress: Progress = SILENT,
) -> Proof:
    """Verify a backup by every means, and keep the outcome beside its manifest.

    A check that fails does not keep the next from being made, so that each is an outcome of its own; what can no
    longer be looked at is skipped, which never proves anything.

    :param path: a backup's folder, or one that was packed; a dump that pgsafe did not take can be restored, and is
        never proven.
    :param max_age: an older backup fails.
    :param record: keep the proof; without it nothing is written.
    :raises UsageError: there is no such path, or no server to restore into.
    """
    if not path.exists():
        raise ConfigError("there is no such backup", looked_at=[str(path)])
    with unpacked(path, progress) as path, in_use(path):  # noqa: PLR1704 (the same backup)
        verified = _Verification(path=path, scratch=scratch, max_age=max_age, progress=progress)
        verified.all()
        found = verified.proof()
        if record and verified.manifest is not None:
            proof.write(path, found)
    return found


@dataclass
class _Verification:
    """A verification under way."""

    path: Path
    scratch: Scratch
    max_age: timedelta | None
    progress: Progress
    manifest: Manifest | None = None
    facts: Snapshot | None = None
    archive: Archive | None = None
    outcomes: Outcomes = field(default_factory=Outcomes)
    not_verified: list[NotVerified] = field(default_factory=list[NotVerified])
    server_version: str = ""
    restore_seconds: float | None = None
    restored: tuple[Snapshot, restoring.Prepared] | None = None
    #: What the source's server stored for itself, and no restore is given.
    taken_out: tuple[str, ...] = ()

    def all(self) -> None:
        archive = self.archive = self._at_rest()
        if archive is None:
            self.outcomes.skip(("contents", "decode", "restore", *COMPARED), "there is no archive to look at")
            return
        choice = self._choose(archive)
        self.progress("server")
        with choice.start() as server:
            if choice.extensions is None:
                check_extensions(self._extensions(), server.extensions(), choice.origin)
            self.server_version = str(server.version)
            self._decode(archive, server)
            self._restore(archive, server)

    def _at_rest(self) -> Archive | None:
        """Look at the files alone."""
        with self.outcomes.outcome("exists"):
            if self.path.is_dir() and not (self.path / "toc.dat").exists():
                self.manifest = manifest.load(self.path)
        archive: Archive | None = None
        with self.outcomes.outcome("format"):
            found = archives.recognise(self.path)
            if not found.packed:
                # No program is to see a cut one: pg_restore reads the end of a tar for ever.
                whole.check(found.path)
            archive = found
            self._form(archive)
        if self.manifest is None:
            self.outcomes.skip(("size", "checksums", "age"), "no manifest says what it should be")
            return archive
        taken = self.manifest
        with self.outcomes.outcome("size"):
            if faults := manifest.sizes(self.path, taken):
                raise StepError("files have not the size that the manifest says", looked_at=faults)
        with self.outcomes.outcome("checksums"):
            if faults := manifest.check(self.path, taken, self.progress):
                raise StepError("files are not what the manifest says", looked_at=faults)
        with self.outcomes.outcome("age") as found_out:
            age = datetime.now(timezone.utc) - taken.taken_at
            found_out.append(f"taken {taken.taken_at:%Y-%m-%d %H:%M} UTC, {span(age)} ago")
            if self.max_age is not None and age > self.max_age:
                raise StepError(f"it is {span(age)} old, older than {span(self.max_age)}")
        with self.outcomes.outcome("facts"):
            self.facts = manifest.facts(self.path)
        return archive

    def _form(self, archive: Archive) -> None:
        admitted.whole(archive.path, dump.read(archive.path))
        if archive.form == "plain":
            admitted.alone(archive.path, dump.read(archive.path))
            return
        origin = archives.origin(archive)
        if origin.pg_dump is None:
            raise StepError("the archive's header cannot be read", looked_at=[str(archive.path)])
        if self.manifest is not None and str(origin.pg_dump) != self.manifest.pg_dump_version:
            raise StepError(
                f"pg_dump {origin.pg_dump} wrote the archive, not {self.manifest.pg_dump_version} as the manifest says"
            )

    def _choose(self, archive: Archive) -> Choice:
        origin = archives.origin(archive)
        choice = probe(
            self.scratch.use, major=origin.least, image=self.scratch.image, superuser=self.scratch.superuser,
            settings=preload.settings(self.scratch.preload),
        )  # fmt: skip
        if archive.folder is None:
            admitted.inside(archive.path, dump.read(archive.path), ours=choice.kind != "existing")
        if choice.extensions is not None:
            check_extensions(self._extensions(), choice.extensions, choice.origin)
        choice.check_libraries(self._extensions(), self.scratch.preload)
        return choice

    def _extensions(self) -> list[str]:
        if self.facts is not None:
            return [unquoted(name) for name in self.facts.catalog.extensions]
        return [] if self.archive is None else list(dump.read(self.archive.path).extensions)

    def _decode(self, archive: Archive, server: Server) -> None:
        if archive.form == "plain":
            self.outcomes.skip(
                ("contents", "decode"), "a dump as SQL has no table of contents, and is read by its restore alone"
            )
            return
        with self.outcomes.outcome("contents") as found_out:
            with unpacked_dump(archive.path) as path:
                done = server.programs.run("pg_restore", ["--list", str(path)], files=[path])
            if done.returncode:
                raise StepError("pg_restore cannot read the table of contents", looked_at=_last(done.stderr))
            count = complete.entries(done.stdout)
            found_out.append(f"{count} entries")
            if self.manifest is not None and self.manifest.entries not in {None, count}:
                raise StepError(f"the archive has {count} entries, not {self.manifest.entries} as the manifest says")
        with self.outcomes.outcome("decode"):
            self.progress("decode")
            with unpacked_dump(archive.path) as path:
                done = server.programs.run(
                    "pg_restore", ["--file=-", str(path)], stdout=Path("/dev/null"), files=[path]
                )
            if done.returncode or "error:" in done.stderr:
                raise StepError("pg_restore cannot decode the archive", looked_at=_last(done.stderr))

    def _restore(self, archive: Archive, server: Server) -> None:
        with self.outcomes.outcome("restore") as found_out:
            self._fill(archive, server)
            found_out.extend(self.taken_out)
        if self.restored is None:
            self.outcomes.skip(COMPARED, "nothing was restored")
        elif self.facts is None:
            self.outcomes.skip(COMPARED[:-1], "the backup has no facts that the restored copy could be compared with")
            with self.outcomes.outcome("orphans") as found_out:
                found_out.append(f"{len(self.restored[0].foreign_keys)} foreign keys")
                orphans.refuse(self.restored[0])
        else:
            self._compare(self.facts, *self.restored)

    def _fill(self, archive: Archive, server: Server) -> None:
        self.progress("restore")
        prepared = self._prepare(archive, server)
        left_out = restoring.left_out(dump.read(archive.path), server)
        if self.facts is None:
            self.not_verified += prepared.not_verified
        self.not_verified += [NotVerified(object="dump", reason=reason) for reason in left_out]
        size = None if self.facts is None else self.facts.catalog.database.size
        start = time.monotonic()
        backup = Backup(archive=archive, facts=self.facts, manifest=self.manifest)
        with growing(self.progress, "restore", server.address(), prepared.address.dbname, total=size):
            self.taken_out = restoring.fill(Source(shown=str(self.path)), backup, prepared, server)
        self.restore_seconds = round(time.monotonic() - start, 3)
        self.progress("compare")
        with connect(prepared.address) as connection:
            restored = read_facts(connection)
        if not restored.catalog.tables:
            raise RestoreError("the restored database holds no table: nothing would be compared")
        self.restored = restored, prepared

    def _prepare(self, archive: Archive, server: Server) -> restoring.Prepared:
        if self.facts is not None:
            like = replace(likeness(self.facts.catalog), noted=False)
            return restoring.prepare(server, self.facts.catalog, like=like)
        backup = Backup(archive=archive, facts=None, manifest=None)
        source = Source(shown=str(self.path))
        owners = restoring.owner_names(source, backup)
        return restoring.prepare(server, None, restoring.role_names(source, backup), owners=owners)

    def _compare(self, facts: Snapshot, restored: Snapshot, prepared: restoring.Prepared) -> None:
        self.not_verified += [*prepared.not_verified, *facts.not_verified, *restored.not_verified]
        self.not_verified += (*not_carried(facts.catalog), *not_restored_with_extensions(facts, restored))
        names = {line.partition(":")[0] for line in self.taken_out}
        self.not_verified += unknown.of_objects(facts, restored, names)
        wanted = replace(facts, catalog=restoring.comparable(facts.catalog, prepared, restored.catalog))
        changes = restored_equals_source(wanted, restored, owners=prepared.owners)
        tables = held(wanted, restored)
        if restored.tables and not tables:
            self.outcomes.skip(COMPARED, "the facts hold no table's content: nothing could be compared")
            return
        compared = {
            "counts": f"{sum(table.rows for table in tables)} rows in {len(tables)} tables",
            "content": f"{sum(len(table.columns) for table in tables)} columns",
            "structure": f"{len(restored.catalog.constraints)} constraints, {len(restored.catalog.indexes)} indexes",
            "orphans": f"{len(restored.foreign_keys)} foreign keys",
        }
        for name in COMPARED:
            found = [change for change in changes if kind_of(change) == name]
            with self.outcomes.outcome(name) as found_out:
                found_out.append(compared[name])
                if found:
                    raise StepError(
                        f"{len(found)} difference{'s' * (len(found) > 1)} from the manifest's facts",
                        looked_at=[difference(change) for change in found[:10]],
                    )

    def proof(self) -> Proof:
        outcomes = self.outcomes.done
        return Proof(
            format=proof.FORMAT,
            manifest="" if self.manifest is None else manifest.sha256(self.path / manifest.MANIFEST),
            verified_at=datetime.now(timezone.utc),
            proven=self.manifest is not None and proof.proves(outcomes),
            server_version=self.server_version,
            restore_seconds=self.restore_seconds,
            outcomes=outcomes,
            not_verified=tuple(dict.fromkeys(f"{gap.object}: {gap.reason}" for gap in self.not_verified)),
        )


def kind_of(change: Change) -> str:
    """Tell to which outcome a difference of a restored copy belongs."""
    if change.kind == "foreign key":
        return "orphans"
    if change.kind == "rows" and (change.attribute == "rows" or change.after is None):
        return "counts"
    if change.kind == "large objects" and change.attribute == "count":
        return "counts"
    return "content" if change.kind in {"rows", "values", "sequence value", "large objects"} else "structure"


def _last(text: str) -> list[str]:
    return text.strip().splitlines()[-5:]

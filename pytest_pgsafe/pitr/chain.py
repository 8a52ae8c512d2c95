"""Incremental base backups and those that they are made on: found, proven, and combined into one data directory."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..backup.lock import in_use
from ..errors import BackupError, RestoreError
from ..server.base import Programs
from ..server.private import private_folder
from .base import DATA, RECORD, Base, data_of, identity, read, verify


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A data directory that can be recovered."""

    data: Path
    #: The base backups that it is made of, the full one first.
    chain: tuple[Path, ...]

    @property
    def combined(self) -> bool:
        """Whether it was made for this recovery, and is nobody's backup."""
        return len(self.chain) > 1


def links(path: Path, base: Base, bases: Sequence[tuple[Path, Base]] = ()) -> tuple[tuple[Path, Base], ...]:
    """Return the base backups that one is made of: the full one first, itself last.

    They are looked for among those given and beside it, and known by their manifests, whatever their names.

    :raises RestoreError: one is missing: which.
    """
    chain = [(path, base)]
    known: dict[str, tuple[Path, Base]] = {}
    for other in (*bases, *_beside(path)):
        known.setdefault(identity(*other), other)
    while (on := chain[0][1].on) is not None:
        found = known.pop(on.manifest, None)
        if found is None:
            raise RestoreError(
                f"the base backup {on.name} is missing, on which {chain[0][0].name} is made",
                looked_at=[str(path.parent), f"SHA-256 of its {DATA}/backup_manifest: {on.manifest}"],
                remedies=[f"put {on.name} back beside it"],
            )
        chain.insert(0, found)
    return tuple(chain)


def broken(bases: Sequence[tuple[Path, Base]]) -> tuple[str, ...]:
    """Say which base backups lack one that they are made on; only records are read."""
    said: list[str] = []
    for path, base in bases:
        try:
            links(path, base, bases)
        except RestoreError as error:
            said.append(f"{path.name} cannot be recovered: {error.message}")
    return tuple(said)


@contextmanager
def whole(
    path: Path,
    base: Base,
    programs: Programs,
    bases: Sequence[tuple[Path, Base]] = (),
    *,
    others: Sequence[tuple[Path, Base]] = (),
) -> Generator[Whole, None, None]:
    """Yield the data directory of a base backup, proven; of an incremental one a combination, gone afterwards.

    :param bases: more base backups, where those that it is made on may be.
    :param others: those from which the same can be recovered, oldest first: named where this one cannot be had.
    :raises RestoreError: one is missing or damaged: which, and what can be had instead.
    """
    try:
        chain = links(path, base, bases)
    except RestoreError as error:
        raise _with(error, _instead(others, None, bases)) from error
    with ExitStack() as stack:
        for folder, _ in chain:
            # Retention removes none that is read.
            stack.enter_context(in_use(folder))
            try:
                prove(folder, programs)
            except RestoreError as error:
                raise _with(error, _instead(others, folder, bases)) from error
        if len(chain) == 1:
            yield Whole(data=data_of(path), chain=(path,))
            return
        place = stack.enter_context(private_folder("combined"))
        _combine([data_of(folder) for folder, _ in chain], place / DATA, programs)
        yield Whole(data=place / DATA, chain=tuple(folder for folder, _ in chain))


def prove(folder: Path, programs: Programs) -> None:
    """Prove a base backup by PostgreSQL's manifest.

    :raises RestoreError: it is damaged: where.
    """
    try:
        verify(data_of(folder), programs)
    except BackupError as error:
        raise RestoreError(
            f"the base backup {folder.name} is damaged", looked_at=[str(folder), *error.looked_at]
        ) from error


def _combine(parts: Sequence[Path], data: Path, programs: Programs) -> None:
    arguments = [*(str(part) for part in parts), f"--output={data}", "--manifest-checksums=SHA256", "--no-sync"]
    done = programs.run("pg_combinebackup", arguments, files=[*parts, data.parent])
    if done.returncode:
        raise RestoreError(
            f"pg_combinebackup ended with status {done.returncode}",
            looked_at=[*(str(part) for part in parts), *done.stderr.strip().splitlines()[-10:]],
        )
    try:
        verify(data, programs)
    except BackupError as error:
        raise RestoreError("the combined base backup is not whole", looked_at=error.looked_at) from error


def _instead(others: Sequence[tuple[Path, Base]], bad: Path | None, bases: Sequence[tuple[Path, Base]]) -> list[str]:
    """Say which other base backup would do, the newest that does not need the bad one."""
    for path, base in reversed(others):
        try:
            if all(folder != bad for folder, _ in links(path, base, bases)):
                return [f"--base={path} is older and would do; more WAL is replayed then"]
        except RestoreError:
            continue
    return ["no other base backup would do: take a full one now"]


def _with(error: RestoreError, remedies: Sequence[str]) -> RestoreError:
    return RestoreError(error.message, looked_at=error.looked_at, remedies=[*error.remedies, *remedies])


def _beside(path: Path) -> list[tuple[Path, Base]]:
    found: list[tuple[Path, Base]] = []
    for record in sorted(path.parent.glob(f"[!.]*/{RECORD}")):
        try:
            found.append((record.parent, read(record.parent)))
        except BackupError:
            # One that cannot be read is none that can be built on; it is missing then.
            continue
    return found

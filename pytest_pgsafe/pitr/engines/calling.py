"""An engine's program: where it is, who runs it, and what it said."""

from __future__ import annotations

import json
import os
import pwd
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...config.values import Engine
from ...errors import ConfigError
from ...server import tied
from ...server.programs import clean
from ...server.user import ServerUser

_PACKAGES = {"pgbackrest": "pgbackrest", "barman": "barman"}


@dataclass(frozen=True, kw_only=True)
class Said:
    """A program that ended."""

    status: int
    stdout: str
    stderr: str

    def lines(self) -> list[str]:
        """Return its last lines: of what went wrong, else of everything."""
        return (self.stderr.strip() or self.stdout.strip()).splitlines()[-10:]

    def json(self) -> Any:
        """Return what it printed as JSON, None if it is none."""
        try:
            return json.loads(self.stdout)
        except ValueError:
            return None


def program(engine: Engine) -> str:
    """Return the engine's program.

    :raises ConfigError: it is not installed.
    """
    found = shutil.which(engine.kind)
    if found is None:
        raise ConfigError(
            f"there is no program {engine.kind}, which restores its repositories",
            looked_at=[f"PATH: {os.environ.get('PATH', '')}"],
            remedies=[f"install it (Debian, Ubuntu: apt-get install {_PACKAGES[engine.kind]})"],
        )
    return found


def user(engine: Engine, usual: str | None) -> ServerUser | None:
    """Return who runs the engine, None for the one that calls: only root becomes somebody else.

    PostgreSQL does not run as root, and the recovered server has to read the repository too.

    :param usual: who it is if the source does not say.
    :raises ConfigError: there is no such user, or it cannot be become.
    """
    wanted = engine.user or usual
    if os.geteuid() != 0:
        own = pwd.getpwuid(os.geteuid()).pw_name
        if engine.user not in {None, own}:
            raise ConfigError(
                f"only root can run {engine.kind} as {engine.user}",
                looked_at=[f"this is run as {own}"],
                remedies=[f"run it as {engine.user} (sudo -u {engine.user} …), and leave out user="],
            )
        return None
    if wanted is None:
        raise ConfigError(f"nobody is there to run {engine.kind} as", remedies=["say user=NAME, not root"])
    try:
        found = pwd.getpwnam(wanted)
    except KeyError:
        raise ConfigError(
            f"there is no user {wanted!r} to run {engine.kind} and the recovered server as",
            remedies=["say user=NAME: the one that can read the repository"],
        ) from None
    if found.pw_uid == 0:
        raise ConfigError("PostgreSQL does not run as root", remedies=["say user=NAME: who can read the repository"])
    return ServerUser(uid=found.pw_uid, gid=found.pw_gid, name=found.pw_name)


def surroundings(who: ServerUser | None, prefix: str) -> dict[str, str]:
    """Return an environment: nothing that names a server, the engine's own variables, and its user's home.

    :param prefix: of the engine's variables, which may be all of its configuration.
    """
    kept = {name: value for name, value in os.environ.items() if name.startswith(prefix)}
    found = {**clean(os.environ), **kept}
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
        # Barman is a program of another Python than ours.
        found.pop(name, None)
    return found if who is None else {**found, "HOME": pwd.getpwuid(who.uid).pw_dir}


def call(who: ServerUser | None, command: Sequence[str], environment: Mapping[str, str]) -> Said:
    """Run a program to its end; it and whatever it started end with this process too, or when it is broken off."""
    done = tied.run(who, command, environment=environment)
    return Said(
        status=done.returncode,
        stdout=done.stdout.decode("utf-8", "backslashreplace"),
        stderr=done.stderr.decode("utf-8", "backslashreplace"),
    )

"""The unprivileged user that runs the server when pgsafe itself runs as root: PostgreSQL refuses root."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ServerError


@dataclass(frozen=True, kw_only=True)
class ServerUser:
    """A user that a process of root's becomes."""

    uid: int
    gid: int
    name: str


def server_user() -> ServerUser | None:
    """Return the user that servers run as, None for the one that calls.

    :raises ServerError: root calls, and there is neither ``postgres`` nor ``nobody``.
    """
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(uid=found.pw_uid, gid=found.pw_gid, name=name)
    raise ServerError(
        "PostgreSQL does not run as root, and there is no user to run it as",
        looked_at=["user postgres", "user nobody"],
        remedies=["add a user (useradd --system postgres)", "run pytest as an ordinary user"],
    )


def may(user: ServerUser, tests: Sequence[tuple[str, Path]]) -> bool:
    """Tell whether a user passes all of ``test(1)``'s tests, by becoming that user: modes alone do not tell it all.

    :param tests: such as ``("-x", path)``.
    """
    script = " && ".join(f'test {flag} "${place}"' for place, (flag, _) in enumerate(tests, start=1))
    arguments = [str(path) for _, path in tests]
    return run_as(user, ["/bin/sh", "-c", script, "sh", *arguments], environment={}).returncode == 0


def run_as(
    user: ServerUser | None, command: Sequence[str], *, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end as another user, with none of root's groups; None is the caller."""
    return subprocess.run(
        command,
        cwd="/",
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        user=None if user is None else user.uid,
        group=None if user is None else user.gid,
        extra_groups=None if user is None else [],
    )

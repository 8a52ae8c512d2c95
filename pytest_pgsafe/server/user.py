"""The unprivileged user that runs the server when pgsafe itself runs as root: PostgreSQL refuses root."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import secrets
import subprocess
from collections.abc import Sequence
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


#: Numbers that stand for no user: where systemd takes those that live as long as a service.
OWN = range(61184, 65520)


def own_user() -> ServerUser | None:
    """Return a user for one server alone, who owns nothing and whom nobody else is; None for the one that calls.

    :raises ServerError: as :func:`server_user`.
    """
    usual = server_user()
    if usual is None:
        return None
    taken = _running() | {found.pw_uid for found in pwd.getpwall()} | {found.gr_gid for found in grp.getgrall()}
    mapped = _mapped()
    free = [number for number in OWN if number not in taken and any(number in span for span in mapped)]
    if not free:
        return usual
    number = secrets.choice(free)
    return ServerUser(uid=number, gid=number, name=str(number))


def _running() -> set[int]:
    """Return the users that processes run as."""
    found: set[int] = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found.add(process.stat().st_uid)
    return found


def _mapped() -> tuple[range, ...]:
    """Return which users have a number here: in a container there may be few."""
    try:
        lines = Path("/proc/self/uid_map").read_text("ascii").splitlines()
    except OSError:
        return (OWN,)
    spans = [tuple(map(int, line.split())) for line in lines]
    return tuple(range(first, first + count) for first, _, count in spans)


def named_user() -> ServerUser | None:
    """Return a user whose name the system knows, and who owns as little as can be; None for the one that calls.

    :raises ServerError: as :func:`server_user`.
    """
    if os.geteuid() == 0:
        with contextlib.suppress(KeyError):
            found = pwd.getpwnam("nobody")
            return ServerUser(uid=found.pw_uid, gid=found.pw_gid, name="nobody")
    return server_user()


def may(user: ServerUser, tests: Sequence[tuple[str, Path]]) -> bool:
    """Tell whether a user passes all of ``test(1)``'s tests, by becoming that user: modes alone do not tell it all.

    :param tests: such as ``("-x", path)``.
    """
    script = " && ".join(f'test {flag} "${place}"' for place, (flag, _) in enumerate(tests, start=1))
    arguments = [str(path) for _, path in tests]
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *arguments],
        cwd="/", env={}, stdin=subprocess.DEVNULL, capture_output=True, check=False,
        user=user.uid, group=user.gid, extra_groups=[],
    )  # fmt: skip
    return done.returncode == 0

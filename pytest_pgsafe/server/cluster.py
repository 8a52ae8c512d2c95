"""Initialised data directories, made once and copied for each server: initdb takes 0.5 s and more, a copy 0.1 s."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ServerError
from . import cache, nameless, tied
from .capabilities import CHECKSUMS_BY_DEFAULT
from .owned import SUPERUSER
from .programs import LocalPrograms, clean
from .user import ServerUser

#: C.UTF-8 knows the letters of every language and sorts like C; where the C library lacks it, plain C has to do.
LOCALES = ("C.UTF-8", "C")
HBA = """\
local all all scram-sha-256
local replication all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
host replication all 127.0.0.1/32 scram-sha-256
"""
OPTIONS = ("--encoding=UTF8", "--auth=scram-sha-256", "--no-sync", "--no-instructions", f"--username={SUPERUSER}")
KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "TZDIR", "ICU_DATA")


@dataclass(frozen=True, kw_only=True)
class Template:
    """A stopped cluster that is copied, never started; or moved, where nobody needs it any more."""

    data: Path
    #: The superuser's; each server gets one of its own as soon as it runs.
    password: str = field(repr=False)
    #: It lies there, unchanged, as long as any copy of it runs.
    stays: bool = False
    #: It is nobody's: the one server that is started of it takes it.
    moved: bool = False
    #: Of postgresql.conf, without which it does not start, or not in peace.
    settings: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)


def template(programs: LocalPrograms, folder: Path, user: ServerUser | None) -> Template:
    """Return the initialised data directory for some programs, made if need be.

    :param folder: where ``user`` can run the programs.
    :raises ServerError: initdb failed.
    """
    options = [*OPTIONS, *(["--no-data-checksums"] if CHECKSUMS_BY_DEFAULT.known_to(programs.version) else [])]
    written = "\n".join([str(folder), str(programs.version), *options, *LOCALES, HBA])
    key = hashlib.sha256(written.encode()).hexdigest()[:16]
    place = cache.folder() / f"cluster-{programs.version}-{key}{'' if user is None else f'-{user.uid}'}"

    def make(fresh: Path) -> None:
        _initialise(fresh, folder, options, user)

    cache.entry(place, make, owner=None if user is None else (user.uid, user.gid))
    return Template(data=place / "data", password=(place / "password").read_text("utf-8").strip())


def surroundings() -> dict[str, str]:
    """Return the environment of a server: what it needs to be loaded, and nothing else of the caller's."""
    kept = clean(os.environ)
    # The cluster's locales are given explicitly; this is for what initdb and the postmaster themselves print.
    return {name: kept[name] for name in KEPT_VARIABLES if name in kept} | {"LC_ALL": "C"}


def _initialise(fresh: Path, folder: Path, options: list[str], user: ServerUser | None) -> None:
    secret = fresh / "password"
    handle = os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(secrets.token_urlsafe(32))
    if user is not None:
        os.chown(secret, user.uid, user.gid)
    said = ""
    for locale in LOCALES:
        command = [f"{folder}/initdb", f"--pgdata={fresh}/data", f"--pwfile={secret}", f"--locale={locale}", *options]
        with nameless.named(fresh) as more:
            done = tied.run(user, command, environment={**surroundings(), **more})
        if done.returncode == 0:
            break
        said += done.stderr.decode("utf-8", "replace")
    else:
        raise ServerError(
            "initdb could not make a cluster",
            looked_at=[f"{folder / 'initdb'}: {line}" for line in said.splitlines()[-10:]],
            remedies=["check the free space and the rights of the cache folder", "use another folder of programs"],
        )
    (fresh / "data" / "pg_hba.conf").write_text(HBA, "utf-8")
    for segment in (fresh / "data" / "pg_wal").glob("0*"):
        _punch(segment)


def _punch(segment: Path) -> None:
    """Make the zeros after the first records of a WAL segment a hole: 16 MB less to copy for each server."""
    state = segment.stat()
    content = segment.read_bytes()
    used = len(content.rstrip(b"\0"))
    os.truncate(segment, -(-used // 8192) * 8192)
    os.truncate(segment, state.st_size)

"""A stanza of pgBackRest."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ...config.values import Engine
from ...errors import BackupError, ConfigError, SourceError
from ...server.user import ServerUser, server_user
from ..base import Base
from ..target import Target
from ..way import choose
from . import calling
from .calling import Said
from .values import BackupSet, Place, Repository

#: A log of its own is never written, and what it says goes to standard error alone.
_QUIET = {
    "PGBACKREST_LOG_LEVEL_FILE": "off",
    "PGBACKREST_LOG_LEVEL_CONSOLE": "off",
    "PGBACKREST_LOG_LEVEL_STDERR": "warn",
    "PGBACKREST_LOG_TIMESTAMP": "n",
    # WAL would be fetched ahead into a spool folder by processes that outlive the restore command.
    "PGBACKREST_ARCHIVE_ASYNC": "n",
}
#: A segment that the archive does not have; every other status is a failure.
_NOT_FOUND = 1
_COUNT = re.compile(r"(missing|checksum invalid|size invalid|other): [1-9]\d*")


class PgBackRest(Repository):
    """A stanza, read by ``info``, ``restore``, ``archive-get`` and ``verify``."""

    def __init__(self, engine: Engine) -> None:
        """Find the program, and who runs it.

        :raises ConfigError: one of them is missing.
        """
        self.engine = engine
        self.program = calling.program(engine)
        usual = server_user()
        self.user: ServerUser | None = calling.user(engine, None if usual is None else usual.name)

    def find(self, target: Target) -> BackupSet:
        info = self._info([])
        sets = _sets(info)
        wanted = self.engine.backup
        named = [one for one in sets if wanted in {"latest", one.label}]
        if not named:
            raise ConfigError(
                f"{self.engine} has no backup {wanted!r}",
                looked_at=[one.label for one in sets[-10:]],
                remedies=["pgbackrest info shows all of them"],
            )
        chosen, _ = choose([(Path(one.label), one.base) for one in named], target)
        return _more(next(one for one in named if one.label == chosen.name), self._info([f"--set={chosen}"]))

    def restore(self, found: BackupSet, place: Place, *, jobs: int, only: str | None) -> None:
        arguments = [f"--set={found.label}", f"--pg1-path={place.data}", f"--process-max={jobs}", "--archive-mode=off"]
        arguments += [f"--tablespace-map-all={place.tablespaces}"]
        if only is not None and only in found.databases:
            arguments += [f"--db-include={only}"]
        done = self._run("restore", arguments, place)
        if done.status:
            raise BackupError(f"pgbackrest cannot restore {found.label}", looked_at=done.lines())

    def fetch(self, place: Place) -> str:
        environment = self._environment(place)
        lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(environment.items())]
        # The data directory was moved to the server; what stood in the environment is of the caller's.
        command = [*self._command("archive-get"), '--pg1-path="$(pwd -P)"', '"$1"', '"$2"']
        quoted = [word if '"' in word else shlex.quote(word) for word in command]
        return "\n".join([*lines, " ".join(quoted) + f" 2>>{shlex.quote(str(place.messages))}", "status=$?"])

    def verify(self, found: BackupSet) -> Sequence[str]:  # noqa: ARG002 it has no way to look at one backup alone
        # It ends with 0 whatever it finds (2.45), and prints nothing at all without this option.
        done = self._run("verify", ["--output=text"], None)
        if done.status:
            raise BackupError("pgbackrest cannot verify its repository", looked_at=done.lines())
        lines = done.stdout.splitlines()
        wrong = [line.strip() for line in lines if _COUNT.search(line) or "status: invalid" in line]
        return wrong if wrong or "status: error" not in done.stdout else [line.strip() for line in lines]

    def _info(self, arguments: Sequence[str]) -> Mapping[str, Any]:
        done = self._run("info", ["--output=json", *arguments], None)
        told: Any = done.json()
        who = "" if self.user is None else f" as {self.user.name}"
        if done.status or not told:
            raise SourceError(
                f"pgbackrest cannot read the stanza {self.engine.name}{who}",
                looked_at=done.lines(),
                remedies=self._remedies(done),
            )
        info: Mapping[str, Any] = told[0]
        if info["status"]["code"] not in {0, 4} or not info["backup"]:
            raise SourceError(
                f"pgbackrest says of the stanza {self.engine.name}: {info['status']['message']}",
                looked_at=[
                    f"repository {repo['key']}: {repo['status']['message']}{who}" for repo in info.get("repo", ())
                ],
                remedies=["pgbackrest info shows the stanzas that there are", *self._remedies(done)],
            )
        return info

    def _remedies(self, done: Said) -> list[str]:
        # In the answer as in the complaint: which of them, depends on what cannot be read.
        if "ermission denied" not in done.stdout + done.stderr:
            return ["name its configuration: config=FILE"] if self.engine.config is None else []
        own = "this user" if self.user is None else self.user.name
        return [
            f"let {own} read the configuration and the repository",
            "or say user=NAME: root runs the engine and the recovered server as that user"
            if self.user is not None
            else "or run this as the user whose repository it is",
        ]

    def _command(self, command: str) -> list[str]:
        options = [f"--stanza={self.engine.name}"]
        options += [] if self.engine.config is None else [f"--config={self.engine.config}"]
        options += [] if self.engine.repo is None else [f"--repo={self.engine.repo}"]
        return [self.program, *options, command]

    def _environment(self, place: Place | None) -> dict[str, str]:
        # A restore empties the spool folder, even where nothing is to be put there.
        folders = {"LOCK": "locks", "LOG": "log", "SPOOL": "spool"}
        own = {} if place is None else {f"PGBACKREST_{key}_PATH": f"{place.folder}/{folders[key]}" for key in folders}
        return {**calling.surroundings(self.user, "PGBACKREST_"), **_QUIET, **own}

    def _run(self, command: str, arguments: Sequence[str], place: Place | None) -> Said:
        return calling.call(self.user, [*self._command(command), *arguments], self._environment(place))


def _sets(info: Mapping[str, Any]) -> list[BackupSet]:
    clusters = {(one["id"], one["repo-key"]): one for one in info["db"]}
    newest: dict[int, str] = {}
    for archive in info["archive"]:
        key = archive["database"]["id"]
        if archive.get("max"):
            newest[key] = max(newest.get(key, ""), archive["max"])
    found: list[BackupSet] = []
    for backup in info["backup"]:
        cluster = clusters[backup["database"]["id"], backup["database"]["repo-key"]]
        base = Base(
            format="pgbackrest",
            source=info["name"],
            server_version=f"{cluster['version']}.0",
            system=cluster["system-id"],
            timeline=int(backup["archive"]["start"][:8], 16),
            segment_size=16 << 20,
            start=backup["lsn"]["start"],
            end=backup["lsn"]["stop"],
            started_at=_moment(backup["timestamp"]["start"]),
            ended_at=_moment(backup["timestamp"]["stop"]),
            superuser="",
        )
        found.append(
            BackupSet(
                label=backup["label"],
                base=base,
                size=backup["info"]["size"],
                newest=newest.get(backup["database"]["id"]),
                errors=("pages with wrong checksums were found when it was taken",) if backup.get("error") else (),
            )
        )
    return sorted(found, key=lambda one: one.base.end_lsn)


def _more(found: BackupSet, info: Mapping[str, Any]) -> BackupSet:
    """Add what ``info --set`` tells of one backup."""
    backups: list[dict[str, Any]] = info["backup"]
    told = next((one for one in backups if one["label"] == found.label), dict[str, Any]())
    wrong = [str(entry) for entry in told.get("error-list") or ()]
    databases = tuple(entry["name"] for entry in told.get("database-ref") or ())
    return replace(found, databases=databases, errors=(*found.errors, *wrong))


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)

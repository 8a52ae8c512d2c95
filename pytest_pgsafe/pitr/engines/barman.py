"""A server of Barman."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ...config.values import Engine
from ...errors import BackupError, ConfigError, SourceError
from ...server.user import ServerUser
from ...server.version import Version
from ..base import Base
from ..target import Target
from ..way import choose
from . import calling
from .calling import Said
from .place import private_place
from .values import BackupSet, Place, Repository

#: Where Barman looks for its configuration, in this order.
_USUAL = ("~/.barman.conf", "/etc/barman.conf", "/etc/barman/barman.conf")
_DEFAULT_USER = "barman"
#: Its locks and its log lie in the repository or beside it; ours lie with the restore.
_OWN = re.compile(r"\s*(barman_lock_directory|log_file)\s*[=:]", re.IGNORECASE)
_WAL = re.compile(r"[0-9A-F]{24}")
_SECTION = re.compile(r"\s*\[(?P<name>[^]]+)\]")


class Barman(Repository):
    """A server of Barman's, read by ``list-backups``, ``show-backup``, ``recover`` and ``get-wal``."""

    def __init__(self, engine: Engine) -> None:
        """Find the program, its configuration, and who runs it.

        :raises ConfigError: one of them is missing.
        """
        self.engine = engine
        self.program = calling.program(engine)
        self.configuration = _configuration(engine)
        try:
            self.text = self.configuration.read_text("utf-8")
            parsed = configparser.ConfigParser(strict=False, interpolation=None)
            parsed.read_string(self.text)
        except (OSError, UnicodeDecodeError, configparser.Error) as error:
            raise ConfigError(
                "barman's configuration cannot be read", looked_at=[f"{self.configuration}: {error}"]
            ) from error
        # It becomes this user by itself, and refuses to be another one.
        usual = parsed.get("barman", "barman_user", fallback=_DEFAULT_USER).strip("\"'")
        self.user: ServerUser | None = calling.user(engine, usual)

    def find(self, target: Target) -> BackupSet:
        with private_place(self.user) as place:
            wanted = self.engine.backup
            ids = [wanted] if wanted != "latest" else self._ids(place)
            refused: ConfigError | None = None
            for one in ids:
                found = self._show(one, place)
                try:
                    choose([(Path(found.label), found.base)], target)
                except ConfigError as error:
                    refused = error
                    continue
                return found
        assert refused is not None
        raise refused

    def restore(self, found: BackupSet, place: Place, *, jobs: int, only: str | None) -> None:  # noqa: ARG002
        arguments = [f"--jobs={jobs}", "--get-wal", "--no-retry"]
        for name in found.tablespaces:
            folder = place.tablespaces / name
            arguments += ["--tablespace", f"{name}:{folder}"]
        done = self._run(place, "recover", [*arguments, self.engine.name, found.label, str(place.data)])
        if done.status:
            raise BackupError(f"barman cannot restore {found.label}", looked_at=done.lines())

    def fetch(self, place: Place) -> str:
        environment = self._environment()
        lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(environment.items())]
        command = " ".join(map(shlex.quote, [*self._command(place), "get-wal", self.engine.name]))
        messages = shlex.quote(str(place.messages))
        # It ends with 1 whatever went wrong.
        return "\n".join(
            [
                *lines,
                f'words=$({command} "$1" 2>&1 >"$2")',
                "status=$?",
                f'[ $status -eq 0 ] || printf "%s\\n" "$words" >>{messages}',
                'case "$words" in *"not found in server"*) status=1;; *) [ $status -ne 1 ] || status=2;; esac',
            ]
        )

    def verify(self, found: BackupSet) -> Sequence[str] | None:
        """See :meth:`Repository.verify`: ``check-backup`` would write into the repository, ``verify-backup`` reads."""
        with private_place(self.user) as place:
            done = self._run(place, "verify-backup", [self.engine.name, found.label])
        # Of a copy by rsync there is none.
        if done.status and re.search(r"backup_manifest.*(No such file|does not exist)", done.stderr + done.stdout):
            return None
        return done.lines() if done.status else ()

    def _ids(self, place: Place) -> list[str]:
        """Return the backups that are whole, the newest first."""
        told = self._ask(place, "list-backups", [self.engine.name])
        found = [entry for entry in told if entry.get("status") == "DONE"]
        if not found:
            raise SourceError(
                f"barman has no complete backup of the server {self.engine.name}",
                looked_at=[f"{entry.get('backup_id')}: {entry.get('status')}" for entry in told],
                remedies=["barman backup takes one; barman cron archives the WAL that it waits for"],
            )
        return sorted((str(entry["backup_id"]) for entry in found), reverse=True)

    def _show(self, label: str, place: Place) -> BackupSet:
        told: Mapping[str, Any] = self._ask(place, "show-backup", [self.engine.name, label])
        if told["status"] != "DONE":
            raise SourceError(
                f"barman's backup {told['backup_id']} of {self.engine.name} is not complete: {told['status']}",
                remedies=["barman cron archives the WAL that a backup waits for", "name another: backup=ID"],
            )
        about = told["base_backup_information"]
        version = int(told["postgresql_version"])
        base = Base(
            format="barman",
            source=self.engine.name,
            server_version=str(Version(version)),
            system=0,
            timeline=int(about["timeline"]),
            segment_size=16 << 20,
            start=about["begin_lsn"],
            end=about["end_lsn"],
            started_at=_moment(about["begin_time_timestamp"]),
            ended_at=_moment(about["end_time_timestamp"]),
            superuser="",
        )
        return BackupSet(
            label=told["backup_id"],
            base=base,
            size=int(about["disk_usage_bytes"]),
            newest=self._newest(place) or about["end_wal"],
            tablespaces=tuple(entry["name"] for entry in told.get("tablespaces") or ()),
        )

    def _newest(self, place: Place) -> str | None:
        """Return the newest segment of the archive; what Barman shows ends at the next backup, or another timeline."""
        done = self._run(place, "list-files", ["--target", "wal", self.engine.name, "latest"])
        paths = [Path(line.strip()) for line in done.stdout.splitlines() if line.strip()]
        if done.status or not paths:
            return None
        # Of a segment the folder is wals/TIMELINE-AND-LOG/NAME, of a timeline's history wals/NAME.
        wals = {path.parent.parent if _WAL.fullmatch(path.name) else path.parent for path in paths}
        names = {path.name for path in paths}
        for folder in wals:
            try:
                text = (folder / "xlog.db").read_text("utf-8", "replace")
            except OSError as error:
                raise SourceError("barman's list of its WAL cannot be read", looked_at=[str(error)]) from error
            names |= {line.split("\t", 1)[0] for line in text.splitlines()}
        return max((name for name in names if _WAL.fullmatch(name)), default=None)

    def _ask(self, place: Place, command: str, arguments: Sequence[str]) -> Any:
        done = self._run(place, command, arguments, as_json=True)
        told: dict[str, Any] = done.json() or {}
        if done.status or self.engine.name not in told:
            words: list[str] = told.get("_ERROR") or done.lines()
            who = "" if self.user is None else f" as {self.user.name}"
            raise SourceError(
                f"barman cannot read the server {self.engine.name}{who}",
                looked_at=[str(self.configuration), *words],
                remedies=["barman list-servers shows the servers that there are", *self._remedies(" ".join(words))],
            )
        return told[self.engine.name]

    def _remedies(self, words: str) -> list[str]:
        if "ermission denied" not in words and "please run barman as" not in words:
            return []
        return ["run this as root or as barman_user, whose repository it is"]

    def _command(self, place: Place) -> list[str]:
        return [self.program, "-c", str(place.folder / "barman.conf")]

    def _environment(self) -> dict[str, str]:
        return calling.surroundings(self.user, "BARMAN_")

    def _run(self, place: Place, command: str, arguments: Sequence[str], *, as_json: bool = False) -> Said:
        self._configure(place)
        form = ["-f", "json"] if as_json else []
        return calling.call(
            self.user, [*self._command(place), "--color=never", *form, command, *arguments], self._environment()
        )

    def _configure(self, place: Place) -> None:
        """Write the configuration once more, with locks and log in the place of the restore."""
        path = place.folder / "barman.conf"
        if path.exists():
            return
        lines: list[str] = []
        inside = False
        for line in self.text.splitlines():
            if section := _SECTION.match(line):
                inside = section["name"].strip() == "barman"
                lines.append(line)
                if inside:
                    lines += [f"barman_lock_directory = {place.folder}/locks", f"log_file = {place.folder}/barman.log"]
            elif not (inside and _OWN.match(line)):
                lines.append(line)
        handle, name = tempfile.mkstemp(dir=place.folder)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        if self.user is not None:
            os.chown(name, self.user.uid, self.user.gid)
        Path(name).rename(path)


def _configuration(engine: Engine) -> Path:
    """Return Barman's configuration file.

    :raises ConfigError: there is none.
    """
    if engine.config is not None:
        return engine.config
    named = os.environ.get("BARMAN_CONFIG_FILE")
    looked_at = [Path(name).expanduser() for name in ([named] if named else _USUAL)]
    for path in looked_at:
        if path.is_file():
            return path
    raise ConfigError(
        "barman has no configuration", looked_at=[str(path) for path in looked_at], remedies=["say config=FILE"]
    )


def _moment(seconds: str) -> datetime:
    return datetime.fromtimestamp(int(seconds), timezone.utc)

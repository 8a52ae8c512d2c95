"""PostgreSQL's own pg_upgrade, on a stopped copy of the source's cluster that is thrown away afterwards."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ServerError
from ..server import cluster, tied
from ..server.cluster import Template
from ..server.local import LocalServer
from ..server.owned import SUPERUSER
from ..server.programs import LocalPrograms
from ..server.user import named_user, server_user
from .values import Mode

#: While pg_upgrade runs, its servers listen on a socket in a folder that their own user alone can enter.
_TRUSTED = "local all all trust\n"
#: An error in a log, whoever wrote it.
_LOGGED = re.compile(r"(?:ERROR|error): +(?:could not execute query: ERROR: +)?(.*)")
#: Report files of what it passes all the same: from 18 on, indexes and constraints that another Unicode may break.
_WARNS = frozenset({"unicode_dependent_rels.txt"})
#: Lines of a report file, and of what the program printed.
_LINES = 12


@dataclass(frozen=True, kw_only=True)
class Said:
    """How a run of pg_upgrade ended."""

    passed: bool
    seconds: float
    #: What it objects to in the source, by its report files, an objection each.
    refusals: tuple[str, ...] = ()
    #: What it warns of there and passes, by its report files too.
    warnings: tuple[str, ...] = ()
    #: The end of what it printed and logged, where it failed without a report file.
    lines: tuple[str, ...] = ()


class Clusters:
    """A copy of the old cluster, and new ones beside it."""

    def __init__(self, private: Path, old: LocalServer, new: LocalPrograms, *, names: tuple[str, str]) -> None:
        """Stop the old server, and copy its cluster.

        :param private: a folder that is removed when this process is gone.
        :param names: the database in the old cluster, and what people call it.
        :raises ServerError: it does not stop, or no user can run the programs.
        """
        # Root's pg_upgrade is run by another: it refuses root, and a user without a name.
        self._user, self._names = named_user(), names
        self._from, self._to, self._programs = old.local.readable_by(self._user), new.readable_by(self._user), new
        if not (self._to / "pg_upgrade").is_file():
            raise ServerError("the programs of the next major have no pg_upgrade", looked_at=[str(self._to)])
        # Its user passes through the folder, and sees nothing else in it.
        private.chmod(0o711)
        self._place = private / "clusters"
        for folder in (self._place, self._place / "s"):
            folder.mkdir(mode=0o700)
            self._own(folder)
        sealed = old.seal()
        self.password = sealed.password
        self._old = self._copied(sealed.data, "old")

    def check(self) -> Said:
        """Run ``pg_upgrade --check``; its report files are kept where it passes too."""
        data = self._initialised("checked")
        try:
            return self._run(data, "--check", "--retain")
        finally:
            shutil.rmtree(data)

    def transfer(self, mode: Mode) -> tuple[Said, Template]:
        """Run pg_upgrade; return how it ended, and the upgraded cluster, stopped.

        By link the old cluster is gone afterwards.
        """
        data = self._initialised(mode)
        said = self._run(data, *(["--link"] if mode == "link" else []))
        (data / "pg_hba.conf").write_text(cluster.HBA, "utf-8")
        return said, Template(data=data, password=self.password)

    def _initialised(self, name: str) -> Path:
        """Return a new, empty cluster of the next major."""
        made = cluster.template(self._programs, self._programs.readable_by(server_user()), server_user())
        return self._copied(made.data, name)

    def _copied(self, cluster_data: Path, name: str) -> Path:
        data = self._place / name
        shutil.copytree(cluster_data, data, symlinks=True)
        for folder, _, names in os.walk(data):
            for one in (Path(folder), *(Path(folder) / each for each in names)):
                self._own(one)
        (data / "pg_hba.conf").write_text(_TRUSTED, "utf-8")
        return data

    def _own(self, path: Path) -> None:
        if self._user is not None:
            os.chown(path, self._user.uid, self._user.gid, follow_symlinks=False)

    def _run(self, data: Path, *options: str) -> Said:
        command = [
            f"{self._to}/pg_upgrade", f"--old-bindir={self._from}", f"--new-bindir={self._to}",
            f"--old-datadir={self._old}", f"--new-datadir={data}", f"--username={SUPERUSER}",
            f"--socketdir={self._place / 's'}", *options,
        ]  # fmt: skip
        begun = time.monotonic()
        done = tied.run(self._user, command, environment=cluster.surroundings(), folder=self._place)
        seconds = time.monotonic() - begun
        printed = (done.stdout + done.stderr).decode("utf-8", "replace")
        reports = sorted({*data.glob("pg_upgrade_output.d/*/*.txt"), *self._place.glob("*.txt")})
        warned = [path for path in reports if path.name in _WARNS]
        warnings = tuple(self._plain(text) for text in _objections(printed, warned))
        if done.returncode == 0:
            return Said(passed=True, seconds=seconds, warnings=warnings)
        refused = [path for path in reports if path.name not in _WARNS]
        refusals = tuple(self._plain(text) for text in _objections(printed, refused))
        # What its programs logged says more than what it printed itself.
        lines = () if refusals else tuple(dict.fromkeys(self._logged(data))) or _end(printed)
        said = tuple(self._plain(line) for line in lines)
        return Said(passed=False, seconds=seconds, refusals=refusals, warnings=warnings, lines=said)

    def _logged(self, data: Path) -> Iterator[str]:
        """Yield the errors that its programs logged; up to 14 in the folder that it runs in."""
        for path in sorted({*data.glob("pg_upgrade_output.d/*/log/*.log"), *self._place.glob("*.log")}):
            lines = path.read_text("utf-8", "replace").splitlines()
            yield from [found[1] for line in lines if (found := _LOGGED.search(line)) is not None][:_LINES]

    def _plain(self, text: str) -> str:
        """Return a text with the database's own name, and without the folders of this run."""
        return text.replace(self._names[0], self._names[1]).replace(f"{self._place}/", "")


def _objections(printed: str, reports: Sequence[Path]) -> Iterator[str]:
    """Yield each objection: the paragraph that names a report file, and what stands in that."""
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", printed)]
    for path in reports:
        place = next((number for number, part in enumerate(paragraphs) if path.name in part), 0)
        # From 17 on the sentence about the file is a paragraph of its own.
        about = re.sub(r"\s*(A|The) list of .*$", "", paragraphs[place]) or paragraphs[place - 1]
        about = about.rpartition("checks failed: ")[2].rstrip(".")
        # What it only warns of stands below its list of what was looked at.
        about = about[max(about.find("Your installation"), 0) :]
        found = [" ".join(line.split()) for line in path.read_text("utf-8", "replace").splitlines() if line.strip()]
        more = f" … and {len(found) - _LINES} more" if len(found) > _LINES else ""
        yield f"{about}: {'; '.join(found[:_LINES])}{more}"


def _end(printed: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in printed.splitlines() if line.strip())[-_LINES:]

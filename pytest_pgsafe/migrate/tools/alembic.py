"""Run Alembic on the copy as its command line would, and learn which revisions ran and how long each took."""

from __future__ import annotations

import configparser
import importlib.util
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ConfigError, MigrationError
from ..values import Revision
from .base import Copy, Job, Migration, Rows
from .installed import demand
from .operations import Script, assigned
from .sources import below, relative
from .tables import table

if TYPE_CHECKING:
    from typing_extensions import Self

    from ...config.values import Way

#: As ``alembic -c INI upgrade REVISION`` (or ``downgrade``), but the copy's address replaces the one that the file
#: holds. A line is written before each revision and after the last; the generator is asked for the next when one has
#: ended.
SCRIPT = """
import json, os, sys, time
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.engine import make_url
config = Config(sys.argv[1])
url = make_url(os.environ.pop("PGSAFE_URL"))
path = os.environ.pop("PGSAFE_REVISIONS")
try:
    drivername = make_url(config.get_main_option("sqlalchemy.url") or "").drivername
except Exception:
    drivername = ""
if drivername.split("+")[0] in ("postgres", "postgresql"):
    url = url.set(drivername=drivername)
config.set_main_option("sqlalchemy.url", url.render_as_string(hide_password=False).replace("%", "%%"))

def note(name):
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps([name, time.monotonic()]) + "\\n")

def noted(steps):
    for step in steps:
        note(str(getattr(getattr(step, "revision", None), "revision", step)))
        yield step
    note(None)

def follow(name):
    plain = getattr(ScriptDirectory, name, None)
    if plain is not None:
        setattr(ScriptDirectory, name, lambda self, *given: noted(plain(self, *given)))

follow("_upgrade_revs")
follow("_downgrade_revs")
getattr(command, sys.argv[2])(config, sys.argv[3])
"""


@dataclass(frozen=True, kw_only=True)
class Alembic(Migration):
    """An Alembic configuration: ``alembic -c INI upgrade head``, or back to where the source is."""

    ini: Path
    revision: str = "head"
    back: bool = False

    tables = (table("Alembic", "alembic_version"),)
    alternative = "write its SQL into a file, and name that: alembic upgrade REVISION:head --sql > pending.sql"

    @classmethod
    def made(cls, way: Way, *, way_back: bool) -> Self:
        """Make one of an ini file, if this Python has Alembic."""
        assert way.path is not None
        _demand_section(way.path)
        demand("alembic", way.path, "alembic upgrade head")
        return cls(ini=way.path, back=way_back, revision="" if way_back else "head")

    @classmethod
    def sources(cls, way: Way) -> tuple[Path, ...]:
        """Return the scripts and what runs them; the ini file, which holds addresses, is not of the migration.

        :raises ConfigError: the ini file does not say where they are.
        """
        assert way.path is not None
        return _files(way.path)

    @classmethod
    def named(cls, way: Way) -> Mapping[str, Path]:
        """Return the scripts by their paths from the ini file's folder."""
        assert way.path is not None
        return {relative(file, way.path.parent): file for file in _files(way.path)}

    def __str__(self) -> str:
        return f"alembic -c {self.ini.name} {'downgrade' if self.back else 'upgrade'} {self.revision}"

    def job(self, copy: Copy) -> Job:
        """Return what runs it with the Python that runs pytest."""
        flavour = "" if importlib.util.find_spec("psycopg2") else ":psycopg"
        return Job(
            command=(
                sys.executable, "-c", SCRIPT, str(self.ini), "downgrade" if self.back else "upgrade", self.revision
            ),
            folder=self.ini.parent,
            environment={
                "PGSAFE_URL": copy.fill(f"{{url{flavour}}}"),
                "PGSAFE_REVISIONS": str(copy.private / "revisions"),
            },
        )  # fmt: skip

    def to(self, revision: str) -> Alembic:
        """Return the part of it that leads to a revision."""
        return replace(self, revision=revision)

    def back_to(self, before: Rows, after: Rows) -> Alembic:
        """Return the way back to the revision that ``before`` is at, if it is a way back.

        :raises MigrationError: ``before`` is at several.
        """
        del after
        if not self.back:
            return self
        found = self.at(before) or ()
        if len(found) > 1:
            raise MigrationError(
                "how far to go back cannot be told: the source has several revisions",
                looked_at=[", ".join(found)],
                remedies=['say it: rollback = "cmd:alembic downgrade REVISION"'],
            )
        return replace(self, revision=found[0] if found else "base")

    def revisions(self, printed: str, copy: Copy) -> tuple[Revision, ...]:
        """Read what the script wrote; the last revision of a run that failed has no time."""
        del printed
        file = copy.private / "revisions"
        if not file.is_file():
            return ()
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        ends = [*(time for _, time in lines[1:]), None]
        return tuple(
            Revision(name=name, seconds=None if end is None else round(end - start, 3))
            for (name, start), end in zip(lines, ends, strict=True)
            if name is not None
        )

    def written(self, revisions: Sequence[str]) -> Mapping[str, Script]:
        """Return the scripts whose ``revision`` is one of these; of two of one revision neither."""
        try:
            scripts = [Script.read(file, self.ini.parent) for file in _files(self.ini) if file.suffix == ".py"]
        except ConfigError:
            return {}
        found: dict[str, list[Script]] = {}
        for script in scripts:
            name = None if script is None else assigned(script.tree, "revision")
            if script is not None and name in revisions:
                found.setdefault(str(name), []).append(script)
        return {name: script for name, [script, *more] in found.items() if not more}

    def parts(self, revisions: Sequence[str]) -> tuple[tuple[str, Alembic], ...]:
        """Return the revisions, each as a migration that leads to it."""
        return tuple((name, replace(self, revision=name)) for name in revisions)

    def at(self, copy: Rows) -> tuple[str, ...] | None:
        """Return the revisions that a copy is at: Alembic does not say that it had nothing to do."""
        rows = copy("alembic_version", "select version_num::text from {} order by 1")
        return None if rows is None else tuple(str(revision) for (revision,) in rows)


def _files(ini: Path) -> tuple[Path, ...]:
    """Return the scripts and what runs them.

    :raises ConfigError: the ini file does not say where they are.
    """
    found = (below(place, {".py", ".sql"}) for place in _places(ini))
    return tuple(sorted({file for files in found for file in files}))


def _places(ini: Path) -> tuple[Path, ...]:
    """Return the folders of an environment's scripts, which may lie outside of each other."""
    here = ini.absolute().parent
    reader = configparser.ConfigParser({"here": here.as_posix()}, strict=False)
    try:
        reader.read(ini, encoding="utf-8")
        script = reader.get("alembic", "script_location")
        versions = reader.get("alembic", "version_locations", fallback="")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise ConfigError(f"where Alembic's scripts are cannot be told: {error}", looked_at=[str(ini)]) from error
    places = [here / text for text in (script, *re.split(r"[\s,;:]+", versions)) if text]
    if missing := [str(place) for place in places if not place.is_dir()]:
        raise ConfigError(
            "where Alembic's scripts are cannot be told", looked_at=[str(ini), *missing],
            remedies=["name the folder as a path in script_location: %(here)s/migrations"],
        )  # fmt: skip
    return tuple(places)


def _demand_section(ini: Path) -> None:
    reader = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        reader.read(ini, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise ConfigError(f"not an Alembic configuration: {error}", looked_at=[str(ini)]) from error
    if not reader.has_section("alembic"):
        raise ConfigError("not an Alembic configuration: no section [alembic]", looked_at=[str(ini)])

"""A Django project is given the copy's address whatever its settings say."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ConfigError
from ..values import Revision
from .base import Copy, Job, Migration, Rows
from .installed import demand
from .operations import Script, assigned
from .sources import below, relative
from .tables import table

if TYPE_CHECKING:
    from typing_extensions import Self

    from ...config.values import Way

_SETTINGS = re.compile(r"""["']DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)["']""")
_APPLYING = re.compile(r"^  (?:Applying|Unapplying) ([\w.]+)\.\.\.", re.MULTILINE)
_NAME = "pgsafe_django_settings"
#: The project's settings with other addresses. ``default`` and the aliases of the same database (a replica, a pooler,
#: another user) lead to the copy. Any other alias may be the source or what only production has, so nothing answers
#: there: whoever uses it is told so by the name of the socket. An engine that nobody knows may be PostgreSQL's.
_MODULE = """
import importlib
import os
import re

_project = importlib.import_module(os.environ["PGSAFE_SETTINGS"])
globals().update({name: value for name, value in vars(_project).items() if name.isupper()})
_copy = {key: os.environ["PGSAFE_" + key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
_OTHER = re.compile("sqlite|mysql|mariadb|oracle|mssql|sql_server|snowflake|dummy|mongo", re.IGNORECASE)
# Where libpq would go in spite of the address, or what the source's server has and the copy's has not.
_LEADING = re.compile(
    "service|servicefile|passfile|pool|host|hostaddr|port|dbname|user|password|ssl.*|gss.*|krbsrvname"
    "|channel_binding|require_auth|requirepeer|target_session_attrs|load_balance_hosts"
)

def _named(database):
    options = database.get("OPTIONS") or {}
    return (database.get("NAME") or options.get("dbname") or "", options.get("service") or "")

def _led(alias, database):
    if not database.get("ENGINE") or _OTHER.search(database["ENGINE"]):
        return database
    same = alias == "default" or any(
        one and one == other for one, other in zip(_named(database), _named(DATABASES.get("default") or {}))
    )
    nowhere = {"NAME": "pgsafe", "HOST": "/pgsafe/no-copy-of-the-alias-" + alias, "PORT": "9", "PASSWORD": ""}
    options = {key: one for key, one in (database.get("OPTIONS") or {}).items() if not _LEADING.fullmatch(key)}
    return {**database, **(_copy if same else nowhere), "OPTIONS": options}

DATABASES = {alias: _led(alias, database) for alias, database in DATABASES.items()}
"""


@dataclass(frozen=True, kw_only=True)
class Django(Migration):
    """A Django project: ``python manage.py migrate --noinput``."""

    manage: Path
    #: The app and the migration to go to; empty for all.
    target: tuple[str, ...] = ()
    back: bool = False
    #: On the way back: where each app goes to, in order.
    targets: tuple[tuple[str, str], ...] = ()

    tables = (table("Django", "django_migrations"),)
    alternative = "write its SQL into a file, and name that: python manage.py sqlmigrate APP NAME > pending.sql"

    @classmethod
    def made(cls, way: Way, *, way_back: bool) -> Self:
        """Make one of a project's manage.py, if this Python has Django."""
        assert way.path is not None
        demand("django", way.path, "python manage.py migrate --noinput")
        return cls(manage=way.path, back=way_back)

    @classmethod
    def sources(cls, way: Way) -> tuple[Path, ...]:
        """Return what lies in folders called migrations; those of installed apps are not the project's."""
        assert way.path is not None
        return _files(way.path)

    @classmethod
    def named(cls, way: Way) -> Mapping[str, Path]:
        """Return the migrations by their paths from manage.py's folder."""
        assert way.path is not None
        return {relative(file, way.path.parent): file for file in _files(way.path)}

    def __str__(self) -> str:
        return " ".join(("python", self.manage.name, "migrate", *self.target, "--noinput"))

    def job(self, copy: Copy) -> Job:
        """Return what runs it with the Python that runs pytest.

        :raises ConfigError: nothing says which settings the project has.
        """
        command = [sys.executable, self.manage.name, "migrate", *self.target, "--noinput"]
        if self.back:
            command = ["sh", "-c", self._in_turn()]
        return Job(command=command, folder=self.manage.parent, environment=_settings_module(self.manage, copy))

    def _in_turn(self) -> str:
        """Return the command line that takes one app after the other back."""
        command = [sys.executable, self.manage.name, "migrate", "--noinput"]
        return " && ".join(shlex.join([*command, app, name]) for app, name in self.targets)

    def to(self, revision: str) -> Django:
        """Return the part of it that leads to ``app.name``, or migrates one app."""
        app, _, name = revision.replace(" ", ".").partition(".")
        return replace(self, target=(app, name) if name else (app,))

    def back_to(self, before: Rows, after: Rows) -> Django | None:
        """Return the way back, the app that was migrated last first; None if nothing was applied."""
        if not self.back:
            return self
        targets = _targets(_applied(before), _applied(after))
        return replace(self, targets=targets) if targets else None

    def revisions(self, printed: str, copy: Copy) -> tuple[Revision, ...]:
        """Return what it says that it applied, in order; it tells no times."""
        del copy
        return tuple(Revision(name=name) for name in _APPLYING.findall(printed))

    def written(self, revisions: Sequence[str]) -> Mapping[str, Script]:
        """Return the files of ``app.name``: those in the folder ``migrations`` of an app with that label."""
        found: dict[str, Script] = {}
        for file in _files(self.manage):
            name = f"{_label(file.parent.parent)}.{file.stem}"
            script = Script.read(file, self.manage.parent) if file.suffix == ".py" and name in revisions else None
            if script is not None:
                found[name] = script
        return found

    def parts(self, revisions: Sequence[str]) -> tuple[tuple[str, Django], ...]:
        """Return the revisions, each as a migration that leads to it."""
        return tuple((name, self.to(name)) for name in revisions)


def _files(manage: Path) -> tuple[Path, ...]:
    return below(manage.parent, {".py", ".sql"}, inside="migrations")


def _label(app: Path) -> str:
    """Return an app's label: its folder's name, unless ``apps.py`` says another."""
    script = Script.read(app / "apps.py", app)
    return (None if script is None else assigned(script.tree, "label")) or app.name


def _applied(copy: Rows) -> list[tuple[str, str]]:
    """Return app and name of what is applied, in the order in which it was."""
    rows = copy("django_migrations", "select app::text, name::text from {} order by id") or ()
    return [(str(app), str(name)) for app, name in rows]


def _targets(before: list[tuple[str, str]], after: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return where each app goes back to, the one that was migrated last first."""
    there = dict(before)
    known = set(before)
    apps = dict.fromkeys(app for app, name in reversed(after) if (app, name) not in known)
    return tuple((app, there.get(app, "zero")) for app in apps)


def _settings_module(manage: Path, copy: Copy) -> dict[str, str]:
    """Write a settings module that wraps the project's and return the variables that make ``manage.py`` use it.

    :raises ConfigError: nothing says which settings the project has.
    """
    found = _SETTINGS.search(manage.read_text(encoding="utf-8", errors="replace"))
    name = copy.environ.get("DJANGO_SETTINGS_MODULE") or (found[1] if found else "")
    if not name:
        raise ConfigError(
            "manage.py does not name the project's settings",
            looked_at=[str(manage), "DJANGO_SETTINGS_MODULE"],
            remedies=["set DJANGO_SETTINGS_MODULE, or say cmd:python manage.py migrate"],
        )
    folder = copy.private / "django"
    folder.mkdir()
    (folder / f"{_NAME}.py").write_text(_MODULE, encoding="utf-8")
    before = copy.environ.get("PYTHONPATH", "")
    return {
        "DJANGO_SETTINGS_MODULE": _NAME,
        "PYTHONPATH": f"{folder}:{before}" if before else str(folder),
        "PGSAFE_SETTINGS": name,
        "PGSAFE_NAME": copy.fill("{dbname}"),
        "PGSAFE_USER": copy.fill("{user}"),
        "PGSAFE_PASSWORD": copy.fill("{password}"),
        "PGSAFE_HOST": copy.fill("{host}"),
        "PGSAFE_PORT": copy.fill("{port}"),
    }

"""A Django project is given the copy's address whatever its settings say."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from ..errors import ConfigError
from ..server.address import Address
from .environment import fill
from .sources import Django
from .values import Revision

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


def settings_module(manage: Path, address: Address, private: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Write a settings module that wraps the project's and return the variables that make ``manage.py`` use it.

    :raises ConfigError: nothing says which settings the project has.
    """
    found = _SETTINGS.search(manage.read_text(encoding="utf-8", errors="replace"))
    name = environ.get("DJANGO_SETTINGS_MODULE") or (found[1] if found else "")
    if not name:
        raise ConfigError(
            "manage.py does not name the project's settings",
            looked_at=[str(manage), "DJANGO_SETTINGS_MODULE"],
            remedies=["set DJANGO_SETTINGS_MODULE, or say cmd:python manage.py migrate"],
        )
    folder = private / "django"
    folder.mkdir()
    (folder / f"{_NAME}.py").write_text(_MODULE, encoding="utf-8")
    before = environ.get("PYTHONPATH", "")
    return {
        "DJANGO_SETTINGS_MODULE": _NAME,
        "PYTHONPATH": f"{folder}:{before}" if before else str(folder),
        "PGSAFE_SETTINGS": name,
        "PGSAFE_NAME": address.dbname,
        "PGSAFE_USER": fill("{user}", address),
        "PGSAFE_PASSWORD": fill("{password}", address),
        "PGSAFE_HOST": fill("{host}", address),
        "PGSAFE_PORT": fill("{port}", address),
    }


def in_turn(migration: Django) -> str:
    """Return the command line that takes one app after the other back."""
    command = [sys.executable, migration.manage.name, "migrate", "--noinput"]
    return " && ".join(shlex.join([*command, app, name]) for app, name in migration.targets)


def applied_migrations(printed: str) -> tuple[Revision, ...]:
    """Return what ``manage.py migrate`` says that it applied, in order; it tells no times."""
    return tuple(Revision(name=name) for name in _APPLYING.findall(printed))

"""A Django project is given the copy's address whatever its settings say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ..errors import ConfigError
from ..server.address import Address
from .environment import fill
from .values import Revision

_SETTINGS = re.compile(r"""["']DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)["']""")
_APPLYING = re.compile(r"^  (?:Applying|Unapplying) ([\w.]+)\.\.\.", re.MULTILINE)
_NAME = "pgsafe_django_settings"
#: The project's settings, with the address of the default database replaced.
_MODULE = """
import importlib
import os

_project = importlib.import_module(os.environ["PGSAFE_SETTINGS"])
globals().update({name: value for name, value in vars(_project).items() if name.isupper()})
_address = {key: os.environ["PGSAFE_" + key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
_default = DATABASES.get("default", {})
if "postg" in _default.get("ENGINE", ""):
    _options = {
        key: value for key, value in _default.get("OPTIONS", {}).items() if key not in ("service", "passfile", "pool")
    }
    DATABASES = {**DATABASES, "default": {**_default, **_address, "OPTIONS": _options}}
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


def applied_migrations(printed: str) -> tuple[Revision, ...]:
    """Return what ``manage.py migrate`` says that it applied, in order; it tells no times."""
    return tuple(Revision(name=name) for name in _APPLYING.findall(printed))

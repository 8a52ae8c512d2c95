"""What the runbook's commands are told by the configuration file, and by ``PGSAFE_SECTION_KEY`` in the environment."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..errors import ConfigError
from .find import FILE_NAME, find
from .values import Options
from .words import Section

#: The sections, in the order of the runbook.
COMMANDS = ("backup", "retention", "alerts", "storage", "restore", "evidence")
#: Addresses have variables of their own, which add to the file's and do not replace them.
_ALERTS = "alerts"
#: Keys that name a file or a folder; an address with a scheme is none.
_PATHS = frozenset({("backup", "root"), ("storage", "url"), ("storage", "identity"), ("evidence", "root")})
#: Keys that hold commands of a shell.
_SHELL = frozenset({("restore", "stop"), ("restore", "start")})
_LISTS = frozenset({("alerts", "to"), ("alerts", "ping"), ("storage", "recipient"), *_SHELL})

#: By section and key. Paths are absolute, what may be several is a list; what was not said is not there.
Keys = Mapping[str, Mapping[str, Any]]


def keys(config: str | None, *, environment: Mapping[str, str], here: Path) -> Keys:
    """Return what the file says, and what the environment says instead.

    :param config: the file; None is ``pgsafe.toml`` or ``pyproject.toml`` in ``here``, if there is one.
    :param here: the folder of the call.
    :raises ConfigError: a key or a variable that cannot be used.
    """
    options = Options(config=config)
    path, content, prefix = find(options, environment, rootdir=here, invocation_dir=here)
    from .file import parse

    document = parse(content, path=here / FILE_NAME if path is None else path, prefix=prefix)
    folder = here if path is None else path.parent
    found: dict[str, dict[str, Any]] = {}
    for name in COMMANDS:
        section: Section = getattr(document, name)
        said = {
            key: _placed(name, key, value, folder, here) for key, value in section.model_dump(exclude_none=True).items()
        }
        told = {} if name == _ALERTS else _told(name, type(section), environment)
        found[name] = {**said, **{key: _placed(name, key, value, here, here) for key, value in told.items()}}
    return found


def variable(section: str, key: str) -> str:
    """Return the name of a key's variable."""
    return f"PGSAFE_{section}_{key}".upper()


def _told(name: str, section: type[Section], environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what variables say of a section; of a list each line is an entry.

    :raises ConfigError: a variable holds what its key could not.
    """
    found: dict[str, Any] = {}
    for key in section.model_fields:
        text = environment.get(variable(name, key), "").strip()
        if not text:
            continue
        value: Any = text.splitlines() if (name, key) in _LISTS else text
        try:
            # A variable is a text, whatever its key is.
            found[key] = getattr(section.model_validate({key: value}, strict=False), key)
        except ValidationError as error:
            raise ConfigError(f"{variable(name, key)}: {error.errors(include_url=False)[0]['msg']}") from error
    return found


def _placed(section: str, key: str, value: Any, folder: Path, here: Path) -> Any:
    """Return a value with its paths made absolute: they are relative to the file that says them."""
    if (section, key) in _PATHS and "://" not in value:
        return str((folder / Path(value).expanduser()).absolute())
    if (section, key) not in _LISTS:
        return value
    listed: list[str] = [value] if isinstance(value, str) else value
    if (section, key) in _SHELL and folder != here:
        return [f"cd {shlex.quote(str(folder))} && {command}" for command in listed]
    return listed

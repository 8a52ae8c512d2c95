"""Which key of the configuration is the default of which parameter of a command.

The only place: option, then environment, then file, then the command's own default. It is click's own mechanism
(``default_map``), filled before any other parameter is read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import ConfigError

if TYPE_CHECKING:
    from ..config.commands import Keys

_WHICH = {"root": ("backup", "root"), "environment": ("backup", "environment")}
_ROOT = {"root": ("backup", "root")}
_STORED = {"endpoint": ("storage", "endpoint"), "identity": ("storage", "identity")}
_AGE = {"max_age": ("backup", "max_age")}
#: By command and parameter: section and key.
PARAMETERS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "backup": {**_WHICH, **{key: ("backup", key) for key in ("jobs", "plain", "retain", "verify")}},
    "verify": {**_WHICH, **_STORED},
    "status": {**_ROOT, **_AGE},
    "daily": {**_ROOT, **_AGE},
    "prune": {**_ROOT, **{key: ("retention", key) for key in ("daily", "weekly", "monthly", "yearly")}},
    "archive": _WHICH,
    "evidence": {"root": ("evidence", "root")},
    # These take nothing from it but where the evidence is kept.
    "pitr recover": {},
    "pitr rescue": {},
    "push": {
        **_WHICH,
        **{key: ("storage", key) for key in ("url", "endpoint", "encryption", "kms_key", "storage_class", "recipient")},
    },
    "pull": {**_ROOT, **_STORED, "url": ("storage", "url")},
    "restore": {**_WHICH, **_STORED, **{key: ("restore", key) for key in ("jobs", "stall", "stop", "start")}},
}


def fill(context: click.Context, _: click.Parameter, config: str | None) -> str | None:
    """Read the configuration for the command that is called: the callback of ``--config``, which comes first.

    :raises ConfigError: it cannot be used.
    """
    parameters = PARAMETERS.get(context.command_path.partition(" ")[2])
    if parameters is not None:
        from ..config.commands import keys

        context.obj = found = keys(config, environment=os.environ, here=Path.cwd())
        context.default_map = {
            parameter: found[section][key]
            for parameter, (section, key) in parameters.items()
            if key in found[section]
        }  # fmt: skip
    return config


def given() -> Keys:
    """Return what file and environment say to the command that runs."""
    found: Keys = click.get_current_context().obj
    return found


def from_file(parameter: str) -> bool:
    """Tell whether a parameter has its value from the configuration, not from the call."""
    source = click.get_current_context().get_parameter_source(parameter)
    return source is click.core.ParameterSource.DEFAULT_MAP


def needed(what: str, argument: str, section: str, key: str) -> ConfigError:
    """Return what is said where neither the call nor the configuration names something."""
    from ..config.commands import variable

    return ConfigError(
        f"no {what} is named",
        looked_at=[argument, variable(section, key), f"[{section}] {key} in pgsafe.toml"],
        remedies=[f"name it, or write it into pgsafe.toml once: [{section}] {key}"],
    )

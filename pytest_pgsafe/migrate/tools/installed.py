"""Whether what a tool is run with is there: found out before the first step."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from ...errors import ConfigError


def demand(module: str, path: Path, command: str) -> None:
    """See that this Python has a package.

    :param command: what to say instead, to have another Python run it.
    :raises ConfigError: it does not.
    """
    if importlib.util.find_spec(module) is None:
        raise ConfigError(
            f"{path.name} needs the Python package {module}, which this Python does not have",
            looked_at=[str(path)],
            remedies=[f"install it beside pytest-pgsafe, or name the one to use: cmd:/path/to/{command}"],
        )

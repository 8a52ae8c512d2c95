"""Which file configures a run: one that is named, ``pgsafe.toml``, or a table of ``pyproject.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from . import forms
from .values import Options

FILE_NAME = "pgsafe.toml"
_PYPROJECT = "pyproject.toml"


def find(
    options: Options, environment: Mapping[str, str], *, rootdir: Path, invocation_dir: Path
) -> tuple[Path | None, Mapping[str, Any], tuple[str, ...]]:
    """Return the configuration file, its content, and the prefix of its keys.

    :param rootdir: where it is looked for.
    :param invocation_dir: what paths in options and in the environment are relative to.
    :raises ConfigError: two files configure, one lies where it is not read, or one that is named is not there.
    """
    # Late: it brings the library that validates, and the plugin is loaded without.
    from .file import load

    named = options.config if options.config is not None else environment.get("PGSAFE_CONFIG")
    own, shared = rootdir / FILE_NAME, rootdir / _PYPROJECT
    if named:
        origin = "PGSAFE_CONFIG" if options.config is None else "--pgsafe-config"
        path = forms.existing(named, base=invocation_dir, origin=origin, what="the configuration file")
        if path.name != _PYPROJECT:
            return path, load(path), ()
        own, shared = path, path
    section: Mapping[str, Any] | None = None
    if shared.is_file():
        # Any other tool's mistake in pyproject.toml is for that tool to tell, unless we need the file.
        section = load(shared).get("tool", {}).get("pgsafe")
    if own != shared and own.is_file() and section is not None:
        raise ConfigError(
            f"both {FILE_NAME} and [tool.pgsafe] in {_PYPROJECT} configure pgsafe",
            looked_at=[str(own), str(shared)],
            remedies=["keep one of them"],
        )
    if own != shared and own.is_file():
        return own, load(own), ()
    if section is not None:
        return shared, section, ("tool", "pgsafe")
    if named:
        raise ConfigError(f"{_PYPROJECT} has no table [tool.pgsafe]", looked_at=[str(shared)])
    stray = invocation_dir / FILE_NAME
    if stray.is_file():
        # pytest's rootdir is another folder than the reader thinks; silence would leave the rules out.
        raise ConfigError(
            f"{FILE_NAME} does not lie in pytest's rootdir",
            looked_at=[str(stray), str(own)],
            remedies=[f"move it to {rootdir}", f"say --pgsafe-config={FILE_NAME}"],
        )
    return None, {}, ()

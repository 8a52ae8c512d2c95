"""The files of a migration and their hashes: what is rehearsed, and what is about to be deployed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..config.values import Way
from ..errors import ConfigError
from .tools import TOOLS, everyone
from .tools.sources import below, relative


def sources(way: Way | None, also: Sequence[Path] = ()) -> tuple[Path, ...]:
    """Return the files that a migration consists of, each once, sorted.

    :param way: how it is run; None where the further ones are all.
    :param also: further files and folders; what is not there is left out.
    :raises ConfigError: the project does not say where they are, or no such tool is installed.
    """
    found: set[Path] = set()
    if way is not None:
        tool = TOOLS.get(way.kind) or everyone().get(way.kind)
        if tool is None:
            raise ConfigError(f"the migration tool {way.kind} is not installed here")
        found.update(tool.sources(way))
    for path in also:
        found.update(below(path) if path.is_dir() else [path] if path.is_file() else [])
    return tuple(sorted(path.absolute() for path in found))


def hashes(files: Sequence[Path], folder: Path) -> Mapping[str, str]:
    """Return the SHA-256 of files, in hexadecimal digits, by their paths relative to a folder.

    :raises ConfigError: one of them cannot be read.
    """
    found: dict[str, str] = {}
    for file in files:
        try:
            found[relative(file, folder)] = hashlib.sha256(file.read_bytes()).hexdigest()
        except OSError as error:
            raise ConfigError(
                "a file of the migration cannot be read", looked_at=[f"{file}: {error.strerror}"]
            ) from None
    return found

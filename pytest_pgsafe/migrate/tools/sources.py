"""Files below a folder, as a project has them: without what others installed there."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

#: Folders that hold no source of a project's own.
_OTHERS = frozenset({"__pycache__", "node_modules", "site-packages"})


def below(folder: Path, suffixes: Collection[str] = (), *, inside: str | None = None) -> tuple[Path, ...]:
    """Return the files below a folder, sorted.

    Hidden files and folders, virtual environments and compiled Python are left out.

    :param suffixes: those alone, in lower case; without any, all.
    :param inside: only in folders of this name.
    """
    found: list[Path] = []
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(one for one in folders if _ours(Path(place, one)))
        if inside is None or Path(place).name == inside:
            found += [Path(place, name) for name in names if _wanted(name, suffixes)]
    return tuple(sorted(found))


def relative(path: Path, folder: Path) -> str:
    """Return a path relative to a folder, with forward slashes; one outside of it begins with ``..``."""
    return Path(os.path.relpath(path, folder)).as_posix()


def _ours(folder: Path) -> bool:
    name = folder.name
    return not (name.startswith(".") or name in _OTHERS or (folder / "pyvenv.cfg").exists())


def _wanted(name: str, suffixes: Collection[str]) -> bool:
    if name.startswith(".") or name.endswith(".pyc"):
        return False
    return not suffixes or Path(name).suffix.casefold() in suffixes

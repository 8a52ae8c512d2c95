"""Migration tools: a file for each, behind one protocol, made of what the configuration says."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from ...config.tools import GROUP
from ...config.values import Way
from ...errors import ConfigError
from ..values import Revision
from .alembic import Alembic
from .base import Copy, Job, Migration, Rows
from .command import Command
from .django import Django
from .sqitch import Sqitch
from .sql import SqlFiles
from .tables import BookkeepingTable

#: By the name that the configuration knows them by.
TOOLS: Mapping[str, type[Migration]] = {
    "sql": SqlFiles,
    "alembic": Alembic,
    "django": Django,
    "sqitch": Sqitch,
    "run": Command,
}

__all__ = [
    "TOOLS",
    "Alembic",
    "BookkeepingTable",
    "Command",
    "Copy",
    "Django",
    "Job",
    "Migration",
    "Revision",
    "Rows",
    "SqlFiles",
    "everyone",
    "of",
]  # fmt: skip


@cache
def everyone() -> Mapping[str, type[Migration]]:
    """Return all tools, by name: pgsafe's own, and those that installed packages bring.

    :raises ConfigError: one of the others cannot be imported, or is no tool.
    """
    points = {point.name: point for point in entry_points(group=GROUP)}
    return {**{name: _loaded(point) for name, point in points.items() if name not in TOOLS}, **TOOLS}


def of(found: Way, *, way_back: bool = False) -> Migration:
    """Make a migration of the configuration's value, whose tool is told already.

    :param way_back: it is the rollback: a folder whose files all undo is run from the last to the first, and a tool
        that knows revisions goes back to the one that the source is at.
    :raises ConfigError: there is no such file, nothing in it, a part of it would undo the rest, or the tool is missing.
    """
    if found.path is not None and not found.path.exists():
        raise ConfigError(
            "no such file or folder for the migration", looked_at=[str(found.path)],
            remedies=["paths of the configuration are relative to its folder, paths of the command line to the call's"],
        )  # fmt: skip
    tool = TOOLS.get(found.kind)
    return (everyone()[found.kind] if tool is None else tool).made(found, way_back=way_back)


def _loaded(point: EntryPoint) -> type[Migration]:
    try:
        found: object = point.load()
    except Exception as error:
        raise ConfigError(
            f"the migration tool {point.name} cannot be imported: {error}",
            looked_at=[f"{GROUP}: {point.name} = {point.value}"],
            remedies=["repair or remove the package that brings it"],
        ) from error
    if not (isinstance(found, type) and issubclass(found, Migration)):
        raise ConfigError(
            f"the migration tool {point.name} is no class derived from pytest_pgsafe.migrate.tools.Migration",
            looked_at=[f"{GROUP}: {point.name} = {point.value}"],
        )
    return found

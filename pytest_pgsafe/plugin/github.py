"""In GitHub Actions: annotations beside the migration's lines, and the report in the step's summary, by themselves."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..config import Way
from ..errors import ConfigError
from ..migrate.tools import everyone
from ..rehearsal.values import Result
from ..report import markdown
from ..report.annotations import commands


def is_on() -> bool:
    """Whether this is a step of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def tell(result: Result) -> list[str]:
    """Append the report to the step's summary; return the annotations, each a line of the step's output."""
    return summarised(commands(result), markdown.render(result))


def summarised(lines: list[str], text: str) -> list[str]:
    """Append a report to the step's summary; return the lines, and what went wrong."""
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        try:
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            # The verdict does not hang on it.
            lines.append(f"pgsafe: the step's summary cannot be written: {error}")
    return lines


def paths(migration: Way | None, root: Path) -> Mapping[str, str]:
    """Return the paths of the migration's files, relative to the folder that pytest runs in, by their names."""
    if migration is None or migration.path is None:
        return {}
    try:
        files = everyone()[migration.kind].named(migration)
    except (ConfigError, KeyError, OSError):
        # The verdict does not hang on it.
        return {}
    return {name: file.relative_to(root).as_posix() for name, file in files.items() if file.is_relative_to(root)}

"""What changed in a definition, as text for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import unified_diff
from typing import Any, cast

from ..catalog.values import Object
from .structure import counted

#: Lines of an excerpt, and characters of a value that stands on one line.
LINES = 20
WIDTH = 120


def explain(old: Object, new: Object) -> str:
    """Return which attributes differ, a line each; texts of several lines as an excerpt of a unified diff.

    The empty text means that nothing that counts differs.
    """
    from deepdiff import DeepDiff

    before, after = ({name: getattr(value, name) for name in ("name", *counted(type(value)))} for value in (old, new))
    difference = cast("Mapping[str, Iterable[Any]]", DeepDiff(before, after, view="tree", verbose_level=2))
    lines: list[tuple[str, str]] = []
    for entries in difference.values():
        for entry in entries:
            path = ".".join(str(part) for part in entry.path(output_format="list"))
            lines.append((path, _line(path, _shown(entry.t1), _shown(entry.t2))))
    return "\n".join(text for _, text in sorted(lines))


def _shown(value: object) -> str | None:
    """Return a value as text; None for what is not there."""
    from deepdiff.helper import notpresent

    if value is notpresent:
        return None
    return "none" if value is None else str(value)


def _line(path: str, before: str | None, after: str | None) -> str:
    if before is None:
        return f"{path}: + {_short(str(after))}"
    if after is None:
        return f"{path}: - {_short(before)}"
    if "\n" in before or "\n" in after:
        return f"{path}:\n{_excerpt(before, after)}"
    return f"{path}: {_short(before)} → {_short(after)}"


def _excerpt(before: str, after: str) -> str:
    lines = list(unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1))[2:]
    shown = [f"  {line}" for line in lines[:LINES]]
    if len(lines) > LINES:
        shown.append(f"  … {len(lines) - LINES} more lines")
    return "\n".join(shown)


def _short(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"

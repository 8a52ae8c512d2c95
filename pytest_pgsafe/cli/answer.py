"""What a command prints: its answer on standard output, as text or JSON; progress and errors on standard error."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import click

from ..errors import PgsafeError
from ..visible import in_json, indented
from .display import Display

FORMAT = "pgsafe-command/1"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a command found out."""

    passed: bool
    #: For people.
    lines: Sequence[str]
    #: For machines, beside ``format``, ``command`` and ``result``.
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    #: For people, on standard error; in JSON they are among the data.
    warnings: Sequence[str] = ()


def give(command: str, answer: Answer, *, as_json: bool) -> int:
    """Print an answer; return the exit status."""
    progress.end()
    if not as_json:
        for line in answer.warnings:
            click.echo(indented(f"pgsafe: warning: {line}"), err=True)
    if as_json:
        result = "passed" if answer.passed else "failed"
        _dump({"format": FORMAT, "command": command, "result": result, **answer.data})
    else:
        for line in answer.lines:
            click.echo(indented(line))
    return 0 if answer.passed else 1


def say_error(error: PgsafeError, *, as_json: bool) -> None:
    """Print why there is no answer."""
    progress.end()
    if as_json:
        told = {
            "message": _own(error.message),
            "looked_at": [_own(place) for place in error.looked_at],
            "remedies": [_own(remedy) for remedy in error.remedies],
        }
        _dump({"format": FORMAT, "result": "error", "error": told})
    click.echo(indented(f"pgsafe: {_own(str(error))}"), err=True)


def _own(text: str) -> str:
    """Call options as these commands call them; what they share with pytest speaks of pytest's."""
    return re.sub(r"--pgsafe-(?=(source|server|image|major|config)\b)", "--", text)


#: Shows on a terminal what is under way.
progress = Display()


def _dump(value: Mapping[str, Any]) -> None:
    click.echo(in_json(json.dumps(value, ensure_ascii=False, indent=2)))

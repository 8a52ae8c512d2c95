"""What a migration announces by itself, in comments: ``-- pgsafe: expect dropped sales.fax: unused``.

A comment says what a table of ``[expect]`` says, and is read by the same entry. In Python it begins with ``#``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..errors import ConfigError
from .expectations import Expect
from .sections import ENTRIES, ExpectSection
from .values import Settings

#: By what begins a comment.
_LINES = {mark: re.compile(rf"[ \t]*{mark}[ \t]*pgsafe:(?P<text>.*)", re.IGNORECASE) for mark in ("--", "#")}


def announced(settings: Settings, files: Sequence[Path]) -> Settings:
    """Return the settings with what a migration's files announce beside what the configuration does.

    :raises ConfigError: a comment that is none of the forms; with file and line.
    """
    found = expectations(files)
    if found == Expect():
        return settings
    return replace(settings, expect=Expect.of((*settings.expect.all(), *found.all())))


def expectations(files: Sequence[Path]) -> Expect:
    """Read the comments of files.

    :raises ConfigError: a comment that is none of the forms; with file and line.
    """
    found: list[Expect] = []
    for file in files:
        mark = "#" if file.suffix == ".py" else "--"
        # The mark that Windows' editors begin a file with would hide a comment in its first line.
        for number, line in enumerate(file.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
            comment = _LINES[mark].fullmatch(line)
            if comment is None:
                continue
            try:
                found.append(ExpectSection.model_validate(_table(comment["text"].strip())).expect())
            except ValueError as error:
                reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
                raise ConfigError(
                    f"{file.name}:{number}: {line.strip()!r} announces nothing that is known: {reason}",
                    looked_at=[str(file)],
                    remedies=[f"{mark} pgsafe: expect {form} {entry.example}" for form, entry in ENTRIES.items()],
                ) from error
    return Expect.of(it for one in found for it in one.all())


def _table(text: str) -> dict[str, Any]:
    """Return what the comment would be as the table ``[expect]``.

    :raises ValueError: it is none of the forms.
    """
    expect, _, rest = text.partition(" ")
    form, _, said = rest.strip().partition(" ")
    if expect != "expect" or form not in ENTRIES:
        raise ValueError(f"wanted expect {', expect '.join(ENTRIES)}")
    match = ENTRIES[form].comment.fullmatch(said.strip())
    if match is None:
        raise ValueError("wanted a name, and after a colon and a blank the reason")
    given = {key: value for key, value in match.groupdict().items() if value is not None}
    name = given.pop("name")
    if form == "rows":
        return {form: {name: given}}
    return {form: [{given.pop("kind", ENTRIES[form].names): name, **given}]}

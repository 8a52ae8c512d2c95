"""``[pitr]``: where base backups and WAL lie, and how old the newest recoverable moment may be."""

from __future__ import annotations

from pathlib import Path

from ..errors import ConfigError
from . import forms
from .sections import PitrSection
from .values import Pitr


def pitr(section: PitrSection, *, folder: Path, file: str) -> Pitr | None:
    """Return what the section says; None if it is not there.

    :param folder: what its paths are relative to.
    :param file: the configuration's name, for messages.
    :raises ConfigError: a key is missing. Whether the folders are there is for those to look at who need them.
    """
    given = section.model_dump(exclude_none=True)
    if not given:
        return None
    for key in ("base", "archive"):
        if key not in given:
            raise ConfigError(
                f"{file}: [pitr] has no {key}",
                remedies=['write base = "FOLDER OF BASE BACKUPS" and archive = "FOLDER OF WAL"'],
            )
    # Not resolve(): a link's own name says what it is, its target's may not.
    base, archive = ((folder / Path(given[key]).expanduser()).absolute() for key in ("base", "archive"))
    window = None if section.window is None else forms.duration(section.window)
    return Pitr(base=base, archive=archive, window=window)

"""Texts on the terminal that pytest writes to: as wide as it is, and whole where they go into a log."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

from ..report.terminal import wrapped


def fitted(text: str, writer: Any) -> str:
    """Return a text for a terminal, no line of it wider; for a pipe or a file as it is, so that it can be searched.

    :param writer: pytest's terminal reporter or writer.
    """
    if not writer.hasmarkup and not os.environ.get("COLUMNS"):
        return text
    width: int = getattr(writer, "_tw", writer).fullwidth
    return wrapped(text, width)


class Fitted:
    """Why an item failed, as pytest prints and stores it: what a log or a report has is not wrapped."""

    def __init__(self, text: str) -> None:
        self._text = text
        # What pytest's line for the item and JUnit's attribute show.
        self.reprcrash = SimpleNamespace(message=text)

    def toterminal(self, tw: Any) -> None:
        """Write it as wide as the terminal is."""
        for line in fitted(self._text, tw).split("\n"):
            tw.line(line, red=line.startswith("PGS"))

    def __str__(self) -> str:
        return self._text

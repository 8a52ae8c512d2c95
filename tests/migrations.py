"""Migrations for tests, from the words that a user would write."""

from __future__ import annotations

from pathlib import Path

from pytest_pgsafe.config.forms import way
from pytest_pgsafe.migrate.tools import Migration, of


def parse(text: str, base: Path, *, way_back: bool = False) -> Migration:
    """Read a migration setting, as the configuration does.

    :param base: the folder to which a relative path belongs.
    """
    return of(way(text, base=base, origin="the migration"), way_back=way_back)

"""The next major: extensions that are of another version there."""

from __future__ import annotations

from collections.abc import Iterator

from ..upgrade.values import Upgrade
from .values import Check, Finding, Severity


def extensions_older(upgrade: Upgrade) -> Iterator[Finding]:
    """Yield a note for each extension that wants ALTER EXTENSION … UPDATE, and a warning where no way leads there."""
    for one in upgrade.extensions:
        told = f"pg_upgrade leaves it at {one.before}; ALTER EXTENSION {one.name} UPDATE brings {one.after}"
        if not one.updatable:
            told = f"it is {one.before}, there it is {one.after}, and no update leads from the one to the other"
        yield EXTENSION_VERSION.finding(
            f"extension {one.name}", told, severity=None if one.updatable else Severity.WARNING,
            before=one.before, after=one.after, standing=True,
        )  # fmt: skip


EXTENSION_VERSION = Check(
    code="PGS042",
    check="major",
    name="extension-version",
    severity=Severity.NOTE,
    is_effect=False,
    condition="An extension of the source is of another version in the next major.",
    effect=(
        "A dump restores the new version. pg_upgrade leaves the old one, whose functions call a library of the new "
        "one, until ALTER EXTENSION … UPDATE is run."
    ),
    remedy="Run ALTER EXTENSION … UPDATE after pg_upgrade; where none leads there, drop it before and create it anew.",
)
CHECKS = (EXTENSION_VERSION,)

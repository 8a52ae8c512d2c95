"""The next major: settings that it does not take, and defaults that are others there."""

from __future__ import annotations

from collections.abc import Iterator

from ..upgrade.values import Upgrade
from .values import Check, Finding, Severity


def settings_gone(upgrade: Upgrade) -> Iterator[Finding]:
    """Yield an error for each setting of the source that the next major does not take."""
    for one in upgrade.given:
        told = f"PostgreSQL {upgrade.server} does not know it"
        if one.refused is not None:
            told = f"PostgreSQL {upgrade.server} refuses this value: {one.refused}"
        yield SETTING_GONE.finding(
            f"setting {one.name}", f"{one.name} = {one.value!r} stands in {one.where}: {told}", before=one.value
        )


def defaults_changed(upgrade: Upgrade) -> Iterator[Finding]:
    """Yield a warning for each default that changes what statements do, and a note for each other one."""
    for one in upgrade.defaults:
        what = "it changes what statements do" if one.meaning else one.more or "it changes no result of a statement"
        yield DEFAULT_CHANGED.finding(
            f"setting {one.name}",
            f"nobody gave {one.name}, and its default is {one.after!r} there, not {one.before!r}: {what}",
            severity=None if one.meaning else Severity.NOTE,
            before=one.before,
            after=one.after,
            standing=True,
        )


SETTING_GONE = Check(
    code="PGS040",
    check="major",
    name="setting-gone",
    severity=Severity.ERROR,
    is_effect=False,
    condition=(
        "A setting that stands in the source's configuration, or in ALTER DATABASE or ALTER ROLE … SET, is not known "
        "to the next major, or its value is refused there."
    ),
    effect="A server of the next major does not start with that configuration; ALTER … SET fails in its restore.",
    remedy="Take it out, or RESET it, before the upgrade; PostgreSQL's release notes name what replaces it.",
)
DEFAULT_CHANGED = Check(
    code="PGS041",
    check="major",
    name="default-changed",
    severity=Severity.WARNING,
    is_effect=False,
    condition=(
        "A setting that nobody gave the source has another default in the next major. It is a warning where the "
        "setting changes what a statement does or means, else a note."
    ),
    effect="Statements, or the server, behave otherwise after the upgrade without anybody having changed anything.",
    remedy="Set the old value explicitly before the upgrade, or try what depends on it with the new one.",
)
CHECKS = (SETTING_GONE, DEFAULT_CHANGED)

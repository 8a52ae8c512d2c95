"""The next major: what pg_upgrade itself says, and what it gives."""

from __future__ import annotations

from collections.abc import Iterator

from ..upgrade.values import Upgrade
from .values import Check, Finding, Severity

OBJECT = "pg_upgrade"


def refused(upgrade: Upgrade) -> Iterator[Finding]:
    """Yield an error for each objection of ``pg_upgrade --check``, and a warning for what it passes with a warning."""
    for text in upgrade.refusals or ():
        yield UPGRADE_REFUSED.finding(OBJECT, text, aspect=text.partition(":")[0])
    for text in upgrade.warnings:
        yield UPGRADE_REFUSED.finding(
            OBJECT, f"it warns: {text}", severity=Severity.WARNING, aspect=text.partition(":")[0]
        )


def failed(upgrade: Upgrade) -> Iterator[Finding]:
    """Yield an error for each run of pg_upgrade that failed, or gave another database."""
    for one in upgrade.transfers:
        if one.failed:
            said = "; ".join(one.failed)
            yield UPGRADE_FAILED.finding(
                OBJECT, f"by {one.mode} it fails although --check passed: {said}", aspect=one.mode
            )
        elif one.unequal:
            told = "; ".join(one.unequal)
            yield UPGRADE_FAILED.finding(OBJECT, f"by {one.mode} it gives another database: {told}", aspect=one.mode)


UPGRADE_REFUSED = Check(
    code="PGS044",
    check="major",
    name="upgrade-refused",
    severity=Severity.ERROR,
    is_effect=False,
    condition=(
        "PostgreSQL's own pg_upgrade --check refuses a copy of the source. What it passes with a warning is a warning."
    ),
    effect=(
        "pg_upgrade does not begin: the next major does not know something of the source, or stores it otherwise. "
        "After a warning it goes on, and what is named may be broken afterwards."
    ),
    remedy=(
        "Do what its message says before the upgrade (after a warning: REINDEX what is named after it); or go by dump "
        "and restore, which this run has proven."
    ),
)
UPGRADE_FAILED = Check(
    code="PGS045",
    check="major",
    name="upgrade-failed",
    severity=Severity.ERROR,
    is_effect=False,
    condition="pg_upgrade, run on a copy of the source, fails although its --check passed, or gives another database.",
    effect="The upgrade would be broken off in its window; by link the old cluster cannot be started any more then.",
    remedy="Mend what it says, or use newer programs of the next major; or go by dump and restore.",
)
CHECKS = (UPGRADE_REFUSED, UPGRADE_FAILED)

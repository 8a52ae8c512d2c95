"""Can the cluster be recovered to any moment: judged by what a real recovery found."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone

from ..config.forms import span
from ..pitr.outcome import Recoverability
from .values import Check, Finding, Severity

#: Seconds that two clocks may differ by without anybody being wrong.
SKEW = 60.0
#: Findings of one kind; more of them say nothing new.
MOST = 50


def judge(found: Recoverability) -> tuple[Finding, ...]:
    """Return what is wrong, by item."""
    return (*_archive(found), *_base(found), *_recovery(found), *_window(found))


def _archive(found: Recoverability) -> Iterator[Finding]:
    continuity = found.continuity
    if continuity is None:
        return
    for fault in continuity.faults[:MOST]:
        yield ARCHIVE_BROKEN.finding(
            fault.segment, f"WAL segment {fault.segment}: {fault.why}; nothing behind it can be recovered"
        )
    for fault in continuity.older[:MOST]:
        yield ARCHIVE_BROKEN.finding(
            fault.segment,
            f"WAL segment {fault.segment}: {fault.why}; moments between it and the newest base backup cannot be had",
            severity=Severity.WARNING,
        )


def _base(found: Recoverability) -> Iterator[Finding]:
    if found.base is not None and found.base.problems:
        first, *rest = found.base.problems
        more = f" (and {len(rest)} more)" if rest else ""
        yield BASE_DAMAGED.finding(found.base.name, f"the newest base backup {found.base.name}: {first}{more}")


def _recovery(found: Recoverability) -> Iterator[Finding]:
    for damage in () if found.reached is None else found.reached.damage[:MOST]:
        where = f"{damage.object} in " if damage.object else ""
        yield RECOVERED_DAMAGED.finding(
            damage.object or damage.database,
            f"{where}database {damage.database} of the recovered cluster: {damage.why}",
        )


def _window(found: Recoverability) -> Iterator[Finding]:
    window, reached, age = found.window, found.reached, found.age_seconds
    if window is None or reached is None or age is None:
        return
    newest = moment(reached.newest)
    if age < -SKEW:
        yield TOO_OLD.finding(
            "archive", f"the newest moment that can be recovered, {newest}, lies {-age:.0f} s ahead of the clock that "
            "it is held against: one of the two is wrong, and how old it is cannot be told",
        )  # fmt: skip
    elif age > window.allowed and window.unarchived is not False:
        told = f"the newest moment that can be recovered is {newest}, {span(round(age))} ago, and [pitr] window allows "
        told += span(window.allowed)
        if window.unarchived:
            told += "; what was committed since is not in the archive"
        elif window.unasked is not None:
            told += f"; whether anything was committed since is not known: {window.unasked}"
        yield TOO_OLD.finding("archive", "; ".join([told, *window.notes]))


def moment(value: datetime) -> str:
    """Return a moment in UTC, as ``pgsafe pitr recover --to`` takes it."""
    return value.astimezone(timezone.utc).isoformat()


ARCHIVE_BROKEN = Check(
    code="PGS030",
    check="pitr_archive",
    name="archive-broken",
    severity=Severity.ERROR,
    is_effect=False,
    condition=(
        "A WAL segment between the newest base backup and the archive's end is missing, was cut, or holds something "
        "else than its name says. Before the newest base backup it is a warning."
    ),
    effect="A recovery ends there: PostgreSQL opens with older data, and says nothing.",
    remedy="Find the segment, in pg_wal of the server or of a standby, or take a new base backup now.",
)
BASE_DAMAGED = Check(
    code="PGS031",
    check="pitr_base",
    name="base-backup-damaged",
    severity=Severity.ERROR,
    is_effect=False,
    condition="The newest base backup is not what its manifest says: pg_verifybackup objects to it.",
    effect="What is recovered from it is damaged, or nothing is.",
    remedy="Take a new base backup now (pgsafe pitr basebackup), and look at the disk that holds them.",
)
RECOVERED_DAMAGED = Check(
    code="PGS032",
    check="pitr_recovery",
    name="recovered-damaged",
    severity=Severity.ERROR,
    is_effect=False,
    condition=(
        "A database of the recovered cluster cannot be opened, its catalog or a table cannot be read to its end, or "
        "amcheck finds a damaged table or B-tree index."
    ),
    effect="A recovery would give back what cannot be read. Often the source has the same damage.",
    remedy="Run pg_amcheck on the source; if it is sound there, take a new base backup.",
)
TOO_OLD = Check(
    code="PGS033",
    check="pitr_window",
    name="recovery-too-old",
    severity=Severity.ERROR,
    is_effect=False,
    condition=(
        "The newest moment that can be recovered is older than [pitr] window, and the source's server does not say "
        "that nothing was committed since."
    ),
    effect="If the server is lost, so is everything that was committed after that moment.",
    remedy="See pgsafe pitr check: whether archiving fails, and archive_timeout, which bounds how long WAL may wait.",
)
CHECKS = (ARCHIVE_BROKEN, BASE_DAMAGED, RECOVERED_DAMAGED, TOO_OLD)

"""A migration that waits for its locks without an end."""

from __future__ import annotations

from collections.abc import Iterator

from . import traffic
from .locking import concerns
from .values import Check, Evidence, Finding, Severity

#: So many tables are named.
_MOST = 3


def _endless(evidence: Evidence) -> Iterator[Finding]:
    if evidence.trace is None:
        return
    waiting = [lock for lock in evidence.trace.locks if lock.patience == 0 and concerns(evidence, lock)]
    # Who waits behind it was tried, and is told there.
    told_there = {queue.hold.taken.relation for queue in traffic.endless(evidence)}
    names = [name for name in dict.fromkeys(lock.relation for lock in waiting) if name not in told_there]
    if names:
        shown = ", ".join(names[:_MOST]) + (f" and {len(names) - _MOST} more" if len(names) > _MOST else "")
        told = f"no lock_timeout was set when strong locks of {shown} were asked for"
        yield NO_LOCK_TIMEOUT.finding(names[0], told)


NO_LOCK_TIMEOUT = Check(
    code="PGS815",
    check="locks",
    name="no-lock-timeout",
    severity=Severity.NOTE,
    is_effect=False,
    condition="A lock that keeps writers or readers out was asked for while lock_timeout was 0: without an end.",
    effect=(
        "Behind one long query, a backup or an open transaction the statement waits for as long as that takes, and all"
        " others who come to the table wait behind it."
    ),
    remedy="SET lock_timeout = '2s' before the first such statement, and run the migration again where it is exceeded.",
    judge=_endless,
)
CHECKS = (NO_LOCK_TIMEOUT,)

"""What a report says of a cluster's recoverability. Pure: what was found out in, words and numbers out."""

from __future__ import annotations

from typing import Any

from ..config.forms import span
from ..pitr.outcome import Recoverability


def document(found: Recoverability) -> dict[str, Any]:
    """Return the report's ``pitr``, as JSON's own types; what was not found out is null."""
    continuity, base, reached, window = found.continuity, found.base, found.reached, found.window
    return {
        "newest": None if reached is None else reached.newest.isoformat(),
        "newest_epoch": None if reached is None else round(reached.newest.timestamp(), 6),
        "newest_by": None if reached is None else reached.by,
        "position": None if reached is None else reached.position,
        "age_seconds": _rounded(found.age_seconds),
        "window_seconds": None if window is None else window.allowed,
        "unarchived": None if window is None else window.unarchived,
        "rto_seconds": None if reached is None else reached.rto_seconds,
        "rpo_seconds": _rounded(found.rpo_seconds),
        "base": None if base is None else base.name,
        "base_ended_at": None if base is None else base.ended_at.isoformat(),
        "bases": None if base is None else base.bases,
        "segments": None if continuity is None else continuity.segments,
        "last_segment": None if continuity is None else continuity.last,
        "databases": [
            {"name": one.name, "tables": one.tables, "indexes": one.indexes, "amcheck": one.checked}
            for one in (() if reached is None else reached.databases)
        ],
    }


def numbers(found: Recoverability) -> tuple[tuple[str, object], ...]:
    """Return what a test's own properties hold, for JUnit's XML."""
    told = document(found)
    keys = ("newest", "newest_epoch", "age_seconds", "rto_seconds", "rpo_seconds")
    return tuple((f"pgsafe_{key}", told[key]) for key in keys if told[key] is not None)


def facts(found: Recoverability) -> list[tuple[str, str]]:
    """Return names and values for people, without those that are not known."""
    continuity, base, reached, window = found.continuity, found.base, found.reached, found.window
    told: list[tuple[str, str]] = []
    if reached is not None:
        age = found.age_seconds
        aged = "" if age is None else f", {span(round(max(age, 0.0), 1))} ago"
        told.append(("recoverable to", f"{reached.newest.isoformat()} ({reached.by}{aged})"))
    if window is not None:
        told.append(("window", span(window.allowed)))
        if window.unarchived is False:
            told.append(("since then", "nothing was committed that is not archived, says the server"))
    if reached is not None:
        told.append(("RTO", f"{reached.rto_seconds:.1f} s until the recovered server answered"))
    if (rpo := found.rpo_seconds) is not None:
        told.append(("RPO", "nothing" if rpo == 0 else f"{span(round(rpo, 1))} at most"))
    if base is not None:
        count = "the only one" if base.bases == 1 else f"the newest of {base.bases}"
        told.append(("base backup", f"{base.name} ({count}, ended {base.ended_at.isoformat()})"))
    if continuity is not None:
        told.append(("archive", f"{continuity.segments} segments, {continuity.first} to {continuity.last}"))
    if reached is not None and reached.databases:
        tables = sum(one.tables for one in reached.databases)
        indexes = sum(one.indexes for one in reached.databases)
        names = ", ".join(one.name for one in reached.databases)
        told.append(("read to their end", f"{tables} tables and {indexes} indexes of {names}"))
    return told


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)

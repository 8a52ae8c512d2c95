"""``pgsafe status``."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import options
from .answer import Answer, give, progress

if TYPE_CHECKING:
    from ..backup.store import Stored
    from ..runbook.ready import Status


@click.command("status")
@click.argument("root", type=options.folder, required=False)
@click.option("--max-age", metavar="AGE", callback=options.age, default="24h", show_default=True, help="Older: no.")
@click.option("--no-checksums", is_flag=True, help="Look at the sizes of files alone.")
@options.config
@options.as_json
def command(
    *, root: Path | None, max_age: timedelta, no_checksums: bool, config: str | None, as_json: bool,  # noqa: ARG001
) -> int:  # fmt: skip
    """Show what is there, how old, proven or not, and whether a migration may begin."""
    from ..runbook.ready import status

    now = datetime.now(timezone.utc)
    where = options.root_of(root)
    found = status(where, now, max_age=max_age, checksums=not no_checksums, progress=progress)
    return give("status", answer(found, now), as_json=as_json)


def answer(found: Status, now: datetime) -> Answer:
    """Return the report, which ends in the verdict."""
    lines = [_line(one, now) for one in found.backups]
    lines += [f"{folder}: begun and not complete" for folder in found.interrupted]
    lines += [f"not ready: {reason}" for reason in found.reasons]
    lines.append(f"READY FOR MIGRATION: {'YES' if found.ready else 'NO'}")
    data: dict[str, Any] = {
        "ready": found.ready,
        "reasons": list(found.reasons),
        "backups": [_entry(one, now) for one in found.backups],
        "interrupted": [str(folder) for folder in found.interrupted],
    }
    return Answer(passed=found.ready, lines=lines, data=data)


def _line(backup: Stored, now: datetime) -> str:
    from ..backup.texts import size_of
    from ..config.forms import span

    if backup.manifest is None:
        return f"{backup.folder}: {backup.fault}"
    age = span(now - backup.manifest.taken_at)
    proof = "not verified"
    if backup.proof is not None:
        proof = f"{'proven' if backup.proof.proven else 'NOT PROVEN'} {backup.proof.verified_at:%Y-%m-%d %H:%M} UTC"
    return f"{backup.folder}: {backup.manifest.database}, {age} old, {size_of(backup.size)}, {proof}"


def _entry(backup: Stored, now: datetime) -> dict[str, Any]:
    known = backup.manifest
    return {
        "folder": str(backup.folder),
        "fault": backup.fault,
        "environment": None if known is None else known.environment,
        "database": None if known is None else known.database,
        "taken_at": None if known is None else known.taken_at.isoformat(),
        "age_seconds": None if known is None else int((now - known.taken_at).total_seconds()),
        "bytes": backup.size,
        "proven": backup.proven,
        "verified_at": None if backup.proof is None else backup.proof.verified_at.isoformat(),
    }

"""``pgsafe prune``."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import click

from . import options
from .answer import Answer, give, progress
from .recording import recording

_COUNT = click.IntRange(min=0)


@click.command("prune")
@click.argument("root", type=options.folder, required=False)
@click.option("--apply", is_flag=True, help="Remove what may go; without it that is only shown.")
@click.option("--daily", type=_COUNT, default=7, show_default=True, help="Days of which one backup is kept.")
@click.option("--weekly", type=_COUNT, default=4, show_default=True, help="The same of ISO weeks.")
@click.option("--monthly", type=_COUNT, default=12, show_default=True, help="The same of months.")
@click.option("--yearly", type=_COUNT, default=7, show_default=True, help="The same of years.")
@options.config
@options.as_json
def command(
    *, root: Path | None, apply: bool, daily: int, weekly: int, monthly: int, yearly: int,
    config: str | None, as_json: bool,  # noqa: ARG001
) -> int:  # fmt: skip
    """Keep backups by day, week, month and year, and remove the others.

    The newest proven backup of each of these is kept. Never removed are the last proven backup, one in use, one whose
    promised date has not come, and, where nothing is proven, any.
    """
    from ..backup.retention import Policy
    from ..runbook.entries import of_prune
    from ..runbook.prune import prune

    policy = Policy(daily=daily, weekly=weekly, monthly=monthly, yearly=yearly)
    where = options.root_of(root)
    with recording("prune", place=str(where)) as evidence:
        done = prune(where, policy, datetime.now(timezone.utc), apply=apply, progress=progress)
        if apply:
            evidence.add("prune", of_prune(str(where), done))
    lines = [f"keep    {one.folder}: {', '.join(reasons)}" for one, reasons in done.kept]
    lines += [f"look at {one.folder}: {one.fault}" for one in done.faulty]
    lines += [f"in use  {folder}" for folder in done.in_use]
    lines += [f"{'removed' if apply else 'remove '} {folder}" for folder in done.removed]
    if done.removed and not apply:
        lines.append("nothing was removed: --apply does it")
    data = {
        "applied": apply,
        "kept": [{"folder": str(one.folder), "reasons": list(reasons)} for one, reasons in done.kept],
        "removed": [str(folder) for folder in done.removed],
        "in_use": [str(folder) for folder in done.in_use],
        "faulty": [str(one.folder) for one in done.faulty],
    }
    return give("prune", evidence.told(Answer(passed=True, lines=lines, data=data)), as_json=as_json)

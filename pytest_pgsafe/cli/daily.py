"""``pgsafe daily``."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import click

from . import options
from .answer import Answer, give, progress


@click.command("daily")
@click.argument("root", type=options.folder)
@click.option(
    "--max-age", metavar="AGE", callback=options.age, default="24h", show_default=True, help="An older backup fails."
)
@click.option("--log", type=options.folder, metavar="FILE", help="Add what was found to this file.")
@click.option("--alert", multiple=True, metavar="URL", help="Who is told when something failed; repeatable.")
@click.option("--ping", multiple=True, metavar="URL", help="Who is told when all is well; repeatable.")
@options.scratch
@options.config
@options.as_json
def command(
    *, root: Path, max_age: timedelta, log: Path | None, alert: tuple[str, ...], ping: tuple[str, ...],
    server: str | None, image: str | None, config: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Verify the latest backup of each database under ROOT, for cron and systemd.

    Alerts go as a JSON POST to http(s)://, and to mail or chat by the addresses of apprise. Addresses that hold a
    secret stand in PGSAFE_ALERT and PGSAFE_PING, with blanks between them. An alert that is refused is a failure.
    """
    from ..drill.daily import daily
    from ..drill.verify import Scratch

    settings = options.settings(config=config, server=server, image=image)
    day = daily(
        root.expanduser().absolute(),
        Scratch(use=settings.server.use, image=settings.server.image),
        max_age=max_age,
        log=None if log is None else log.expanduser().absolute(),
        alert=(*alert, *os.environ.get("PGSAFE_ALERT", "").split()),
        ping=(*ping, *os.environ.get("PGSAFE_PING", "").split()),
        progress=progress,
    )
    lines: list[str] = []
    for one in day.checked:
        lines += [f"{one.folder}: {'proven' if one.proven else 'NOT PROVEN'}", *(f"  {text}" for text in one.failures)]
    lines += [f"failed: {text}" for text in day.failures]
    lines.append("ALL BACKUPS PROVEN" if day.passed else "NOT ALL IS WELL")
    data = {
        "backups": [
            {"folder": str(one.folder), "database": one.database, "proven": one.proven, "failures": list(one.failures)}
            for one in day.checked
        ],
        "failures": list(day.failures),
    }
    return give("daily", Answer(passed=day.passed, lines=lines, data=data), as_json=as_json)

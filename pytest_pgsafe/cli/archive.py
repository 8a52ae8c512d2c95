"""``pgsafe archive``."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path

import click

from . import options
from .answer import Answer, give, progress
from .recording import recording


def _month(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    if text is not None and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text):
        raise click.BadParameter(f"{text!r} is no month: write YYYY-MM")
    return text


@click.command("archive")
@click.argument("root", type=options.folder, required=False)
@click.option("--month", metavar="YYYY-MM", callback=_month, help="In UTC; else the last one that is over.")
@click.option("--to", type=options.folder, metavar="DIR", help="Where the files go; else beside the backups.")
@click.option("--environment", metavar="NAME", help="Of this environment alone.")
@options.config
@options.as_json
def command(
    *, root: Path | None, month: str | None, to: Path | None, environment: str | None,
    config: str | None, as_json: bool,  # noqa: ARG001
) -> int:  # fmt: skip
    """Pack the newest proven backup of a month into one file, of each database in each environment.

    The file is DATABASE-YYYY-MM.tar.gz, with its SHA-256 beside it. verify and restore take it as it is; tar -xzf gives
    the backup's folder back. What was packed before is read back, and never replaced.
    """
    from ..backup.texts import size_of
    from ..runbook.entries import of_archive
    from ..runbook.monthly import archive, before

    which = before(datetime.now(timezone.utc)) if month is None else month
    where = None if to is None else to.expanduser().absolute()
    place = options.root_of(root)
    with recording("archive", place=str(place), month=which) as evidence:
        done = archive(place, which, to=where, environment=environment, progress=progress)
        evidence.add("archive", of_archive(str(place), which, done), passed=done.passed)
    lines = [
        f"{one.packed.file}: {one.backup.name}, {size_of(one.packed.bytes)}, "
        f"{'packed and read back' if one.packed.new else 'was there, and read back'}"
        for one in done.archived
    ]
    lines += [f"failed: {text}" for text in done.failures]
    data = {
        "month": which,
        "archived": [
            {
                "file": str(one.packed.file),
                "backup": str(one.backup),
                "bytes": one.packed.bytes,
                "sha256": one.packed.sha256,
                "new": one.packed.new,
            }
            for one in done.archived
        ],
        "failures": list(done.failures),
    }
    return give("archive", evidence.told(Answer(passed=done.passed, lines=lines, data=data)), as_json=as_json)

"""``pgsafe pitr prune``: base backups and WAL that may go."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import click

from . import options
from .answer import Answer, give, progress


@click.command("prune")
@click.option("--base", "root", type=options.folder, required=True, help="The folder of base backups.")
@click.option("--archive", type=options.folder, help="The WAL archive; without it no WAL is removed.")
@click.option(
    "--keep", type=click.IntRange(min=1), default=2, show_default=True,
    help="Full base backups that stay, with all that is made on them.",
)  # fmt: skip
@click.option(
    "--window", callback=options.age, metavar="AGE", help="Any moment of this time can be recovered after it: 30d."
)
@click.option("--apply", "applied", is_flag=True, help="Remove what may go; without it that is only shown.")
@options.as_json
def command(
    *, root: Path, archive: Path | None, keep: int, window: timedelta | None, applied: bool, as_json: bool
) -> int:
    """Keep the newest full base backups and all that they are recovered with, and remove what is older.

    Never removed is one that another that stays is made on, and nothing at all where one that is to stay is damaged.
    """
    from ..pitr import retention
    from ..pitr.bases import find
    from ..server import programs
    from ..server.version import Version

    bases = find(root.expanduser().absolute())
    where = None if archive is None else archive.expanduser().absolute()
    since = None if window is None else datetime.now(timezone.utc) - window
    found = retention.plan(bases, where, keep=keep, since=since)
    gone = found.removed
    if applied and (found.removed or found.wal):
        progress("proving what stays")
        gone = retention.apply(found, where, programs.find(Version.parse(bases[-1][1].server_version).major))
    used = [path for path in found.removed if path not in gone]
    wal = () if used else found.wal
    word = "removed" if applied else "remove "
    lines = [f"keep    {path}: {reason}" for path, reason in found.kept]
    lines += [f"stays   {path}: it is in use, or older than one that is" for path in used]
    lines += [f"{word} {path}" for path in gone]
    lines += [f"{word} {len(wal)} files of WAL before {found.first}"] if wal else []
    if (found.removed or found.wal) and not applied:
        lines.append("nothing was removed: --apply does it")
    data = {
        "applied": applied,
        "kept": [{"folder": str(path), "reason": reason} for path, reason in found.kept],
        "removed": [str(path) for path in gone],
        "in_use": [str(path) for path in used],
        "wal": list(wal),
        "first": found.first,
    }
    return give("pitr prune", Answer(passed=True, lines=lines, data=data), as_json=as_json)

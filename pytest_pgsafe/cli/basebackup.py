"""``pgsafe pitr basebackup``: a base backup of a whole cluster, or of what changed since another."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from ..errors import ConfigError
from . import options
from .answer import Answer, give, progress

#: What --incremental is without a value.
NEWEST = ""


@click.command("basebackup")
@options.source
@click.option("--root", type=options.folder, required=True, help="The folder of base backups.")
@click.option("--max-rate", metavar="RATE", help="At most so much a second: 20M.")
@click.option(
    "--incremental", metavar="[=BASE]", is_flag=False, flag_value=NEWEST,
    help="Only what changed since a base backup, by default the root's newest; PostgreSQL 17 and newer.",
)  # fmt: skip
@options.config
@options.as_json
def command(
    *, source: str | None, root: Path, max_rate: str | None, incremental: str | None, config: str | None, as_json: bool
) -> int:
    """Take a base backup of a whole cluster; it appears when pg_verifybackup has proven it."""
    from ..pitr.base import take
    from ..server import programs
    from ..server.connection import connect
    from ..server.version import Version

    address = options.address(source, config)
    with connect(address) as session:
        major = Version(session.info.server_version).major
    now = datetime.now(timezone.utc)
    root = root.expanduser().absolute()
    folder = root / f"{now:%Y%m%dT%H%M%SZ}"
    on = None if incremental is None else _base(root, incremental)
    progress("base backup")
    base = take(address, folder, programs.find(major), rate=max_rate, on=on)
    lines = [str(folder), f"recoverable from {base.ended_at.isoformat()} on, WAL {base.start} to {base.end}"]
    if base.on is not None:
        lines.append(f"holds the changes since {base.on.name}, and needs it: keep both")
    data: dict[str, Any] = {
        "folder": str(folder), "start": base.start, "end": base.end, "ended_at": base.ended_at.isoformat(),
        "incremental_on": None if on is None else str(on),
    }  # fmt: skip
    return give("pitr basebackup", Answer(passed=True, lines=lines, data=data), as_json=as_json)


def _base(root: Path, named: str) -> Path:
    """Return the base backup to build on; every one that it needs itself is there.

    :raises ConfigError: there is none.
    :raises RestoreError: one of its own is missing.
    """
    from ..pitr import chain
    from ..pitr.base import read
    from ..pitr.bases import find

    if named == NEWEST:
        try:
            path, base = find(root)[-1]
        except ConfigError as error:
            raise ConfigError(
                "there is no base backup to build on",
                looked_at=[str(root)],
                remedies=["take a full one first: leave --incremental out"],
            ) from error
    else:
        # Its name in the root, or a path.
        path = root / named if (root / named).is_dir() else Path(named).expanduser().absolute()
        base = read(path)
    chain.links(path, base)
    return path

"""``pgsafe restore``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from ..errors import ConfigError
from . import options
from .answer import Answer, give, progress


@click.command("restore")
@click.argument("backup", type=options.folder)
@click.option("--into", metavar="URI", required=True, help="The database: one that does not exist or is empty.")
@click.option("--table", "tables", multiple=True, metavar="NAME", help="This table alone, with all that belongs to it.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes of pg_restore; else by the backup's size.")
@click.option("--replace", is_flag=True, help="Take the place of a database in use, when the restored one is verified.")
@click.option("--no-owner", is_flag=True, help="Restore without owners and privileges.")
@click.option(
    "--stall",
    metavar="AGE",
    callback=options.age,
    default="10m",
    show_default=True,
    help="End it so long after the last movement.",
)
@click.option("--stop", multiple=True, metavar="COMMAND", help="Stops the application, before.")
@click.option(
    "--start", multiple=True, metavar="COMMAND", help="Starts the application, after, also when the restore failed."
)
@options.as_json
def command(
    *, backup: Path, into: str, tables: tuple[str, ...], jobs: int | None, replace: bool, no_owner: bool,
    stall: timedelta, stop: tuple[str, ...], start: tuple[str, ...], as_json: bool,
) -> int:  # fmt: skip
    """Restore a backup into a new database, verify it, and say how long it took.

    BACKUP is a backup's folder, its database.sql, or a dump. A database that is in use is never touched without
    --replace, and then kept aside under another name.
    """
    from ..drill.admission import Order
    from ..drill.restore import restore
    from ..server.address import Address

    options.refuse_secret(into, "--into")
    try:
        address = Address.parse(into)
    except ValueError as error:
        raise ConfigError(f"--into is {error}") from error
    order = Order(
        tables=tables,
        jobs=jobs,
        replace=replace,
        owners=not no_owner,
        stall=stall.total_seconds(),
        stop=stop,
        start=start,
    )
    done = restore(backup.expanduser().absolute(), address, order, progress)
    seconds = round(sum(time for _, time in done.steps), 3)
    lines = [f"{name}: {time:.1f} s" for name, time in done.steps]
    lines += [f"note: {note}" for note in done.notes]
    lines.append(f"{done.database}: {done.rows} rows in {done.relations} relations{done.compared}")
    if done.aside is not None:
        lines.append(f"the database that was replaced is {done.aside}; drop it when nobody misses it")
    lines.append(f"RTO: {seconds:.1f} s")
    data = {
        "database": done.database,
        "aside": done.aside,
        "rto_seconds": seconds,
        "steps": [{"name": name, "seconds": time} for name, time in done.steps],
        "relations": done.relations,
        "rows": done.rows,
        "notes": list(done.notes),
    }
    return give("restore", Answer(passed=True, lines=lines, data=data), as_json=as_json)

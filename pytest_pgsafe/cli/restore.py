"""``pgsafe restore``."""

from __future__ import annotations

import dataclasses
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from . import options
from .answer import Answer, give, progress
from .recording import recording
from .replaced import as_data
from .replaced import lines as swapped_lines


@click.command("restore")
@click.argument("backup", required=False)
@options.which
@click.option("--into", metavar="URI", required=True, help="The database: one that does not exist or is empty.")
@click.option("--table", "tables", multiple=True, metavar="NAME", help="This table alone, with all that belongs to it.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes of pg_restore; else by the backup's size.")
@click.option(
    "--replace",
    is_flag=True,
    help="Take the place of a database in use, or of the tables, when the restored is verified.",
)
@click.option("--dry-run", is_flag=True, help="Of --table with --replace: do all of it, tell, and roll it back.")
@click.option("--accept-orphans", is_flag=True, help="Of --table with --replace: although rows would point to nothing.")
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
@options.stored
@options.config
@options.as_json
def command(
    *, backup: str | None, root: Path | None, environment: str | None, into: str, tables: tuple[str, ...],
    jobs: int | None, replace: bool, dry_run: bool, accept_orphans: bool, no_owner: bool, stall: timedelta,
    stop: tuple[str, ...], start: tuple[str, ...], name: str | None, identity: Path | None, endpoint: str | None,
    config: str | None, as_json: bool,  # noqa: ARG001
) -> int:  # fmt: skip
    """Restore a backup into a new database, verify it, and say how long it took.

    BACKUP is a backup's folder, its database.sql, a dump, or s3://BUCKET/PREFIX of a store; without it, it is the
    latest proven one. A database that is in use is never touched without --replace, and then kept aside under another
    name.
    """
    from ..runbook.admission import Order, allowed
    from ..runbook.entries import of_restore
    from ..runbook.restore import restore
    from ..runbook.target import Target
    from ..server.address import Address
    from ..storage.fetched import at_hand, is_url

    options.refuse_secret(into, "--into")
    address = Address.named(into, "--into")
    order = Order(
        tables=tables,
        jobs=jobs,
        replace=replace,
        dry_run=dry_run,
        accept_orphans=accept_orphans,
        owners=not no_owner,
        stall=stall.total_seconds(),
        stop=stop,
        start=start,
    )
    word, newer = options.backup_of(backup, root, environment, proven=True)
    if is_url(word):
        # Found out before hours of downloading.
        allowed(Target.open(address), order)
    begun = time.monotonic()
    with (
        recording("restore", place=word, database=address.dbname) as evidence,
        at_hand(
            word, name=name, identity=options.identity_of(word, identity),
            options=options.store(word, endpoint=endpoint), progress=progress,
        ) as path,
    ):  # fmt: skip
        fetched = round(time.monotonic() - begun, 3)
        done = restore(path, address, order, progress)
        # What is fetched first is waited for, too.
        steps = (("fetch", fetched), *done.steps) if is_url(word) else done.steps
        seconds = round(sum(span for _, span in steps), 3)
        if not dry_run:
            evidence.add("restore", of_restore(word, dataclasses.replace(done, steps=steps), seconds))
    notes = [*done.notes, *(f"a newer backup is not proven, and was not taken: {folder}" for folder in newer)]
    lines = [f"from {word}", *(f"{step}: {span:.1f} s" for step, span in steps)]
    lines += [f"note: {note}" for note in notes]
    lines += [] if done.swapped is None else swapped_lines(done.swapped, dry_run=dry_run)
    relations = "1 relation" if done.relations == 1 else f"{done.relations} relations"
    lines.append(f"{done.database}: {done.rows} rows in {relations}{done.compared}")
    if done.aside is not None:
        lines.append(f"the database that was replaced is {done.aside}; drop it when nobody misses it")
    lines.append(f"RTO: {seconds:.1f} s")
    data: dict[str, Any] = {
        "backup": word,
        "database": done.database,
        "aside": done.aside,
        "rto_seconds": seconds,
        "steps": [{"name": step, "seconds": span} for step, span in steps],
        "relations": done.relations,
        "rows": done.rows,
        "notes": notes,
    }
    if done.swapped is not None:
        data["replaced"] = {"dry_run": dry_run, **as_data(done.swapped)}
    return give("restore", evidence.told(Answer(passed=True, lines=lines, data=data)), as_json=as_json)

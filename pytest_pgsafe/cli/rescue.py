"""``pgsafe pitr rescue``."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError
from . import options
from .answer import Answer, give, progress
from .recording import recording

if TYPE_CHECKING:
    from ..runbook.rescue.values import Rescue, TableOutcome

#: On both sides of a moment that somebody remembers.
AROUND = timedelta(minutes=30)


@click.command("rescue")
@click.option("--base", "root", type=options.folder, required=True, help="A base backup, or the folder of several.")
@click.option("--archive", type=options.folder, required=True, help="The WAL archive.")
@click.option(
    "--table", "tables", multiple=True, metavar="NAME", help="A table that was dropped, emptied or lost rows."
)
@click.option("--all-tables", is_flag=True, help="Every table that the transaction harmed.")
@click.option("--into", metavar="URI", required=True, help="The live database. Without --apply it is only read.")
@click.option("--around", metavar="TIME", help="When it was, give or take half an hour: 2026-11-22T14:30:00+00:00.")
@click.option("--after", metavar="TIME", help="Not before this moment.")
@click.option("--before", metavar="TIME", help="Not after this moment.")
@click.option("--xid", type=int, help="The transaction, if several did harm.")
@click.option(
    "--rows", type=click.IntRange(min=1), default=100, show_default=True,
    help="Rows that a DELETE or UPDATE changed at least.",
)  # fmt: skip
@click.option("--dbname", help="The database's name in the archive, if it has another one now.")
@click.option("--no-owner", is_flag=True, help="Put tables back without owners and privileges.")
@click.option("--save", type=options.folder, metavar="DIR", help="Keep the backup from which tables are made again.")
@click.option("--lock-timeout", default="10s", show_default=True, help="For each lock on the live database.")
@click.option("--max-seconds", type=float, default=3600.0, show_default=True, help="For each recovery.")
@click.option("--apply", "apply", is_flag=True, help="Write it. Without it this is a dry run.")
@options.config
@options.as_json
def command(
    *, root: Path, archive: Path, tables: tuple[str, ...], all_tables: bool, into: str, around: str | None,
    after: str | None, before: str | None, xid: int | None, rows: int, dbname: str | None, no_owner: bool,
    save: Path | None, lock_timeout: str, max_seconds: float, apply: bool,
    config: str | None, as_json: bool,  # noqa: ARG001
) -> int:  # fmt: skip
    """Find who dropped, emptied or mowed down a table, recover to just before, and put back what is missing.

    Rows that were written since stay as they are. Without --apply nothing is written, and what would be is said.
    """
    from ..runbook.entries import of_rescue
    from ..runbook.rescue.run import rescue
    from ..runbook.rescue.values import Order
    from ..server.address import Address

    options.refuse_secret(into, "--into")
    if bool(tables) == all_tables:
        raise ConfigError("which table?", remedies=["--table=NAME, once for each, or --all-tables"])
    address = Address.named(into, "--into")
    since, until = _window(around, after, before)
    order = Order(
        tables=tables, every=all_tables, apply=apply, after=since, before=until, xid=xid, rows=rows, dbname=dbname,
        owners=not no_owner, save=None if save is None else save.expanduser().absolute(), lock_timeout=lock_timeout,
        wait=max_seconds,
    )  # fmt: skip
    place = archive.expanduser().absolute()
    with recording("rescue", place=str(place), database=address.dbname) as evidence:
        done = rescue(root.expanduser().absolute(), place, address, order, progress)
        if done.applied:
            evidence.add("rescue", of_rescue(str(place), done), passed=not done.left_out)
    answer = Answer(passed=not done.left_out, lines=_lines(done), data=_data(done))
    return give("pitr rescue", evidence.told(answer), as_json=as_json)


def _window(around: str | None, after: str | None, before: str | None) -> tuple[datetime | None, datetime | None]:
    if around is not None:
        if after is not None or before is not None:
            raise ConfigError("--around says both ends of the search", remedies=["leave --after and --before out"])
        middle = _moment(around)
        return middle - AROUND, middle + AROUND
    return (None if after is None else _moment(after)), (None if before is None else _moment(before))


def _moment(text: str) -> datetime:
    from ..pitr.target import Target

    return datetime.fromisoformat(Target.time(text).value).astimezone(timezone.utc)


def _lines(done: Rescue) -> list[str]:
    lines = [f"searched: {place}" for place in done.looked_at]
    lines.append(f"found: {done.time.isoformat()} transaction {done.xid}, LSN {done.lsn}: {', '.join(done.did)}")
    last = "nothing after the base backup" if done.recovered_until is None else done.recovered_until.isoformat()
    lines.append(f"recovered until: {last}, WAL {done.position}")
    word = "put back" if done.applied else "would be put back"
    for table in done.tables:
        lines += _of_table(table, word)
    lines += [f"  with {one}" for one in done.objects]
    lines += [f"note: {note}" for note in done.notes]
    if done.applied:
        broken = {name: number for name, number in done.foreign_keys.items() if number}
        said = ", ".join(f"{name} has {number} orphans" for name, number in broken.items())
        lines.append(f"foreign keys: {len(done.foreign_keys)} checked, {said or 'no orphans'}")
    lines += [f"{name}: {seconds:.1f} s" for name, seconds in done.steps]
    lines.append(f"RTO: {_seconds(done):.1f} s")
    left = f", {done.left_out} STAY OUT" if done.left_out else ""
    lines.append(f"{done.database}: {done.rows} rows {word}{left}" + ("" if done.applied else "; --apply does it"))
    return lines


def _of_table(table: TableOutcome, word: str) -> list[str]:
    if table.way == "restored":
        lines = [f"{table.table}: the table {word}, {table.rows} rows"]
    else:
        lines = [f"{table.table}: {table.rows} missing rows {word}; {table.live} rows are there and not touched"]
    more = (
        (table.there, "harmed rows are back already"),
        (table.changed, "harmed rows have other values now, and keep them"),
        (table.taken, "rows stay out: a unique value of theirs is another row's now"),
        (table.orphans, "rows stay out: what they point to is not there"),
    )
    lines += [f"  {number} {what}" for number, what in more if number]
    lines += [f"  {name}: {row}" for name, some in table.samples.items() for row in some]
    return lines + [f"  {note}" for note in table.notes]


def _seconds(done: Rescue) -> float:
    return round(sum(seconds for _, seconds in done.steps), 3)


def _data(done: Rescue) -> dict[str, Any]:
    return {
        "applied": done.applied,
        "database": done.database,
        "time": done.time.isoformat(),
        "xid": done.xid,
        "lsn": str(done.lsn),
        "did": list(done.did),
        "searched": list(done.looked_at),
        "recovered_until": None if done.recovered_until is None else done.recovered_until.isoformat(),
        "position": str(done.position),
        "rows": done.rows,
        "left_out": done.left_out,
        "tables": [
            {
                "table": one.table, "way": one.way, "rows": one.rows, "there": one.there, "changed": one.changed,
                "taken": one.taken, "orphans": one.orphans, "live": one.live,
                "samples": {name: list(some) for name, some in one.samples.items()}, "notes": list(one.notes),
            }
            for one in done.tables
        ],
        "objects": list(done.objects),
        "foreign_keys": dict(done.foreign_keys),
        "notes": list(done.notes),
        "steps": [{"name": name, "seconds": seconds} for name, seconds in done.steps],
        "rto_seconds": _seconds(done),
    }  # fmt: skip

"""``pgsafe pitr``: archiving, base backups, recovery to a moment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError
from . import basebackup, check, options, receive, repositories
from .answer import Answer, give, progress
from .rescue import command as rescue

if TYPE_CHECKING:
    from ..pitr.recover import Recovered
    from ..pitr.target import Target


@click.group("pitr")
def command() -> None:
    """Recover a cluster to any moment: look at its archiving, take base backups, rehearse a recovery."""


command.add_command(check.command)
command.add_command(basebackup.command)
command.add_command(receive.command)
command.add_command(rescue)


@command.command("archive")
@click.argument("segment", type=options.folder)
@click.argument("folder", type=options.folder)
@options.as_json
def archive(*, segment: Path, folder: Path, as_json: bool) -> int:
    """Archive SEGMENT into FOLDER: for archive_command = 'pgsafe pitr archive "%p" "FOLDER"'.

    Whole, on disk, never over another file.
    """
    from ..pitr.archiver import store

    fresh = store(segment.absolute(), folder.absolute())
    lines = [] if fresh else [f"{segment.name} is in the archive already, with the same content"]
    return give("pitr archive", Answer(passed=True, lines=lines, data={"new": fresh}), as_json=as_json)


@command.command("recover")
@click.argument("repository", required=False)
@click.option("--base", "root", type=options.folder, help="A base backup, or the folder of several.")
@click.option("--archive", type=options.folder, help="The WAL archive.")
@click.option("--to", "moment", metavar="TIME", help="A moment with its offset: 2026-11-22T14:30:00+00:00.")
@click.option("--lsn", help="A position in the WAL.")
@click.option("--name", help="A restore point.")
@click.option("--xid", help="A transaction.")
@click.option(
    "--timeline",
    default="latest",
    show_default=True,
    metavar="N",
    help="latest, current (the base backup's), a number.",
)
@click.option("--exclusive", is_flag=True, help="Just before it.")
@click.option(
    "--superuser", metavar="ROLE", help="Of a base backup that is not pgsafe's: the cluster's. Else postgres."
)
@click.option("--query", metavar="SQL", help="Asked of the recovered cluster; its rows are printed.")
@click.option("--dbname", default="postgres", show_default=True, help="Where the query is asked.")
@click.option("--max-seconds", type=float, default=3600.0, show_default=True, help="For the recovery.")
@options.as_json
def recover(
    *, repository: str | None, root: Path | None, archive: Path | None,
    moment: str | None, lsn: str | None, name: str | None, xid: str | None, timeline: str, exclusive: bool,
    superuser: str | None, query: str | None, dbname: str, max_seconds: float, as_json: bool,
) -> int:  # fmt: skip
    """Rehearse a recovery to a moment, or to the end of the archive, on a server that is thrown away.

    Of base backups and an archive, or of a REPOSITORY: 'pgbackrest:stanza=main', 'barman:server=main'.
    """
    from ..pitr.base import find
    from ..pitr.recover import recover
    from ..server import programs
    from ..server.connection import connect

    target = _target(moment, lsn, name, xid, exclusive=exclusive)
    if repository is not None:
        return repositories.recover(
            repository, target, query=query, dbname=dbname, wait=max_seconds, as_json=as_json, told=_told,
            alone=root is None and archive is None,
        )  # fmt: skip
    if root is None or archive is None:
        raise ConfigError("what is recovered?", remedies=["say --base and --archive, or a repository"])
    bases = find(root.expanduser().absolute())
    if superuser is not None:
        bases = tuple((path, replace(base, superuser=superuser)) for path, base in bases)
    local = programs.find(int(bases[-1][1].server_version.split(".")[0]))
    progress(f"recovery to {target}")
    rows: list[tuple[Any, ...]] = []
    where = archive.expanduser().absolute()
    with recover(bases, where, target, local, timeline=timeline, wait=max_seconds) as (server, recovered):
        if query is not None:
            with connect(server.address(dbname)) as session:
                rows = session.execute(query.encode()).fetchall()
    lines = ["\t".join("" if value is None else str(value) for value in row) for row in rows]
    lines += _told(recovered)
    data = {
        "target": str(target),
        "base": str(recovered.base),
        "stopped": recovered.stopped,
        "last_transaction": None if recovered.last_transaction is None else recovered.last_transaction.isoformat(),
        "position": str(recovered.position),
        "timeline": recovered.timeline,
        "notes": list(recovered.notes),
        "seconds": round(recovered.seconds, 3),
        "rows": [[None if value is None else str(value) for value in row] for row in rows],
    }
    return give("pitr recover", Answer(passed=True, lines=lines, data=data), as_json=as_json)


def _told(recovered: Recovered) -> list[str]:
    last = recovered.last_transaction
    where = f"from {recovered.base.name} on timeline {recovered.timeline}"
    return [
        f"reached: {recovered.target}" + (f", {recovered.stopped}" if recovered.stopped else ""),
        f"last transaction: {'none after the base backup' if last is None else last.isoformat()}",
        *(f"note: {note}" for note in recovered.notes),
        f"{where}, replayed to {recovered.position}, in {recovered.seconds:.1f} s",
    ]


def _target(moment: str | None, lsn: str | None, name: str | None, xid: str | None, *, exclusive: bool) -> Target:
    from ..pitr.target import Target

    if sum(value is not None for value in (moment, lsn, name, xid)) > 1:
        raise ConfigError("a recovery has one target", remedies=["one of --to, --lsn, --name and --xid, or none"])
    if moment is not None:
        return Target.time(moment, inclusive=not exclusive)
    if lsn is not None:
        return Target.lsn(lsn, inclusive=not exclusive)
    if name is not None:
        return Target.name(name)
    if xid is not None:
        return Target.xid(xid, inclusive=not exclusive)
    return Target(kind="end")

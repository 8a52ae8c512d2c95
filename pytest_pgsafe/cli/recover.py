"""``pgsafe pitr recover``."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError
from . import options, repositories
from .answer import Answer, give, progress
from .proofs import reached
from .recording import recording

if TYPE_CHECKING:
    from ..pitr.base import Base
    from ..pitr.recover import Recovered
    from ..pitr.target import Target


@click.command("recover")
@click.argument("repository", required=False)
@click.option("--base", type=options.folder, help="A base backup, or the folder of several; else [pitr] base.")
@click.option("--archive", type=options.folder, help="The WAL archive; else [pitr] archive.")
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
@click.option("--server", metavar="X", help="local, container, or auto: local programs of the very major first.")
@click.option("--image", metavar="NAME", help="The container's image; else the official one of the major.")
@click.option("--keep", is_flag=True, help="Leave the recovered server running, and say how to connect.")
@options.config
@options.as_json
def command(
    *, repository: str | None, base: Path | None, archive: Path | None,
    moment: str | None, lsn: str | None, name: str | None, xid: str | None,
    timeline: str, exclusive: bool, superuser: str | None, query: str | None, dbname: str, max_seconds: float,
    server: str | None, image: str | None, keep: bool, config: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Rehearse a recovery to a moment, or to the end of the archive, on a server that is thrown away.

    Of base backups and an archive, or of a REPOSITORY: 'pgbackrest:stanza=main', 'barman:server=main'.

    RTO is the time until the recovered server answered. RPO is what is missing: of a target that was reached
    nothing; at the archive's end at most what was committed since the last transaction.
    """
    from ..pitr.bases import find
    from ..pitr.place import place_for
    from ..pitr.recover import recover
    from ..runbook.entries import of_recovery
    from ..server.connection import connect

    target = _target(moment, lsn, name, xid, exclusive=exclusive)
    if repository is not None:
        if keep or server is not None or image is not None:
            raise ConfigError(
                "a repository is recovered by programs of this machine, on a server that is thrown away",
                remedies=["leave out --server, --image and --keep"],
            )
        if base is not None or archive is not None:
            raise ConfigError("a repository has its own archive", remedies=["leave out --base and --archive"])
        return repositories.recover(repository, target, query=query, dbname=dbname, wait=max_seconds, as_json=as_json)
    settings = options.settings(config=config, server=server, image=image)
    told = settings.pitr
    root = _folder(base, None if told is None else told.base, "base")
    where = _folder(archive, None if told is None else told.archive, "archive")
    bases = find(root)
    if superuser is not None:
        bases = tuple((path, replace(one, superuser=superuser)) for path, one in bases)
    place = place_for(bases[-1][1], settings.server.use, settings.server.image)
    progress(f"recovery to {target}")
    rows: list[tuple[Any, ...]] = []
    kept: tuple[str, ...] = ()
    begun = datetime.now(timezone.utc)
    with (
        recording("recovery", place=str(where), repository=str(where), target=str(target)) as evidence,
        recover(bases, where, target, place, timeline=timeline, wait=max_seconds) as (recovering, recovered),
    ):
        if query is not None:
            with connect(recovering.address(dbname)) as session:
                rows = session.execute(query.encode()).fetchall()
        described = recovering.describe()
        if keep:
            kept = tuple(recovering.keep())
    newest = _newest(recovered, bases)
    rpo = max((begun - newest).total_seconds(), 0.0) if target.kind == "end" else 0.0
    evidence.add("recovery", of_recovery(str(where), recovered, rpo if target.kind == "end" else None))
    lines = ["\t".join("" if value is None else str(value) for value in row) for row in rows]
    lines += [*reached(recovered), _numbers(recovered, newest, rpo), *(f"kept: {line}" for line in kept)]
    data = {
        "target": str(target),
        "base": str(recovered.base),
        "stopped": recovered.stopped,
        "last_transaction": None if recovered.last_transaction is None else recovered.last_transaction.isoformat(),
        "newest": newest.isoformat(),
        "newest_epoch": round(newest.timestamp(), 6),
        "position": str(recovered.position),
        "timeline": recovered.timeline,
        "notes": list(recovered.notes),
        "seconds": round(recovered.seconds, 3),
        "rto_seconds": round(recovered.seconds, 3),
        "rpo_seconds": round(rpo, 3),
        "server": dict(described),
        "kept": list(kept),
        "rows": [[None if value is None else str(value) for value in row] for row in rows],
    }
    return give("pitr recover", evidence.told(Answer(passed=True, lines=lines, data=data)), as_json=as_json)


def _folder(given: Path | None, configured: Path | None, what: str) -> Path:
    if given is not None:
        return given.expanduser().absolute()
    if configured is None:
        raise ConfigError(f"no {what} is named", remedies=[f"--{what}=DIR, or [pitr] {what} in pgsafe.toml"])
    return configured


def _newest(recovered: Recovered, bases: tuple[tuple[Path, Base], ...]) -> datetime:
    """Return the newest moment that was recovered: what was committed before a base backup began is in it."""
    begun = next(base.started_at for path, base in bases if path == recovered.base).astimezone(timezone.utc)
    return begun if recovered.last_transaction is None else max(recovered.last_transaction, begun)


def _numbers(recovered: Recovered, newest: datetime, rpo: float) -> str:
    rto = f"RTO: {recovered.seconds:.1f} s"
    if recovered.target.kind != "end":
        return f"{rto}, RPO: 0 s: nothing that was committed by then is missing"
    return f"{rto}, RPO: {rpo:.1f} s at most: the newest recoverable moment is {newest.isoformat()}"


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

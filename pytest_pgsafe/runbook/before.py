"""What can be found out before a backup is begun: who may read, and whether it fits."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg

from ..backup.texts import Followed
from ..compare import not_carried
from ..copy.source import Source, unreachable
from ..errors import SourceError, UsageError
from ..server.connection import connect
from ..snapshot.values import Snapshot

#: Times the database's size that must be free where the backup is written.
ROOM = 2
_UNREADABLE = (Path(__file__).with_name("sql") / "unreadable.sql").read_bytes()


def check(source: Source, root: Path) -> None:
    """Say what keeps a backup from being whole, before anything is begun.

    :raises SourceError: objects that the role may not read, each of them named.
    :raises UsageError: too little disk.
    """
    assert source.address is not None
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if free < ROOM * source.size:
        raise UsageError(
            f"too little disk: {ROOM * source.size >> 20:,} MiB are wanted, {ROOM} times the database's "
            f"{source.size >> 20:,} MiB",
            looked_at=[f"{there}: {free >> 20:,} MiB free"],
            remedies=["free space, or name another --root"],
        )
    try:
        with connect(source.address, statement_timeout="60s", lock_timeout="10s") as connection:
            missed = [f"{name}: {why}" for name, why in connection.execute(_UNREADABLE).fetchall()]
    except psycopg.Error as error:
        raise unreachable(source.address, error) from error
    if missed:
        more = [f"and {len(missed) - 10} more"] if len(missed) > 10 else []
        raise SourceError(
            f"the backup would miss what its role may not read: {len(missed)} object{'s' * (len(missed) > 1)}",
            looked_at=[*missed[:10], *more],
            remedies=[
                "GRANT pg_read_all_data TO the role, and ALTER ROLE … BYPASSRLS where row security hides rows",
                "or read the source as a superuser",
            ],
        )


#: How a line begins that says what no restore will mend.
BROKEN = "the source is broken already: "


def left_out(facts: Snapshot, rules: Sequence[Followed] = ()) -> tuple[str, ...]:
    """Return what of a source is not in its backup, or will not be the same after a restore, each in one line.

    :param rules: what was found of denormalised columns.
    """
    return (*_left_out(facts), *_not_followed(rules))


def _not_followed(rules: Sequence[Followed]) -> Iterator[str]:
    for one in rules:
        if one.hindered:
            yield f"[[denormalized]] {one.rule} was not looked at: {one.hindered}"
        elif one.disagree:
            yield f"{BROKEN}{one.rule} does not hold in {one.disagree} of {one.agree + one.disagree} rows"


def _left_out(facts: Snapshot) -> Iterator[str]:
    yield "passwords of roles: globals.sql has the roles without them"
    for gap in (*not_carried(facts.catalog), *facts.not_verified):
        yield f"{gap.object}: {gap.reason}"
    for table in facts.catalog.tables.values():
        if table.form == "foreign table":
            yield f"rows of {table.name}: a foreign table, its rows are on {table.foreign_server}"
        if table.tablespace:
            yield f"tablespace {table.tablespace} of {table.name}: a folder of the source's machine"
    for view in facts.catalog.views.values():
        if view.materialized:
            yield f"rows of {view.name}: a materialised view, computed anew by the restore"
    for name, key in facts.foreign_keys.items():
        if key.orphans:
            yield f"{BROKEN}{key.orphans} rows without what {name} points to"

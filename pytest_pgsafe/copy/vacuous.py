"""What would make a run green that has looked at nothing, or at something that says nothing about today."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ..backup.take import Backup
from ..config.forms import span
from ..errors import BackupError, RestoreError
from ..pitr.engines.recover import Restored
from ..snapshot.values import NotVerified, Snapshot

#: How far clocks of two machines may be apart.
_CLOCKS = timedelta(hours=1)


def without_content(facts: Snapshot, kind: str) -> Sequence[NotVerified]:
    """Return what cannot be proven by a source that holds no row.

    :param facts: of the restored copy; ``kind`` of the source.
    :raises RestoreError: there is no table, or none that can be read: nothing would be compared.
    """
    if not facts.catalog.tables:
        cause = {
            "sql": "see that the files commit what they begin, and connect to no other database (\\connect)",
            "database": "see that the source names the right database",
        }
        raise RestoreError(
            "the source holds no table: there is nothing to compare",
            remedies=[cause.get(kind, "see that the dump is of the right database, and not of a part of it")],
        )
    if not facts.tables:
        raise RestoreError(
            "no table of the source can be read: there is nothing to compare",
            looked_at=[f"{gap.object}: {gap.reason}" for gap in facts.not_verified[:10]],
            remedies=["foreign tables are never scanned: protect the database that holds their rows"],
        )
    if any(table.rows for table in facts.tables.values()):
        return ()
    return (NotVerified(object="content", reason="every table of the source is empty: no row could be harmed"),)


def emptied(facts: Snapshot | None, recovered: Restored | None) -> Sequence[NotVerified]:
    """Return the tables whose rows a recovery does not bring back."""
    if facts is None or recovered is None or recovered.stopped:
        return ()
    unlogged = [name for name, table in facts.catalog.tables.items() if table.persistence == "unlogged"]
    return [NotVerified(object=name, reason="it is UNLOGGED, and the recovery emptied it") for name in unlogged]


def out_of_date(
    backup: Backup | None, limit: float | None, now: datetime, recovered: Restored | None = None
) -> Sequence[NotVerified]:
    """Return that a backup's age is not known, where it matters.

    :param backup: None where the source is built from files.
    :param limit: seconds that it may be old; None allows any age.
    :param now: in a time zone.
    :param recovered: what the backup was taken of, where that was not alive.
    :raises BackupError: it is older, or dated in the future.
    """
    if limit is None:
        return ()
    if recovered is not None:
        taken, path = recovered.until, str(recovered)
    elif backup is None or backup.manifest is None:
        what = "files do" if backup is None else "a dump without pgsafe's manifest does"
        return (NotVerified(object="max_age", reason=f"{what} not say when the data was so"),)
    else:
        taken, path = backup.manifest.taken_at, str(backup.archive.path)
    old = now - taken
    if old < -_CLOCKS:
        raise BackupError(
            f"the backup is dated in the future: {taken:%Y-%m-%d %H:%M} UTC, so nobody knows how old it is",
            looked_at=[path],
            remedies=["set the clocks of both machines, and take a new backup"],
        )
    if old.total_seconds() > limit:
        raise BackupError(
            f"the backup is {span(old)} old, and may be {span(limit)}: it says little about today",
            looked_at=[f"{path}: taken {taken:%Y-%m-%d %H:%M} UTC" if recovered is None else path],
            remedies=["take a new one", "allow more: [source] max_age"],
        )
    return ()

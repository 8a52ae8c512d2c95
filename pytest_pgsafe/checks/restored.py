"""What a restored copy has different from its source: judged where the backup is proven, before any migration."""

from __future__ import annotations

from collections.abc import Sequence

from ..compare import differing_views
from ..compare.restored import difference
from ..compare.values import Change
from ..snapshot.values import Snapshot
from .values import Check, Finding, Severity

#: How many differences of a restore become findings; all of them stand in their number.
MOST = 50


def not_restored(changes: Sequence[Change]) -> tuple[Finding, ...]:
    """Return what a restored copy has different from its source, as findings of the restore."""
    return tuple(
        NOT_RESTORED.finding(
            change.object,
            f"the restored copy is not equal to the source: {difference(change)}",
            before=change.before if isinstance(change.before, int) else None,
            after=change.after if isinstance(change.after, int) else None,
        )
        for change in changes[:MOST]
    )


def computed_again(source: Snapshot, restored: Snapshot) -> tuple[Finding, ...]:
    """Return a note for each materialised view of which a restore shows other rows than its source did.

    A restore computes them from the tables as they are, so one that was not refreshed lately differs, as does one whose
    query depends on the time. What it showed is in no backup.
    """
    found = differing_views(source, restored, views={name: name for name in restored.catalog.views})
    pairs = {name: (source.materialized_views[name], restored.materialized_views.get(name)) for name in found}
    return tuple(
        VIEW_COMPUTED_AGAIN.finding(
            name,
            f"the materialized view {name} shows {_others(ours.rows, theirs.rows)}: "
            "a restore computes it from the tables",
            before=ours.rows,
            after=theirs.rows,
            standing=True,
        )
        for name, (ours, theirs) in pairs.items()
        if theirs is not None
    )


def _others(before: int, after: int) -> str:
    if before == after:
        return f"other values in the copy than in the source, in as many rows ({before:,})"
    return f"{after:,} rows in the copy, not the {before:,} that it shows in the source"


def stored_by_server(lines: Sequence[str]) -> tuple[Finding, ...]:
    """Return a note for each line that says what the source's server stores, and no restore is given."""
    return tuple(STORED_BY_SERVER.finding(line.partition(":")[0], line, standing=True) for line in lines)


NOT_RESTORED = Check(
    code="PGS010",
    check="restore",
    name="not-restored",
    severity=Severity.ERROR,
    is_effect=False,
    condition="Objects, rows or values of the restored copy are not those of its source.",
    effect="The backup does not give back what was there, and a verdict about the copy is none about the source.",
    remedy="Take the backup again; if it differs again, the source holds what pg_dump does not carry over.",
)
VIEW_COMPUTED_AGAIN = Check(
    code="PGS011",
    check="restore",
    name="view-computed-again",
    severity=Severity.NOTE,
    is_effect=False,
    condition="A materialised view shows other rows in the restored copy than in its source.",
    effect="A restore computes it from the tables; what it showed since its last REFRESH is in no backup.",
    remedy="If its rows matter, refresh it before the backup, or keep them in a table.",
)
STORED_BY_SERVER = Check(
    code="PGS012",
    check="restore",
    name="stored-by-server",
    severity=Severity.NOTE,
    condition=(
        "The source's server stores something among its options that PostgreSQL does not document: a newer minor's "
        "own, or that of an extension which is gone."
    ),
    effect="No restore is given it: a server that does not know it refuses the whole table.",
    remedy="Nothing, if nobody set it: the server keeps such things for itself. Else RESET it in the source.",
)
CHECKS = (NOT_RESTORED, VIEW_COMPUTED_AGAIN, STORED_BY_SERVER)

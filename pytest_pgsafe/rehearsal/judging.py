"""What the checks need besides the comparison, and what a restore that is not equal means."""

from __future__ import annotations

from collections.abc import Sequence

from ..catalog.names import matches, parts
from ..checks.values import Evidence, Finding, Rules, Severity
from ..compare import differing_views
from ..compare.values import Action, Change, Comparison
from ..migrate.values import Trace
from ..server.connection import Connection
from ..snapshot.values import NotVerified, Snapshot
from . import copies, moved

#: How many differences of a restore become findings; all of them stand in their number.
MOST = 50


def evidence(
    comparison: Comparison, trace: Trace | None, rules: Rules, before: Connection, after: Connection
) -> Evidence:
    """Gather what the checks may look at; the team's rules about data are evaluated on both sides."""
    told = copies.gather(comparison, rules, before, after)
    return Evidence(
        comparison=comparison,
        trace=trace,
        rules=rules,
        denormalized=told.denormalized,
        losses=told.losses,
        unread=told.unread,
        references=told.references,
        moved={rule: moved.find(rule, comparison, before, after) for rule in rules.moved},
    )


def unmatched(masks: Sequence[str], comparison: Comparison) -> tuple[NotVerified, ...]:
    """Return the masks that hide nothing, since no column is called so: a typing error shows what it was to hide."""
    names = [
        parts(name) for catalog in (comparison.before.catalog, comparison.after.catalog) for name in catalog.columns
    ]
    return tuple(
        NotVerified(object=f"mask {mask}", reason="no column is called so: it hides nothing")
        for mask in masks
        if not any(matches(parts(mask), name) for name in names)
    )


def not_restored(changes: Sequence[Change]) -> tuple[Finding, ...]:
    """Return what a restored copy has different from its source, as findings of the restore."""
    return tuple(
        Finding(
            code="PGS010",
            check="restore",
            severity=Severity.ERROR,
            object=change.object,
            message=f"the restored copy is not equal to the source: {sentence(change)}",
            before=change.before if isinstance(change.before, int) else None,
            after=change.after if isinstance(change.after, int) else None,
            remedy="take the backup again; if it differs again, the source holds what pg_dump does not carry over",
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
        Finding(
            code="PGS011",
            check="restore",
            severity=Severity.NOTE,
            object=name,
            message=f"the materialized view {name} shows {theirs.rows:,} rows in the copy, not the {ours.rows:,} that "
            "it shows in the source: a restore computes it from the tables",
            before=ours.rows,
            after=theirs.rows,
            standing=True,
        )
        for name, (ours, theirs) in pairs.items()
        if theirs is not None
    )


def sentence(change: Change) -> str:
    """Say a change between source and copy in one line."""
    if change.action is Action.DROPPED:
        return f"{change.kind} {change.object} is missing"
    if change.action is Action.ADDED:
        return f"{change.kind} {change.object} is not in the source"
    what = f"{change.attribute} of {change.kind} {change.object}"
    return f"{what}: {_short(change.before)} in the source, {_short(change.after)} in the copy"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 200 else text[:200] + "…"

"""What the checks need besides the comparison, and what a restore that is not equal means."""

from __future__ import annotations

from collections.abc import Sequence

from ..catalog.names import matches, parts
from ..catalog.values import Catalog
from ..checks.values import Evidence, Finding, Rules, Severity
from ..compare import differing_views
from ..compare.values import Action, Change, Comparison
from ..migrate.values import Trace
from ..server.connection import Connection
from ..snapshot import denormalized
from ..snapshot.values import DenormalizedContent, DenormalizedRule, NotVerified, Snapshot
from . import moved

#: How many differences of a restore become findings; all of them stand in their number.
MOST = 50


def evidence(
    comparison: Comparison, trace: Trace | None, rules: Rules, before: Connection, after: Connection
) -> Evidence:
    """Gather what the checks may look at; denormalised columns are read where they still are."""
    found: dict[DenormalizedRule, tuple[DenormalizedContent, DenormalizedContent | None]] = {}
    for rule in rules.denormalized:
        now = _after(rule, comparison)
        found[rule] = (
            denormalized.read(before, comparison.before.catalog, rule),
            None if now is None else denormalized.read(after, comparison.after.catalog, now),
        )
    return Evidence(
        comparison=comparison,
        trace=trace,
        rules=rules,
        denormalized=found,
        moved={rule: moved.find(rule, comparison, before, after) for rule in rules.moved},
    )


def _after(rule: DenormalizedRule, comparison: Comparison) -> DenormalizedRule | None:
    """Return the rule by the names after; None if the copy, its source, or the way between them is gone."""
    names = comparison.columns
    if rule.column not in names or rule.source not in names:
        return None
    via = None if rule.via is None else names.get(rule.via, rule.via)
    now = DenormalizedRule(column=names[rule.column], source=names[rule.source], via=via)
    return now if _has_path(comparison.after.catalog, now) else None


def _has_path(catalog: Catalog, rule: DenormalizedRule) -> bool:
    try:
        denormalized.path(catalog, rule)
    except denormalized.NoPathError:
        return False
    return True


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

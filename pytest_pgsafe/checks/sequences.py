"""Sequences: behind their column, moved backwards, lost."""

from __future__ import annotations

from collections.abc import Iterator

from ..catalog.values import Sequence
from ..compare.values import Action
from ..snapshot.values import Snapshot
from .equivalents import sequence_after
from .evidence import behaviour, excused, of, unproven
from .values import Check, Evidence, Finding, Severity


def _next(snapshot: Snapshot, name: str) -> int | None:
    """Return the value that nextval gives next; None where the sequence could not be read."""
    value, sequence = snapshot.sequences.get(name), snapshot.catalog.sequences.get(name)
    if value is None or sequence is None:
        return None
    return value.value + sequence.increment if value.is_called else value.value


def _gap(snapshot: Snapshot, name: str) -> int:
    """Return how many values the sequence has to go until it is past its column; 0 if it is."""
    upcoming, bound = _next(snapshot, name), snapshot.sequence_bounds.get(name)
    if upcoming is None or bound is None:
        return 0
    distance = bound - upcoming if snapshot.catalog.sequences[name].increment > 0 else upcoming - bound
    return max(0, distance + 1)


def _before(evidence: Evidence) -> dict[str, str]:
    """Return names before by names after: of the same sequence, else of the one that fed the same column."""
    comparison = evidence.comparison
    names = {new: old for old, new in comparison.objects.get("sequences", {}).items()}
    by_column = {
        comparison.columns.get(sequence.column): name
        for name, sequence in comparison.before.catalog.sequences.items()
        if sequence.column is not None
    }
    for name, sequence in comparison.after.catalog.sequences.items():
        if name not in names and sequence.column in by_column:
            names[name] = by_column[sequence.column]
    return names


def _behind(evidence: Evidence) -> Iterator[Finding]:
    comparison = evidence.comparison
    names = _before(evidence)
    for name, sequence in comparison.after.catalog.sequences.items():
        gap = _gap(comparison.after, name)
        if not gap:
            continue
        old = names.get(name)
        was = 0 if old is None else _gap(comparison.before, old)
        upcoming, bound = _next(comparison.after, name), comparison.after.sequence_bounds[name]
        told = f"{name} gives {upcoming:,} next, while {sequence.column} is at {bound:,} already"
        if gap > was:
            told += f"; it was behind by {was:,} before" if was else ""
            yield SEQUENCE_BEHIND.finding(name if old is None else old, told, before=bound, after=upcoming)
        else:
            told += ", as before the migration" if gap == was else f"; it was behind by {was:,} before"
            yield SEQUENCE_BEHIND.finding(
                name if old is None else old,
                told,
                severity=Severity.WARNING,
                before=bound,
                after=upcoming,
                standing=True,
            )


def _exhausted(evidence: Evidence) -> Iterator[Finding]:
    comparison = evidence.comparison
    for name, there in comparison.objects.get("sequences", {}).items():
        new = comparison.after.catalog.sequences[there]
        upcoming = _next(comparison.after, there)
        if _spent(comparison.after, there) and not _spent(comparison.before, name):
            limit = new.maximum if new.increment > 0 else new.minimum
            told = f"{name} gives no value any more: the next would be {upcoming:,}, beyond {limit:,}"
            yield SEQUENCE_EXHAUSTED.finding(name, told, before=limit, after=upcoming)
        elif _is_nearly_spent(comparison.after, there) and not _is_nearly_spent(comparison.before, name):
            left = _left(comparison.after, there)
            told = f"{name} gives {left:,} more {'value' if left == 1 else 'values'}, and then none"
            limit = new.maximum if new.increment > 0 else new.minimum
            yield SEQUENCE_EXHAUSTED.finding(
                name, told, severity=unproven(evidence), before=limit, after=upcoming, aspect="nearly"
            )


def _spent(snapshot: Snapshot, name: str) -> bool:
    sequence, upcoming = snapshot.catalog.sequences.get(name), _next(snapshot, name)
    if sequence is None or upcoming is None or sequence.cycle:
        return False
    return not sequence.minimum <= upcoming <= sequence.maximum


def _left(snapshot: Snapshot, name: str) -> int:
    """Return how many values a sequence gives until its bound."""
    sequence, upcoming = snapshot.catalog.sequences[name], _next(snapshot, name)
    if upcoming is None:
        return 0
    bound = sequence.maximum if sequence.increment > 0 else sequence.minimum
    return max(0, (bound - upcoming) // sequence.increment + 1)


def _is_nearly_spent(snapshot: Snapshot, name: str) -> bool:
    """Tell whether a sequence has fewer values left than a tenth of those that it gave."""
    sequence, upcoming = snapshot.catalog.sequences.get(name), _next(snapshot, name)
    if sequence is None or upcoming is None or sequence.cycle:
        return False
    first = sequence.minimum if sequence.increment > 0 else sequence.maximum
    return _left(snapshot, name) < abs((upcoming - first) // sequence.increment) / 10


def _back(evidence: Evidence) -> Iterator[Finding]:
    comparison = evidence.comparison
    for name, there in comparison.objects.get("sequences", {}).items():
        before, after = _next(comparison.before, name), _next(comparison.after, there)
        if before is None or after is None:
            continue
        old, new = comparison.before.catalog.sequences[name], comparison.after.catalog.sequences[there]
        up = old.increment > 0
        if up is not (new.increment > 0):
            told = f"{name} counts by {new.increment} now, and by {old.increment} before: it comes by the values that"
            yield SEQUENCE_BACK.finding(name, f"{told} it gave, and gives them again", before=before, after=after)
            continue
        # One that cycled before gave values twice anyway; CYCLE that is new excuses nothing.
        if (after >= before if up else after <= before) or old.cycle:
            continue
        if _gap(comparison.after, there) > _gap(comparison.before, name):
            continue  # sequence-behind tells it
        if _shrank(comparison.before.sequence_bounds.get(name), comparison.after.sequence_bounds.get(there), up=up):
            continue
        told = f"{name} went back: it gives {after:,} next, and gave {before:,} before; values are handed out twice"
        yield SEQUENCE_BACK.finding(name, told, before=before, after=after)


def _shrank(before: int | None, after: int | None, *, up: bool) -> bool:
    if before is None:
        return False
    return after is None or (after < before if up else after > before)


def _lost(evidence: Evidence) -> Iterator[Finding]:
    comparison = evidence.comparison
    after = comparison.after.catalog
    for change in of(evidence, Action.DROPPED, "sequence"):
        old = change.old
        assert isinstance(old, Sequence)
        column = comparison.columns.get(old.column or "")
        told, severity = f"the sequence {old.name} was dropped", Severity.ERROR
        if sequence_after(comparison, old) is not None:
            continue  # replaced
        if column is not None and after.columns[column].default is not None:
            told += f"; {column} has another default: {after.columns[column].default}"
            severity = behaviour(evidence)
        elif column is not None:
            told += f"; nothing numbers {column} any more"
        yield excused(evidence, "sequence", SEQUENCE_LOST.finding(old.name, told, severity=severity))


SEQUENCE_BEHIND = Check(
    code="PGS601",
    check="sequences",
    name="sequence-behind",
    severity=Severity.ERROR,
    excused_by=frozenset({"sequence"}),
    condition=(
        "A sequence gives values next that its column has already, and did not before. One that did is a warning."
    ),
    effect="The next INSERT fails with a duplicate key, or, without a unique constraint, two rows have one number.",
    remedy="SELECT setval('sequence', (SELECT max(column) FROM table)) at the end of the migration.",
    judge=_behind,
)
SEQUENCE_BACK = Check(
    code="PGS602",
    check="sequences",
    name="sequence-back",
    severity=Severity.ERROR,
    excused_by=frozenset({"sequence"}),
    condition="A sequence was set back, or counts the other way, while its column still holds what it held.",
    effect="Numbers that were given out before (on an invoice, in a link, of a row deleted since) are given out again.",
    remedy="Leave the sequence where it is; gaps do no harm.",
    judge=_back,
)
SEQUENCE_LOST = Check(
    code="PGS603",
    check="sequences",
    name="sequence-lost",
    severity=Severity.ERROR,
    condition="A sequence was dropped, and its column has no other.",
    effect="nextval fails, and so does each INSERT that relied on it.",
    remedy="Recreate it as an identity, and set its value past the column's.",
    judge=_lost,
)
SEQUENCE_EXHAUSTED = Check(
    code="PGS604",
    check="sequences",
    name="sequence-exhausted",
    severity=Severity.ERROR,
    condition=(
        "The next value of a sequence is beyond its bound, it does not cycle, and it gave values before. If fewer are "
        "left than a tenth of those that it gave, and were not before, it is a warning."
    ),
    effect="Each INSERT that draws a number from it fails: “nextval: reached maximum value of sequence”.",
    remedy="Leave its bound, or its type, as it was; set it to the largest value of its column.",
    judge=_exhausted,
)
CHECKS = (SEQUENCE_BEHIND, SEQUENCE_BACK, SEQUENCE_LOST, SEQUENCE_EXHAUSTED)

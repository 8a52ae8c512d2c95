"""What is gone while something else does the same: no loss, and worth a line."""

from __future__ import annotations

from collections.abc import Iterator

from ..catalog.names import bare
from ..catalog.values import Constraint, Index, Sequence
from ..compare.values import Action
from .equivalents import constraint_after, index_after, sequence_after
from .evidence import behaviour, consequence, of
from .strength import Strength, strength
from .values import Check, Evidence, Finding, Severity


def _replaced(evidence: Evidence) -> Iterator[Finding]:
    comparison = evidence.comparison
    for change in of(evidence, Action.DROPPED, "constraint", "index", "sequence"):
        lost, instead = change.old, None
        if isinstance(lost, Constraint) and not consequence(evidence, lost) and lost.parent is None:
            instead = constraint_after(comparison, lost)
        elif isinstance(lost, Index) and not consequence(evidence, lost) and lost.parent is None:
            index = None if lost.constraint is not None else index_after(comparison, lost)
            instead = None if index is None else index.name
        elif isinstance(lost, Sequence):
            instead = sequence_after(comparison, lost)
        if instead is not None:
            told = f"the {change.kind} {bare(change.object)} was dropped; {instead} does the same"
            yield REPLACED.finding(
                change.object, told, severity=behaviour(evidence), after=instead, aspect=f"by {instead}"
            )
    told_already: set[str] = set()
    for change in of(evidence, Action.CHANGED, "index"):
        old = change.old
        weaker = strength(comparison, change) is Strength.WEAKER and change.attribute not in ("valid", "ready")
        if not weaker or not isinstance(old, Index) or not old.unique or old.constraint or old.name in told_already:
            continue
        index = index_after(comparison, old)
        if index is not None:
            told_already.add(old.name)
            told = f"the index {old.name} is another; {index.name} keeps unique what it did"
            aspect = f"by {index.name}"
            yield REPLACED.finding(old.name, told, severity=behaviour(evidence), after=index.name, aspect=aspect)


REPLACED = Check(
    code="PGS536",
    check="schema",
    name="replaced",
    severity=Severity.NOTE,
    excused_by=frozenset({"function", "view"}),
    condition="A constraint, an index or a sequence is gone, and another one does the same under another name.",
    effect="Nothing is less protected. Statements that name it (ON CONFLICT ON CONSTRAINT, later migrations) fail.",
    remedy="See that nothing names it.",
    judge=_replaced,
)
CHECKS = (REPLACED,)

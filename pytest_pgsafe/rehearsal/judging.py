"""What the checks need besides the comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..catalog.names import matches, parts
from ..checks.values import Evidence, Rules
from ..compare.values import Comparison
from ..migrate.values import Trace
from ..server.connection import Connection
from ..snapshot.values import NotVerified
from ..works import tries
from . import converted, denormalized, moved


def evidence(
    comparison: Comparison, trace: Trace | None, rules: Rules, before: Connection, after: Connection
) -> Evidence:
    """Gather what the checks may look at; the team's rules about data are evaluated on both sides."""
    told = denormalized.gather(comparison, rules, before, after)
    return Evidence(
        comparison=comparison,
        trace=trace,
        rules=rules,
        denormalized=told.denormalized,
        losses=told.losses,
        unread=told.unread,
        undeclared=denormalized.undeclared(comparison, rules, before, after),
        references=told.references,
        converted={rule: converted.find(rule, comparison, before, after) for rule in rules.converted},
        moved={rule: moved.find(rule, comparison, before, after) for rule in rules.moved},
        tried=tries.gather(comparison, before, after, trace=trace),
    )


def untried(evidence: Evidence) -> Mapping[str, str]:
    """Return why nothing was tried, by the name of the check that had nothing to judge; nothing if something was."""
    if evidence.tried.number:
        return {}
    return {"works": "nothing was to be tried: no table with rows has a trigger or was changed, and nothing runs code"}


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

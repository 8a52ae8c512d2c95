"""Items of a run that had nothing to look at: they are skipped, and never passed."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ..checks.values import Evidence


def nothing_to_judge(evidence: Evidence, judged: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the items that had nothing to look at, each with the reason: they are skipped, never passed.

    :param judged: the items that found something.
    """
    for name, reason in _empty(evidence):
        if name not in judged:
            yield name, reason


def _empty(evidence: Evidence) -> Iterator[tuple[str, str]]:
    comparison, rules = evidence.comparison, evidence.rules
    sides = (comparison.before, comparison.after)
    if not any(content.rows for content in comparison.before.tables.values()):
        empty = "every table of the source is empty: no row could be harmed"
        yield "rows", empty
        yield "values", empty
    if not rules.denormalized:
        yield "denormalized", "no rule in [[denormalized]]: pgsafe propose prints those that seem to hold"
    keys = any(one.form == "foreign key" for side in sides for one in side.catalog.constraints.values())
    if not (keys or rules.references or rules.foreign_keys):
        yield "foreign_keys", "no foreign key is declared, and [foreign_keys] names none"
    if not any(side.catalog.sequences for side in sides):
        yield "sequences", "the database has no sequence"
    if evidence.trace is None or not evidence.trace.observed:
        yield "locks", "no lock could be observed on this server"
    budgets = (rules.migrate_budget, rules.wal_budget, rules.growth_budget, rules.peak_budget, rules.wait_budget)
    if all(budget is None for budget in budgets):
        yield "cost", "[budget] sets no limit: what the migration cost stands in the report"

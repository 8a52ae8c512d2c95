"""What a team announced, and whether it happened."""

from __future__ import annotations

from collections.abc import Iterator

from ..catalog.names import covers, is_pattern, means
from ..compare.identity import collection
from ..config.expectations import Dropped, RowsRule, bounds
from .announced import COLLECTIONS
from .evidence import count, unproven
from .values import Check, Evidence, Finding, Severity


def allowance(rule: str, before: int) -> int:
    """Return how many rows may be gone under a rule: as many as bring the table down to the least it allows."""
    try:
        low = bounds(rule, before).low
    except ValueError:
        return 0
    return before if low is None else max(0, before - low)


def rows_rule(evidence: Evidence, table: str) -> RowsRule | None:
    """Return the rule for a table, if there is one: its own, else the first pattern that covers it."""
    own = next((rule for rule in evidence.rules.rows if means(table, rule.table)), None)
    return own or next((rule for rule in evidence.rules.rows if covers(table, rule.table)), None)


def _rows(evidence: Evidence) -> Iterator[Finding]:
    comparison = evidence.comparison
    for rule in evidence.rules.rows:
        # A pattern is about tables: what a materialised view shows follows from them.
        views = () if is_pattern(rule.table) else comparison.before.materialized_views
        known = (*comparison.before.catalog.tables, *comparison.before.extension_tables, *views)
        names = [name for name in known if covers(name, rule.table)]
        if not names or (len(names) > 1 and not is_pattern(rule.table)):
            found = "more than one table" if names else "no table"
            yield ROWS_EXPECTED.finding(rule.table, f'the rule rows = "{rule.rule}" for {rule.table} names {found}')
            continue
        for name in names:
            # A table's own rule says more than a pattern.
            if rows_rule(evidence, name) is rule and (len(names) == 1 or comparison.before.holds(name) is not None):
                yield from _rows_of(evidence, name, rule)


def _rows_of(evidence: Evidence, name: str, rule: RowsRule) -> Iterator[Finding]:
    comparison = evidence.comparison
    there = comparison.tables.get(name) or comparison.objects.get("views", {}).get(name)
    if name in comparison.before.extension_tables:
        there = name
    ours = comparison.before.holds(name)
    theirs = comparison.after.holds(there or "")
    if ours is None or (theirs is None and there is not None):
        told = f'the rule rows = "{rule.rule}" for {name} could not be checked: its rows were not counted'
        yield ROWS_EXPECTED.finding(name, told, severity=unproven(evidence))
        return
    after = 0 if theirs is None else theirs.rows
    try:
        wanted = bounds(rule.rule, ours.rows)
    except ValueError as error:
        yield ROWS_EXPECTED.finding(name, str(error))
        return
    difference = comparison.rows.get(name) or comparison.views.get(name)
    replaced = rule.rule.strip() == "unchanged" and difference is not None and bool(difference.gone)
    if wanted.hold(after) and not replaced:
        relative = rule.rule.strip() == "unchanged" or "before" in rule.rule
        if relative and not ours.rows and not after and not is_pattern(rule.table):
            told = f'the rule rows = "{rule.rule}" for {name} says nothing: the table is empty'
            yield ROWS_EXPECTED.finding(name, told, severity=unproven(evidence))
        return
    told = f'{name} has {count(after)} after {ours.rows:,} before, which rows = "{rule.rule}" does not allow'
    if replaced and wanted.hold(after):
        told = f'{name} has other rows than before, which rows = "{rule.rule}" does not allow'
    yield ROWS_EXPECTED.finding(name, told, before=ours.rows, after=after)


def _drops(evidence: Evidence) -> Iterator[Finding]:
    for expected in evidence.rules.dropped:
        told = _unfulfilled(evidence, expected)
        if told is not None:
            yield DROP_EXPECTED.finding(expected.object, told)


def _unfulfilled(evidence: Evidence, expected: Dropped) -> str | None:
    """Return what is wrong with an announced drop; None if it happened."""
    comparison = evidence.comparison
    where = COLLECTIONS.get(expected.kind)
    announcement = f"the drop of {expected.kind} {expected.object} was announced"
    if where is None:
        names = [one.name for one in comparison.before.catalog.definitions.values() if one.form == expected.kind]
        pairs = {old.partition(" ")[2]: new for old, new in comparison.objects.get("definitions", {}).items()}
    else:
        names = list(collection(comparison.before.catalog, where))
        pairs = dict(comparison.objects.get(where, {}))
    matches = [name for name in names if covers(name, expected.object) or _same_function(name, expected)]
    if not matches:
        return f"{announcement}, but there was none before the migration"
    if is_pattern(expected.object):
        gone = any(pairs.get(name) is None for name in matches)
        return None if gone else f"{announcement}, but all {len(matches)} of them are still there after the migration"
    if len(matches) > 1:
        return f"{announcement}, but there are several: {', '.join(sorted(matches)[:5])}"
    there = pairs.get(matches[0])
    if there is None:
        return None
    if there == matches[0]:
        return f"{announcement}, but it is still there after the migration"
    return f"{announcement}, but it is still there, and is called {there} now"


def _same_function(name: str, expected: Dropped) -> bool:
    """Tell whether a function is meant by its name without argument types."""
    return expected.kind == "function" and "(" not in expected.object and means(name.partition("(")[0], expected.object)


DROP_EXPECTED = Check(
    code="PGS002",
    check="schema",
    name="drop-expected",
    severity=Severity.ERROR,
    is_effect=False,
    condition="A drop that [expect] dropped announces did not happen, or names nothing that was there before.",
    effect="The announcement would excuse a drop that nobody reviewed, in a later migration.",
    remedy="Take the entry out of [expect] dropped, or correct its name.",
    judge=_drops,
)
ROWS_EXPECTED = Check(
    code="PGS105",
    check="rows",
    name="rows-expected",
    severity=Severity.ERROR,
    is_effect=False,
    condition="A table has not the number of rows that [expect] rows says.",
    effect="The migration did not do to the table what was announced.",
    remedy="Correct the migration, or the rule.",
    judge=_rows,
)
CHECKS = (DROP_EXPECTED, ROWS_EXPECTED)

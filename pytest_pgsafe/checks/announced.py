"""Values and names that a team announced to change, and whether they did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..catalog.names import container, covers, means
from ..compare.identity import collection
from ..config.expectations import Renamed, ValuesRule
from ..snapshot.values import TableDifference
from .evidence import count
from .values import BEYOND, Check, Evidence, Finding, Severity

#: The collections of the catalog that a kind in ``[expect]`` is looked for in.
COLLECTIONS = {
    "schema": "schemas",
    "table": "tables",
    "column": "columns",
    "constraint": "constraints",
    "index": "indexes",
    "view": "views",
    "sequence": "sequences",
    "trigger": "triggers",
    "rule": "rules",
    "policy": "policies",
    "function": "functions",
    "type": "types",
    "extension": "extensions",
}


def values_rules(evidence: Evidence, column: str) -> tuple[ValuesRule, ...]:
    """Return the rules that allow a column's values to change: one for all rows if there is one, else each."""
    found = tuple(rule for rule in evidence.rules.values if covers(column, rule.column))
    whole = tuple(rule for rule in found if rule.where is None)
    return whole[:1] if whole else found


def permitted(evidence: Evidence, finding: Finding, column: str, found: TableDifference) -> Finding:
    """Return the finding of changed values as a note, if all were announced; else what was not.

    :param column: its bare name; the finding is about ``schema.table.column``.
    """
    rules = values_rules(evidence, finding.object)
    if not rules:
        return finding
    outside = 0 if rules[0].where is None else found.outside.get(column, 0)
    if not outside:
        reason = "; ".join(dict.fromkeys(rule.reason for rule in rules))
        return replace(finding, severity=Severity.NOTE, reason=reason, remedy=None)
    where = " or ".join(f"“{rule.where}”" for rule in rules)
    told = f"{finding.object} has another value in {count(outside)} of which {where} did not hold before"
    samples = found.outside_samples.get(column, ())
    return replace(finding, message=told, after=outside, samples=samples, aspect=BEYOND)


def _values(evidence: Evidence) -> Iterator[Finding]:
    comparison = evidence.comparison
    for rule in evidence.rules.values:
        extensions = (
            f"{table}.{column}"
            for table, content in comparison.before.extension_tables.items()
            for column in (content.rows.columns if content.rows is not None else ())
        )
        columns = [name for name in (*comparison.before.catalog.columns, *extensions) if covers(name, rule.column)]
        told = f"other values of {rule.column} were announced"
        if not columns:
            yield VALUES_EXPECTED.finding(rule.column, f"{told}, but there was no such column before the migration")
        elif not any(_has_changed(evidence, name) for name in columns):
            yield VALUES_EXPECTED.finding(rule.column, f"{told}, but no row has another one")


def _has_changed(evidence: Evidence, name: str) -> bool:
    table = container(name)
    found = evidence.comparison.rows.get(table)
    return found is not None and bool(found.changed.get(name[len(table) + 1 :]))


def rename(evidence: Evidence, kind: str, name: str, to: str) -> Renamed | None:
    """Return the expectation that announces a rename."""
    return next(
        (one for one in evidence.rules.renamed if one.kind == kind and means(name, one.object) and means(to, one.to)),
        None,
    )


def _renames(evidence: Evidence) -> Iterator[Finding]:
    comparison = evidence.comparison
    for one in evidence.rules.renamed:
        where = COLLECTIONS[one.kind]
        told = f"the rename of {one.kind} {one.object} to {one.to} was announced"
        names = [name for name in collection(comparison.before.catalog, where) if means(name, one.object)]
        there = comparison.objects.get(where, {}).get(names[0]) if names else None
        if not names:
            yield RENAME_EXPECTED.finding(one.object, f"{told}, but there was none before the migration")
        elif there is None:
            yield RENAME_EXPECTED.finding(one.object, f"{told}, but it is gone")
        elif not means(there, one.to):
            yield RENAME_EXPECTED.finding(one.object, f"{told}, but it is called {there}")


RENAME_EXPECTED = Check(
    code="PGS005",
    check="schema",
    name="rename-expected",
    severity=Severity.ERROR,
    is_effect=False,
    condition="A rename that [expect] renamed announces did not happen, or names nothing that was there before.",
    effect="What uses the new name fails.",
    remedy="Correct the migration, or the entry in [expect] renamed.",
    judge=_renames,
)
VALUES_EXPECTED = Check(
    code="PGS006",
    check="values",
    name="values-expected",
    severity=Severity.ERROR,
    is_effect=False,
    condition="[expect] values announces that values of a column change, and none did, or there is no such column.",
    effect="The announcement would excuse a change that nobody reviewed, in a later migration.",
    remedy="Take the entry out of [expect] values, or correct its name.",
    judge=_values,
)
CHECKS = (RENAME_EXPECTED, VALUES_EXPECTED)

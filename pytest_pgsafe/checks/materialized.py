"""Materialised views: what they show, and why it is not what they showed before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..catalog.names import container, is_pattern
from ..catalog.values import Catalog
from ..compare.renames import tokens
from ..compare.values import Action, Change, Comparison
from .evidence import attribute, behaviour, count
from .expectations import rows_rule
from .values import ANNOUNCED, Check, Evidence, Finding, Severity

#: Changes of an object that change nothing of what a query over it gives.
_ASIDE = frozenset({"owner", "comment", "options", "access_method", "tablespace", "populated"})


def _shows(evidence: Evidence) -> Iterator[Finding]:
    comparison = evidence.comparison
    for change in attribute(evidence, "view", "content"):
        name, before, after = change.object, _number(change.before), _number(change.after)
        table = change.object in comparison.after.catalog.tables
        found = comparison.views.get(name)
        told = f"the materialized view {name} shows other rows"
        if table:
            told = f"the materialized view {name} is a table now, with other rows"
        if found is not None:
            told += f": {count(found.gone)} {'is' if found.gone == 1 else 'are'} gone, {found.added:,} new"
        if before and not after:
            told = f"the materialized view {name}"
            told += f" {'is a table now, and empty' if table else 'shows no row'}, after {count(before)}"
        cause, lost = _cause(comparison, name, emptied=bool(before and not after), table=table)
        samples = () if found is None else (*found.gone_samples[:3], *found.added_samples[:2])
        severity = Severity.ERROR if lost else behaviour(evidence)
        finding = VIEW_CONTENT.finding(
            name, f"{told}; {cause}", severity=severity, before=before, after=after, samples=samples, aspect="content"
        )
        rule = rows_rule(evidence, name)
        if rule is not None and rule.rule == "any" and not is_pattern(rule.table):
            reason = rule.reason if rule.reason is not None else f'{ANNOUNCED}rows = "any"'
            finding = replace(finding, severity=Severity.NOTE, reason=reason, remedy=None)
        yield finding


def _cause(comparison: Comparison, name: str, *, emptied: bool, table: bool) -> tuple[str, bool]:
    """Return why a materialised view shows other rows, and whether that is a loss.

    What follows from rows of tables is no loss of its own: those are judged where they are. A definition that gives
    other rows is behaviour, unless it gives none at all. A table in the view's place is nothing that can be refreshed.
    """
    if table:
        found = comparison.views.get(name)
        return "nothing computes its rows again", emptied or found is None or bool(found.gone)
    changed = {one.object: one for one in comparison.changes if _tells(one)}
    if name in changed:
        return "its definition is another", emptied
    below = _reads(comparison.before.catalog, name)
    rows = {one: lost for one, lost in _content(comparison).items() if one in below}
    other = [one for one in below if one in changed]
    if rows or other:
        told = f"it was computed again after a change of {', '.join(sorted({*rows, *other}))}"
        return told, emptied and not any(rows.values())
    return (
        "nothing that its definition names has changed, so its query depends on the time, on settings or on chance",
        False,
    )


def _tells(change: Change) -> bool:
    if change.kind not in {"view", "function", "table", "column", "type"} or change.action is Action.ADDED:
        return False
    return change.attribute is None or change.attribute not in {*_ASIDE, "content"}


def _content(comparison: Comparison) -> dict[str, bool]:
    """Return the tables whose content is another: whether a row, or a value of one, is not there any more."""
    found: dict[str, bool] = {}
    for change in comparison.changes:
        if change.kind in {"rows", "values"}:
            table = change.object if change.kind == "rows" else container(change.object)
            rows = comparison.rows.get(table)
            found[table] = rows is None or bool(rows.gone) or any(rows.changed.values())
    return found


def _reads(catalog: Catalog, name: str) -> frozenset[str]:
    """Return the tables, views and functions that a view's definition names, and those that views among them do."""
    functions: dict[str, list[str]] = {}
    for function in catalog.functions:
        functions.setdefault(function.partition("(")[0], []).append(function)
    found: set[str] = set()
    left = [name]
    while left:
        for word in tokens(catalog.views[left.pop()].definition):
            new = {one for one in (word, *functions.get(word, ())) if one not in found}
            found |= {one for one in new if one in catalog.tables or one in catalog.functions or one in catalog.views}
            left += [one for one in new if one in catalog.views]
    return frozenset(found)


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


VIEW_CONTENT = Check(
    code="PGS109",
    check="rows",
    name="view-content",
    severity=Severity.NOTE,
    condition=(
        "A materialized view shows other rows than before, and why: its definition, or what it reads, was changed. It "
        "is an error if it shows none any more although no table that it reads lost a row or a value, or if a table "
        "that lacks some of them stands in its place."
    ),
    effect="Readers get other figures. Rows that nothing can compute again are lost by a REFRESH.",
    remedy=(
        "Compare the rows in the report; keep figures that are to stay as they were in a table. Announce it: "
        '[expect] rows = { "view" = "any" }.'
    ),
    judge=_shows,
)
CHECKS = (VIEW_CONTENT,)

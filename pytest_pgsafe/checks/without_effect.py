"""Statements that ended well and did nothing, or less than they say."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..catalog.names import bare, unquoted
from ..works.values import Secluded
from .bookkeeping import is_bookkeeping
from .evidence import count, unproven
from .values import Check, Evidence, Finding, Severity

#: Characters of a statement that a message shows.
_SHOWN = 100
_WRITES = re.compile(r"\s*(?:insert|update|delete|merge)\b", re.I)


def _nothing(evidence: Evidence) -> Iterator[Finding]:
    secluded = {(one.statement, one.table): one for one in evidence.tried.secluded}
    for one in secluded.values():
        told = (
            f"{_short(one.statement)} was run by {one.role}, from whom row security hides {_hidden(one)} of {one.table}"
        )
        yield WITHOUT_EFFECT.finding(one.table, told, severity=unproven(evidence), aspect=_short(one.statement))
    said = {statement for statement, _ in secluded} | {one.statement for one in evidence.tried.otherwise}
    for statement in () if evidence.trace is None else evidence.trace.statements:
        text = statement.text
        if statement.error is not None or any(one in text for one in said) or _is_a_tools_own(evidence, text):
            continue
        if statement.rows == 0 and _WRITES.match(text):
            told = f"{_short(text)} wrote no row"
            yield WITHOUT_EFFECT.finding("migration", told, severity=Severity.NOTE)
        for skipped in statement.skipped:
            told = f"{_short(text)} left something out: {skipped}"
            yield WITHOUT_EFFECT.finding("migration", told, severity=Severity.NOTE)


def _is_a_tools_own(evidence: Evidence, text: str) -> bool:
    tables = evidence.comparison.after.catalog.tables
    return any(is_bookkeeping(evidence, name) and unquoted(bare(name)) in text for name in tables)


def _hidden(rows: Secluded) -> str:
    if not rows.visible:
        return f"all {count(rows.rows)}" if rows.rows > 1 else "the only row"
    return f"{rows.rows - rows.visible:,} of {count(rows.rows)}"


def _otherwise(evidence: Evidence) -> Iterator[Finding]:
    for one in evidence.tried.otherwise:
        told = f"{_short(one.statement)} made nothing, since {one.object} was there, and it is another: "
        yield EXISTS_OTHERWISE.finding(one.object, told + "; ".join(one.differences))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[:_SHOWN] + "…"


WITHOUT_EFFECT = Check(
    code="PGS807",
    check="migrate",
    name="statement-without-effect",
    severity=Severity.WARNING,
    is_effect=False,
    condition=(
        "A statement that writes was run by a role from which row security hides rows of a table that it names; under "
        "strict an error. A note: it wrote no row, or left out what was there already "
        "(IF NOT EXISTS)."
    ),
    effect="The migration is recorded as done, and rows are as they were: nobody is told.",
    remedy=(
        "Run the backfill as a role that sees all rows (BYPASSRLS), or set row security aside for it: "
        "ALTER TABLE … NO FORCE ROW LEVEL SECURITY."
    ),
    judge=_nothing,
)
EXISTS_OTHERWISE = Check(
    code="PGS808",
    check="migrate",
    name="exists-otherwise",
    severity=Severity.ERROR,
    condition=(
        "IF NOT EXISTS left a table, a view, an index or a column alone because something is called so, and it is not "
        "what the statement would have made: it lacks a column or a rule, has another type, or is INVALID."
    ),
    effect="The migration is recorded as done, and what the application relies on is not there.",
    remedy="Leave IF NOT EXISTS out; alter what is there, or drop it first.",
    judge=_otherwise,
)
CHECKS = (WITHOUT_EFFECT, EXISTS_OTHERWISE)

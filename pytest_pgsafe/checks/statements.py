"""Statements that failed in a run that said it went well: tools that go on after an error, pipes that lose a status."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..migrate.values import Statement
from .evidence import unproven
from .values import Check, Evidence, Finding, Severity

#: SQLSTATE of whatever is sent in a transaction that has failed already: the failure itself was told.
ABORTED = "25P02"
_READS = re.compile(r"\s*\(*\s*(?:select|show|table|values|explain|fetch|set|reset|begin|start|savepoint|lock)\b", re.I)
_WRITES = re.compile(r"\b(?:insert|update|delete|merge)\b", re.I)


def _failed(evidence: Evidence) -> Iterator[Finding]:
    statements = () if evidence.trace is None else evidence.trace.statements
    for at, statement in enumerate(statements):
        if statement.error is None or ABORTED in statement.error or _again(statement, statements[at + 1 :]):
            continue
        first = " ".join(statement.text.split())
        shown = first if len(first) <= 100 else first[:100] + "…"
        yield STATEMENT_FAILED.finding(
            "migration",
            f"the migration ended well, but this failed in it: {shown}: {statement.error}",
            # Tools ask for what may not be there; what was to be changed and was not is another matter.
            severity=unproven(evidence) if _reads(statement.text) else Severity.ERROR,
        )


def _again(statement: Statement, later: tuple[Statement, ...]) -> bool:
    """Tell whether the same statement went well later: it was tried again."""
    return any(one.error is None and one.text == statement.text for one in later)


def _reads(text: str) -> bool:
    return _READS.match(text) is not None and _WRITES.search(text) is None


STATEMENT_FAILED = Check(
    code="PGS805",
    check="migrate",
    name="statement-failed",
    severity=Severity.ERROR,
    condition="A statement of the migration failed, and the command ended with status 0 all the same.",
    effect="Part of the migration is not there, and nobody is told: the deployment goes on.",
    remedy="Stop at the first error: psql -v ON_ERROR_STOP=1, sh -e with pipefail, a transaction around the whole.",
    judge=_failed,
)
CHECKS = (STATEMENT_FAILED,)

"""A run that said it went well, and did not: statements that failed, a transaction that was never ended."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..migrate.values import Statement
from .evidence import count, unproven
from .values import Check, Evidence, Finding, Severity

#: SQLSTATE of whatever is sent in a transaction that has failed already: the failure itself was told.
ABORTED = "25P02"
_READS = re.compile(r"\s*\(*\s*(?:select|show|table|values|explain|fetch|set|reset|begin|start|savepoint|lock)\b", re.I)
_BEGIN = re.compile(r"\s*(?:begin|start\s+transaction)\b", re.I)
_END = re.compile(
    r"\s*(?:commit|end|rollback(?!\s+(?:work\s+|transaction\s+)?to\b)|abort|prepare\s+transaction)\b", re.I
)
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


def _left_open(evidence: Evidence) -> Iterator[Finding]:
    for name in evidence.tried.prepared:
        told = f"the migration left a prepared transaction, {name!r}: it holds its locks until somebody ends it"
        yield TRANSACTION_LEFT_OPEN.finding("migration", told, severity=Severity.ERROR)
    sessions: dict[str, list[str]] = {}
    for one in () if evidence.trace is None else evidence.trace.statements:
        if one.error is None:
            sessions.setdefault(one.session, []).append(one.text)
    # A session that wrote nothing has nothing to lose, whatever the others did.
    for texts in sessions.values():
        yield from _left_open_in(evidence, texts)


def _left_open_in(evidence: Evidence, texts: Sequence[str]) -> Iterator[Finding]:
    begun = sum(_BEGIN.match(text) is not None for text in texts)
    ended = [at for at, text in enumerate(texts) if _END.match(text)]
    rest = texts[ended[-1] + 1 :] if ended else texts
    written = [text for text in rest if not _reads(text)]
    if begun <= len(ended) or not written:
        return
    yield TRANSACTION_LEFT_OPEN.finding(
        "migration",
        f"the migration ended inside a transaction: {count(len(written), 'statement')} after its last COMMIT "
        "may have been rolled back",
        # Another session may have held the transaction open; where nothing changed at all, none did.
        severity=unproven(evidence) if evidence.comparison.changes else Severity.ERROR,
    )


STATEMENT_FAILED = Check(
    code="PGS805",
    check="migrate",
    name="statement-failed",
    severity=Severity.ERROR,
    is_effect=False,
    condition="A statement of the migration failed, and the command ended with status 0 all the same.",
    effect="Part of the migration is not there, and nobody is told: the deployment goes on.",
    remedy="Stop at the first error: psql -v ON_ERROR_STOP=1, sh -e with pipefail, a transaction around the whole.",
    judge=_failed,
)
TRANSACTION_LEFT_OPEN = Check(
    code="PGS806",
    check="migrate",
    name="transaction-left-open",
    severity=Severity.WARNING,
    is_effect=False,
    condition=(
        "The migration began a transaction, wrote, and ended without COMMIT. It is an error if it prepared one "
        "(PREPARE TRANSACTION) and left it."
    ),
    effect=(
        "PostgreSQL rolls it back: the migration is not there, and its command ended with status 0. One that is "
        "prepared stays, with its locks, also over a restart."
    ),
    remedy="End the transaction: COMMIT, COMMIT PREPARED.",
    judge=_left_open,
)
CHECKS = (STATEMENT_FAILED, TRANSACTION_LEFT_OPEN)

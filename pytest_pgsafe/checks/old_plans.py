"""How statements of the release are planned on the migrated copy: scans that were none, statistics that are gone."""

from __future__ import annotations

from collections.abc import Iterator

from ..catalog.names import bare, unquoted
from .evidence import count
from .values import Check, Evidence, Finding, Severity

#: Rows from which on a scan of a table matters.
BIG = 10_000


def _rows(evidence: Evidence, table: str) -> int:
    """Return how many rows a table has, in production where that was said."""
    content = evidence.comparison.before.tables.get(table)
    return max(evidence.rules.source_rows.get(table, 0), 0 if content is None else content.rows)


def _severity(evidence: Evidence, table: str) -> Severity:
    return Severity.WARNING if _rows(evidence, table) >= BIG else Severity.NOTE


def _scans(evidence: Evidence) -> Iterator[Finding]:
    indexes = evidence.comparison.before.catalog.indexes.values()
    for one in evidence.released.unserved:
        changed = tuple(
            index.name for index in indexes
            if index.table == one.table and unquoted(bare(index.name)) in one.indexes
            and evidence.comparison.by_object.get(index.name)
        )  # fmt: skip
        told = f"{one.asked} finds its rows in {one.table} by {', '.join(one.indexes)} before"
        told += f", and reads all of it now ({count(_rows(evidence, one.table))})"
        yield INDEX_UNUSED.finding(
            changed[0] if changed else one.table, told, severity=_severity(evidence, one.table),
            aspect=one.asked.shown, causes=changed,
        )  # fmt: skip


def _statistics(evidence: Evidence) -> Iterator[Finding]:
    for one in evidence.released.outdated:
        if one.gone:
            told = f"{one.there} has no statistics any more, which statements of the release were planned by"
        else:
            told = f"{one.there} holds other values in {count(one.rows)}, and its statistics are of those before"
        yield STATISTICS_OUTDATED.finding(
            one.column, told, severity=_severity(evidence, one.table), causes=(one.column,)
        )


INDEX_UNUSED = Check(
    code="PGS578",
    check="old_release",
    name="scan-that-was-none",
    severity=Severity.WARNING,
    condition=(
        "A statement of [old_release] found its rows by an index on the copy before, and reads the whole table on the "
        "migrated copy, by the plans of both; also where a copy is so small that a scan is cheaper. A note for tables "
        "of fewer than 10,000 rows ([source] rows says how many production has)."
    ),
    effect="Each such statement takes as long as the table is large; a few of them at once keep a server busy.",
    remedy=(
        "Keep the index until no release uses it, or make one that serves the statement: CREATE INDEX CONCURRENTLY; an "
        "index on an expression or of another type does not serve the plain column."
    ),
    judge=_scans,
)
STATISTICS_OUTDATED = Check(
    code="PGS579",
    check="old_release",
    name="statistics-outdated",
    severity=Severity.WARNING,
    condition=(
        "A column that statements of [old_release] name has no statistics after the migration and had some before (its "
        "type was changed, its table was made again); or more than a tenth of its rows have other values, and its "
        "statistics are those of before. A note for tables of fewer than 10,000 rows."
    ),
    effect="Until autovacuum comes by, which may take minutes to hours, plans are made by guesses.",
    remedy="End the migration with ANALYZE of the table, or run it right after.",
    judge=_statistics,
)
CHECKS = (INDEX_UNUSED, STATISTICS_OUTDATED)

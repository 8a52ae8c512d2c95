"""Columns whose values were announced to equal an expression over the row as it was, and whether they do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..catalog.names import container
from ..config.expectations import Converted
from ..snapshot.values import ConvertedContent
from .evidence import attribute, count
from .values import Check, Evidence, Finding, Severity


def proven(evidence: Evidence, finding: Finding) -> Finding:
    """Return the finding of changed values as a note, if each is what was announced."""
    for rule, found in _held(evidence):
        if found.before == finding.object:
            return _note(finding, rule, "each of them is what was announced")
    return finding


def carried(evidence: Evidence, finding: Finding) -> Finding:
    """Return the finding of a dropped column as a note, if another column holds what was announced of its values."""
    if finding.severity is Severity.NOTE:
        return finding
    for rule, found in _held(evidence):
        if finding.object in found.reads:
            return _note(finding, rule, f"{found.column} holds what was announced of each of them")
    return finding


def lives_on(evidence: Evidence, finding: Finding) -> Finding:
    """Return the finding of a dropped table as a note, if announced columns hold all that it held."""
    if finding.severity is Severity.NOTE:
        return finding
    content = evidence.comparison.before.tables.get(finding.object)
    rules = {rule: {name for name in found.reads if container(name) == finding.object} for rule, found in
             _held(evidence)}  # fmt: skip
    read = {name for names in rules.values() for name in names}
    if content is None or not read:
        return finding
    names = {f"{finding.object}.{name}": one.nulls < content.rows for name, one in content.columns.items()}
    names |= {f"{finding.object}.{name}": True for name in content.key}
    left = sorted(name for name, holds in names.items() if holds and name not in read)
    if left:
        return replace(finding, message=f"{finding.message}; no announcement says where {', '.join(left)} went")
    reasons = "; ".join(dict.fromkeys(rule.reason for rule, mine in rules.items() if mine))
    told = f"{finding.message}; other columns hold what was announced of each of its values"
    return replace(finding, message=told, severity=Severity.NOTE, reason=reasons, remedy=None)


def _held(evidence: Evidence) -> Iterator[tuple[Converted, ConvertedContent]]:
    for rule, found in evidence.converted.items():
        if not isinstance(found, str) and found.held:
            yield rule, found


def _note(finding: Finding, rule: Converted, why: str) -> Finding:
    return replace(
        finding, message=f"{finding.message}; {why}", severity=Severity.NOTE, reason=rule.reason, remedy=None
    )


def _converted(evidence: Evidence) -> Iterator[Finding]:
    for rule, found in evidence.converted.items():
        # The object's own name: a report that sees another one puts it in front.
        named = rule.column if isinstance(found, str) else found.column
        told = f"{named} was announced to be {rule.expression}"
        if isinstance(found, str):
            yield COLUMN_CONVERTED.finding(rule.column, f"{told}, but {found}")
        elif not found.held:
            told += " of the row as it was" if rule.rows is None else f" of the rows of {rule.rows} as they were"
            yield COLUMN_CONVERTED.finding(
                found.column, f"{told}, and {_apart(found)}", samples=found.samples,
                after=found.wrong + found.missing + found.besides,
            )  # fmt: skip
        elif rule.rows is None and found.before is not None and not _has_changed(evidence, found.before):
            yield COLUMN_CONVERTED.finding(found.column, f"{told}, but no row has another value, nor the column a type")


def _apart(found: ConvertedContent) -> str:
    said = [f"is another value in {count(found.wrong)}"] if found.wrong else []
    if found.missing:
        verbs = ("was", "is") if found.missing == 1 else ("were", "are")
        said.append(f"{count(found.missing)} that {verbs[0]} announced {verbs[1]} not there")
    if found.besides:
        said.append(f"{count(found.besides)} {'is' if found.besides == 1 else 'are'} there that nobody announced")
    return "; ".join(said)


def _has_changed(evidence: Evidence, name: str) -> bool:
    table = container(name)
    rows = evidence.comparison.rows.get(table)
    if rows is not None and rows.changed.get(name[len(table) + 1 :]):
        return True
    return any(change.object == name for change in attribute(evidence, "column", "type"))


COLUMN_CONVERTED = Check(
    code="PGS009",
    check="values",
    name="conversion-expected",
    severity=Severity.ERROR,
    is_effect=False,
    condition=(
        "[expect] converted announces that each value of a column equals an expression over its row as it was before "
        "the migration, and a row holds another value; or the column is not there, or has been as it is. Where the "
        "rows come from others (rows, key), each row that was announced has to be there, and no other."
    ),
    effect="The value is not what it was meant to be: the wrong unit, another row's, a rounded one.",
    remedy="Correct the migration, or the expression in [expect] converted; the samples show both values.",
    judge=_converted,
)
CHECKS = (COLUMN_CONVERTED,)

"""Foreign keys: references that became NULL, and references to nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..catalog.names import means
from ..catalog.values import Column, Constraint
from ..snapshot.values import RowSample, TableDifference
from .evidence import count, unproven
from .values import Check, Evidence, Finding, Severity


def _nulled(evidence: Evidence) -> Iterator[Finding]:
    yield from _undeclared_nulled(evidence)
    comparison = evidence.comparison
    for name, key in comparison.before.catalog.constraints.items():
        if key.form != "foreign key" or key.parent is not None:
            continue
        found = comparison.rows.get(key.table)
        if found is not None:
            for column in key.columns:
                nulled = found.nulled.get(column, 0)
                if nulled and _policy(evidence, key, column) != "any":
                    where = f"{key.table}.{column}"
                    told = f"{where} points at no row of {key.references} any more in {count(nulled)}: it became NULL"
                    samples = _became_null(found, column)
                    yield FOREIGN_KEY_NULLED.finding(where, told, after=nulled, samples=samples)
            continue
        ours = comparison.before.foreign_keys.get(name)
        theirs = comparison.after.foreign_keys.get(comparison.objects.get("constraints", {}).get(name, ""))
        if ours is not None and theirs is not None and theirs.nulls > ours.nulls:
            if all(_policy(evidence, key, column) == "any" for column in key.columns):
                continue
            told = f"{name} has {count(theirs.nulls)} without a reference, after {ours.nulls:,} before"
            yield FOREIGN_KEY_NULLED.finding(name, told, before=ours.nulls, after=theirs.nulls)


def _undeclared_nulled(evidence: Evidence) -> Iterator[Finding]:
    for rule in evidence.rules.references:
        column = evidence.comparison.before.catalog.columns.get(rule.column)
        found = None if column is None else evidence.comparison.rows.get(column.table)
        if column is None or found is None or _declared_somewhere(evidence, column):
            continue
        nulled = found.nulled.get(column.column, 0)
        if nulled and _stated(evidence, rule.column) != "any":
            told = f"{rule.column} points at no row of {rule.references} any more in {count(nulled)}: it became NULL"
            samples = _became_null(found, column.column)
            yield FOREIGN_KEY_NULLED.finding(rule.column, told, after=nulled, samples=samples)


def _declared_somewhere(evidence: Evidence, column: Column) -> bool:
    constraints = evidence.comparison.before.catalog.constraints.values()
    return any(
        one.form == "foreign key" and one.table == column.table and column.column in one.columns for one in constraints
    )


def _became_null(found: TableDifference, column: str) -> tuple[RowSample, ...]:
    samples = found.changed_samples.get(column, ())
    return tuple(one for one in samples if one.after is not None and None in one.after.values()) or samples


def _orphans(evidence: Evidence) -> Iterator[Finding]:
    yield from _declared(evidence)
    yield from _undeclared(evidence)


def _declared(evidence: Evidence) -> Iterator[Finding]:
    comparison = evidence.comparison
    names = {new: old for old, new in comparison.objects.get("constraints", {}).items()}
    for there, after in comparison.after.foreign_keys.items():
        name = names.get(there, there)
        key = comparison.after.catalog.constraints.get(there)
        before = comparison.before.foreign_keys.get(name) if there in names else None
        if not after.orphans:
            continue
        samples = _keys(key, after.samples)
        points = "" if key is None else f" of {key.references}"
        if before is not None and after.orphans > before.orphans:
            told = f"{count(after.orphans)} of {name} point{'s' if after.orphans == 1 else ''} at a row{points}"
            told += f" that is not there, after {before.orphans:,} before"
            yield ORPHANS.finding(name, told, before=before.orphans, after=after.orphans, samples=samples)
        else:
            told = f"{count(after.orphans)} of {name} point{'s' if after.orphans == 1 else ''} at a row{points}"
            was = "the constraint is new and NOT VALID" if before is None else f"{before.orphans:,} did before"
            told += f" that is not there; {was}"
            yield ORPHANS.finding(
                name,
                told,
                severity=Severity.WARNING,
                before=None if before is None else before.orphans,
                after=after.orphans,
                samples=samples,
                standing=True,
            )


def _undeclared(evidence: Evidence) -> Iterator[Finding]:
    """Tell orphans of references that no constraint declares."""
    for rule, (before, after) in evidence.references.items():
        if after is None:
            if before.rows and rule.column in evidence.comparison.columns and rule not in evidence.unread:
                told = f"all {count(before.rows)} of {rule.column} point at {rule.references}, which was dropped"
                yield ORPHANS.finding(rule.column, told, before=before.orphans, after=before.rows)
            continue
        if not after.orphans:
            continue
        told = f"{count(after.orphans)} of {rule.column} point{'s' if after.orphans == 1 else ''} at no row of"
        told += f" {rule.references}, after {before.orphans:,} before"
        worse = after.orphans > before.orphans
        yield ORPHANS.finding(
            rule.column,
            told,
            severity=None if worse else Severity.WARNING,
            before=before.orphans,
            after=after.orphans,
            samples=after.samples,
            standing=not worse,
        )


def _keys(key: Constraint | None, rows: tuple[tuple[str | None, ...], ...]) -> tuple[RowSample, ...]:
    columns = () if key is None else key.columns
    return tuple(
        RowSample(key=dict(zip(columns, row, strict=True)), before=None, after=dict(zip(columns, row, strict=True)))
        for row in rows
        if len(row) == len(columns)
    )


def _policies(evidence: Evidence) -> Iterator[Finding]:
    comparison = evidence.comparison
    for wanted, policy in evidence.rules.foreign_keys.items():
        names = [name for name in comparison.before.catalog.columns if means(name, wanted)]
        if len(names) != 1:
            found = "more than one column" if names else "no column"
            yield FOREIGN_KEY_POLICY.finding(
                wanted,
                f'[foreign_keys] "{wanted}" = "{policy}" names {found}',
                severity=unproven(evidence),
                standing=True,
            )
            continue
        if policy == "any":
            continue
        yield from _nulls(evidence, names[0], policy)
    for rule in evidence.rules.references:
        if rule in evidence.unread:
            told = f"{rule.column} was not verified against {rule.references}: {evidence.unread[rule]}"
            yield FOREIGN_KEY_POLICY.finding(rule.column, told, severity=unproven(evidence), standing=True)
        elif rule in evidence.references:
            before, after = evidence.references[rule]
            if not before.rows and (after is None or not after.rows):
                told = f"{rule.column} was not verified against {rule.references}: no row refers there"
                yield FOREIGN_KEY_POLICY.finding(rule.column, told, severity=unproven(evidence), standing=True)


def _nulls(evidence: Evidence, name: str, policy: str) -> Iterator[Finding]:
    comparison = evidence.comparison
    column = comparison.before.catalog.columns[name]
    there = comparison.columns.get(name)
    if there is None:
        return  # dropped, which is told by itself
    after = comparison.after.catalog.columns[there]
    ours = comparison.before.tables.get(column.table)
    theirs = comparison.after.tables.get(after.table)
    before_nulls = _nulls_of(ours.columns if ours is not None else {}, column.column)
    after_nulls = _nulls_of(theirs.columns if theirs is not None else {}, after.column)
    if before_nulls is None or after_nulls is None:
        told = f"{name} could not be read, so “{policy}” was not checked"
        yield FOREIGN_KEY_POLICY.finding(name, told, severity=unproven(evidence), standing=True)
    elif ours is not None and theirs is not None and not ours.rows and not theirs.rows:
        told = f"{name} was not verified: {column.table} has no row, so “{policy}” says nothing"
        yield FOREIGN_KEY_POLICY.finding(name, told, severity=unproven(evidence), standing=True)
    elif policy == "no nulls" and after_nulls:
        worse = after_nulls > before_nulls
        told = f"{name} is NULL in {count(after_nulls)}, and was in {before_nulls:,} before: the policy is “no nulls”"
        severity = Severity.ERROR if worse else Severity.WARNING
        yield FOREIGN_KEY_POLICY.finding(
            name, told, severity=severity, before=before_nulls, after=after_nulls, standing=not worse
        )
    elif policy != "no nulls" and after_nulls > before_nulls:
        told = f"{name} is NULL in {count(after_nulls)}, and was in {before_nulls:,} before: the policy is “{policy}”"
        yield FOREIGN_KEY_POLICY.finding(name, told, before=before_nulls, after=after_nulls)


def _nulls_of(columns: Mapping[str, object], column: str) -> int | None:
    nulls = getattr(columns.get(column), "nulls", None)
    return nulls if isinstance(nulls, int) else None


def _policy(evidence: Evidence, key: Constraint, column: str) -> str:
    return _stated(evidence, f"{key.table}.{column}")


def _stated(evidence: Evidence, name: str) -> str:
    return next((policy for wanted, policy in evidence.rules.foreign_keys.items() if means(name, wanted)), "")


FOREIGN_KEY_NULLED = Check(
    code="PGS301",
    check="foreign_keys",
    name="foreign-key-nulled",
    severity=Severity.ERROR,
    condition="A foreign key column became NULL in a row that was there before.",
    effect="The row no longer says what it belongs to. Joins leave it out without an error.",
    remedy=(
        "Keep the reference, or point it at another row; ON DELETE SET NULL does this when the referenced row goes. "
        'Announce what is meant: [foreign_keys] "table.column" = "any".'
    ),
    judge=_nulled,
)
ORPHANS = Check(
    code="PGS302",
    check="foreign_keys",
    name="orphans",
    severity=Severity.ERROR,
    condition=(
        "More rows than before point at a row that is not there, through a foreign key or a reference that "
        "[foreign_keys] tells of. Those that did before are a warning."
    ),
    effect=(
        "A join loses them, and the constraint cannot be validated or restored. It happens under "
        "session_replication_role = replica, with triggers disabled, and with NOT VALID."
    ),
    remedy="Delete or repair the rows, then ALTER TABLE … VALIDATE CONSTRAINT.",
    judge=_orphans,
)
FOREIGN_KEY_POLICY = Check(
    code="PGS303",
    check="foreign_keys",
    name="foreign-key-policy",
    severity=Severity.ERROR,
    condition=(
        "A column has NULLs that its policy in [foreign_keys] does not allow. A policy or a reference that matched "
        "no row is a warning, under strict an error."
    ),
    effect="Rows are without a reference that the team says they must have.",
    remedy="Fill the column, or correct the policy.",
    judge=_policies,
)
CHECKS = (FOREIGN_KEY_NULLED, ORPHANS, FOREIGN_KEY_POLICY)

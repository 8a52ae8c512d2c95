"""What protects as well as something that is gone, under another name."""

from __future__ import annotations

import re
from collections.abc import Sequence as Names

from ..catalog.values import Constraint, Index, Sequence
from ..compare.values import Comparison
from .evidence import columns_after, table_after
from .strength import key_text


def unique_after(
    comparison: Comparison, table: str, columns: Names[str | None], *, nulls_not_distinct: bool
) -> Index | None:
    """Return a unique index that keeps these columns unique after the migration."""
    plain = [column for column in columns if column is not None]
    wanted = columns_after(comparison, table, plain) if len(plain) == len(columns) else None
    if wanted is None:
        return None
    there = table_after(comparison, table)
    for index in comparison.indexes_after.get(there, ()):
        if (
            _holds(index)
            and index.predicate is None
            and None not in index.columns
            and set(index.columns) <= wanted
            and (index.nulls_not_distinct or not nulls_not_distinct)
        ):
            return index
    return None


def index_after(comparison: Comparison, lost: Index) -> Index | None:
    """Return an index that does what a lost one did: the same key and predicate, or unique in fewer columns."""
    there = table_after(comparison, lost.table)
    same = comparison.renames.same
    for index in comparison.indexes_after.get(there, ()):
        if (
            (_holds(index) if lost.unique else index.valid)
            and same(key_text(lost), key_text(index))
            and same(lost.predicate or "", index.predicate or "")
            and (index.nulls_not_distinct or not (lost.unique and lost.nulls_not_distinct))
        ):
            return index
    if not lost.unique:
        return None
    return unique_after(comparison, lost.table, lost.columns, nulls_not_distinct=lost.nulls_not_distinct)


def constraint_after(comparison: Comparison, lost: Constraint) -> str | None:
    """Return the name of what protects as a lost constraint did: a constraint, a unique index, or ``NOT NULL``."""
    there = table_after(comparison, lost.table)
    same = comparison.renames.same
    for constraint in comparison.constraints_after.get(there, ()):
        if (
            constraint.form == lost.form
            and same(lost.definition, constraint.definition)
            and _as_strong(lost, constraint)
        ):
            return constraint.name
    if lost.form in ("primary key", "unique"):
        index = comparison.before.catalog.indexes.get(lost.index or "")
        distinct = index is not None and index.nulls_not_distinct
        found = unique_after(comparison, lost.table, lost.columns, nulls_not_distinct=distinct)
        return None if found is None else found.name
    if lost.form in ("check", "not null") and len(lost.columns) == 1:
        return _not_null(comparison, lost)
    return None


def sequence_after(comparison: Comparison, lost: Sequence) -> str | None:
    """Return the sequence that feeds the column of a lost one."""
    column = comparison.columns.get(lost.column or "")
    found = (one.name for one in comparison.after.catalog.sequences.values() if one.column == column)
    return None if column is None else next(found, None)


def _not_null(comparison: Comparison, lost: Constraint) -> str | None:
    """CHECK (x IS NOT NULL) is what a column has while it waits for its NOT NULL."""
    column = lost.columns[0]
    name = comparison.columns.get(f"{lost.table}.{column}")
    if name is None or not comparison.after.catalog.columns[name].not_null:
        return None
    plain = lost.definition.replace("(", "").replace(")", "").strip()
    says = lost.form == "not null" or plain in (f"CHECK {column} IS NOT NULL", f"CHECK {column} IS NOT NULL NO INHERIT")
    return f"NOT NULL of {name}" if says else None


def refuses_null(comparison: Comparison, column: str) -> bool:
    """Tell whether a CHECK keeps a column of the after side from being NULL."""
    found = comparison.after.catalog.columns[column]
    return any(
        one.form == "check" and one.validated and one.enforced and not one.no_inherit
        and re.sub(r"[()]", "", one.definition).strip() == f"CHECK {found.column} IS NOT NULL"
        for one in comparison.constraints_after.get(found.table, ())
    )  # fmt: skip


def _as_strong(lost: Constraint, found: Constraint) -> bool:
    return (
        (found.validated or not lost.validated)
        and (found.enforced or not lost.enforced)
        and (lost.deferrable or not found.deferrable)
        and (lost.no_inherit or not found.no_inherit)
        and found.enabled == lost.enabled
    )


def _holds(index: Index) -> bool:
    return index.unique and index.valid and index.ready and index.immediate

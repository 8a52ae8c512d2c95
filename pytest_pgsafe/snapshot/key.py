"""Which columns tell the rows of a table apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..catalog.values import Catalog, Index

__all__ = ["choose_key", "choose_keys"]


def choose_key(catalog: Catalog, table: str) -> tuple[str, ...]:
    """Return the columns of the table's key: bare names, in the index's order; empty without one.

    It is the primary key, else the unique index with the fewest columns (then the first by name) that is valid, ready,
    checked at once, without predicate and expressions, and over NOT NULL columns. NULLS NOT DISTINCT does not replace
    NOT NULL.
    """
    return _choose(catalog, [index for index in catalog.indexes.values() if index.table == table], _nullable(catalog))


def choose_keys(catalog: Catalog) -> Mapping[str, tuple[str, ...]]:
    """Return the key of every table that has one, by table."""
    by_table: dict[str, list[Index]] = {}
    for index in catalog.indexes.values():
        by_table.setdefault(index.table, []).append(index)
    nullable = _nullable(catalog)
    keys = {table: _choose(catalog, indexes, nullable) for table, indexes in by_table.items()}
    return {table: key for table, key in keys.items() if key}


def _nullable(catalog: Catalog) -> frozenset[str]:
    # From 18, NOT NULL may stand there NOT VALID, with NULLs beneath it.
    return frozenset(
        f"{constraint.table}.{column}"
        for constraint in catalog.constraints.values()
        if constraint.form == "not null" and not constraint.validated
        for column in constraint.columns
    )


def _choose(catalog: Catalog, indexes: Iterable[Index], nullable: frozenset[str]) -> tuple[str, ...]:
    def fits(index: Index) -> bool:
        if not (index.unique and index.valid and index.ready and index.columns) or index.predicate is not None:
            return False
        names = [f"{index.table}.{column}" for column in index.columns]
        if any(
            column is None or name in nullable or name not in catalog.columns
            for name, column in zip(names, index.columns, strict=True)
        ):
            return False
        return index.primary or (index.immediate and all(catalog.columns[name].not_null for name in names))

    candidates = sorted(
        (index for index in indexes if fits(index)),
        key=lambda index: (not index.primary, len(index.columns), index.name),
    )
    return tuple(column for column in candidates[0].columns if column is not None) if candidates else ()

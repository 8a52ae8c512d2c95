"""Foreign keys that the migration adds and no index serves."""

from __future__ import annotations

from collections.abc import Iterator

from ..catalog.values import Catalog, Constraint
from ..compare.values import Action
from .evidence import of
from .values import Check, Evidence, Finding, Severity


def _unindexed(evidence: Evidence) -> Iterator[Finding]:
    catalog = evidence.comparison.after.catalog
    for change in of(evidence, Action.ADDED, "constraint"):
        key = catalog.constraints.get(change.object)
        if key is None or key.form != "foreign key" or not key.columns or _serves(catalog, key):
            continue
        columns = ", ".join(key.columns)
        told = f"the new foreign key {key.name} ({columns}) has no index: each DELETE, and each UPDATE of the key, of"
        told += f" {key.references} reads all of {key.table}"
        told += f"; CREATE INDEX CONCURRENTLY ON {key.table} ({columns}) before the key is added"
        yield UNINDEXED.finding(key.name, told)


def _serves(catalog: Catalog, key: Constraint) -> bool:
    wanted = set(key.columns)
    return any(
        one.table == key.table and one.valid and set(one.columns[: len(wanted)]) == wanted and one.predicate is None
        for one in catalog.indexes.values()
    )


UNINDEXED = Check(
    code="PGS816",
    check="locks",
    name="foreign-key-unindexed",
    severity=Severity.NOTE,
    is_effect=False,
    condition="A foreign key was added whose columns are not the first ones of any valid index over all rows.",
    effect="Each DELETE, and each UPDATE of the key, in the referenced table reads the whole referencing table.",
    remedy="CREATE INDEX CONCURRENTLY on the columns before the key is added.",
    judge=_unindexed,
)
CHECKS = (UNINDEXED,)

"""Causes before their consequences: what happened to a row's parent, and what made something fail, comes first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ...catalog.names import container
from ...catalog.values import Catalog
from ..values import Finding

#: Actions of a foreign key by which what becomes of a row becomes of those that refer to it.
_PASSED_ON = frozenset({"cascade", "set null", "set default"})


def consequences(
    findings: Sequence[Finding], catalogs: tuple[Catalog, Catalog]
) -> Callable[[Finding], tuple[bool, int]]:
    """Return how far behind its cause a finding stands: whether another finding is of it, and the keys between them.

    :param catalogs: before the migration and after it, which may have given a key its action.
    """
    told = {one.object for one in findings}
    parents: dict[str, set[str]] = {}
    for key in (one for catalog in catalogs for one in catalog.constraints.values()):
        if key.references is not None and key.references != key.table and {key.on_delete, key.on_update} & _PASSED_ON:
            parents.setdefault(key.table, set()).add(key.references)
    touched = {name for one in findings for name in (one.object, container(one.object))}
    depths: dict[str, int] = {}

    def follows(finding: Finding) -> tuple[bool, int]:
        later = any(cause in told and cause != finding.object for cause in finding.causes)
        table = finding.object if finding.object in catalogs[0].tables else container(finding.object)
        return later, _depth(table, parents, touched, depths)

    return follows


def _depth(table: str, parents: Mapping[str, set[str]], touched: set[str], depths: dict[str, int]) -> int:
    """Return how many keys lead from a table to the furthest one above it that something was told of."""
    if table not in depths:
        # Keys may lead in a circle.
        depths[table] = 0
        above = [one for one in parents.get(table, ()) if one in touched]
        depths[table] = max((1 + _depth(one, parents, touched, depths) for one in above), default=0)
    return depths[table]

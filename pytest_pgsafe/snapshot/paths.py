"""How one table's rows lead to another's: the foreign keys between them, declared or said by a rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..catalog.names import bare, container
from ..catalog.values import Catalog, Constraint
from ..errors import ConfigError
from .values import DenormalizedRule, ReferenceRule

__all__ = ["MAXIMUM_HOPS", "NoPathError", "path", "reference"]

#: Foreign keys that a copy may be away from its source.
MAXIMUM_HOPS = 4


class NoPathError(ConfigError):
    """No foreign keys, or no single way of them, lead from a copy to its source."""


def path(catalog: Catalog, rule: DenormalizedRule, references: Sequence[ReferenceRule] = ()) -> tuple[Constraint, ...]:
    """Find the foreign keys that lead from a copy to its source: the shortest way, or the one that ``via`` begins.

    Of an aggregate they lead the other way: from the rows that are counted to the row that has their number.

    Where several keys lead to the same table (who assigned, who reported), the one whose name the copy's begins with is
    meant: ``assigned_to_name`` is read through ``assigned_to_id``.

    :param references: undeclared ones, which are as good as a foreign key where what they point at is unique.
    :returns: nothing where copy and source stand in the same row, and for rules of plain SQL.
    :raises NoPathError: with the ways that there are.
    """
    if rule.kind == "sql":
        return ()
    copy = catalog.columns[rule.column]
    other = rule.source if rule.kind == "count" else catalog.columns[rule.source].table
    start, end = (copy.table, other) if rule.kind == "copy" else (other, copy.table)
    if start == end and rule.kind == "copy" and rule.via is None:
        return ()
    ways = list(_ways(_keys(catalog, references), start, end))
    if rule.via is not None:
        ways = [way for way in ways if bare(rule.via) in way[0].columns or bare(way[0].name) == bare(rule.via)]
    shortest = [way for way in ways if len(way) == min(map(len, ways))]
    if len(shortest) > 1:
        shared = [max(_shared(copy.column, name) for name in way[0].columns) for way in shortest]
        shortest = [way for way, length in zip(shortest, shared, strict=True) if length == max(shared)]
    if len(shortest) == 1:
        return shortest[0]
    shown = [" -> ".join(key.name for key in way) for way in ways]
    raise NoPathError(
        f"[[denormalized]] {rule.name}: "
        + (f"{len(shortest)} ways lead" if shortest else "no foreign key leads")
        + f" from {start} to {end}"
        + (f" through {rule.via}" if rule.via is not None else ""),
        looked_at=shown or [f"the foreign keys of {start}, {MAXIMUM_HOPS} steps deep"],
        remedies=[
            'name the foreign key column that it is read through: via = "…_id"',
            f'say of a reference that is not declared where it points: [foreign_keys] "{start}.…_id" = '
            '{ references = "…" }',
            'or say by sql = "…" what the column has to be',
        ],
    )


def reference(rule: ReferenceRule) -> Constraint:
    """Return an undeclared reference as the foreign key that it would be."""
    return Constraint(
        name=rule.column,
        table=container(rule.column),
        form="foreign key",
        definition="",
        columns=(bare(rule.column),),
        references=container(rule.references),
        reference_columns=(bare(rule.references),),
    )


def _keys(catalog: Catalog, references: Iterable[ReferenceRule]) -> list[Constraint]:
    keys = [constraint for constraint in catalog.constraints.values() if constraint.references is not None]
    declared = {(key.table, key.columns, key.references, key.reference_columns) for key in keys}
    for rule in references:
        key = reference(rule)
        # Of what is not unique a row would be joined to several, and under a predicate not every row refers there.
        if rule.where is None and (key.table, key.columns, key.references, key.reference_columns) not in declared:
            keys += [key] if _unique(catalog, key) else []
    return keys


def _unique(catalog: Catalog, key: Constraint) -> bool:
    return any(
        index.table == key.references
        and index.unique
        and index.valid
        and index.predicate is None
        and index.columns == key.reference_columns
        for index in catalog.indexes.values()
    )


def _ways(constraints: Iterable[Constraint], start: str, end: str) -> Iterator[tuple[Constraint, ...]]:
    keys: dict[str, list[Constraint]] = {}
    for constraint in constraints:
        keys.setdefault(constraint.table, []).append(constraint)
    level: list[tuple[Constraint, ...]] = [(key,) for key in keys.get(start, [])]
    for _ in range(MAXIMUM_HOPS):
        yield from (way for way in level if way[-1].references == end)
        level = [
            (*way, key)
            for way in level
            if way[-1].references != end
            for key in keys.get(way[-1].references or "", [])
            if key.references not in {start, *(step.references for step in way)}
        ]


def _shared(first: str, second: str) -> int:
    """Return how many characters two names begin with in common."""
    return next(
        (at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second))
    )

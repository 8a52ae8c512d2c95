"""Which tables and columns of two databases are read side by side, and in which forms their values compare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ..catalog.values import Catalog
from .expressions import Form, common_forms, composite, textual
from .key import choose_keys
from .plan import Plan, PlanColumn, foreign_below, name_and_type, plan_every, plan_materialized_views

__all__ = ["Aligned", "align", "align_plans", "align_views", "as_text"]


@dataclass(frozen=True, kw_only=True)
class Aligned:
    """Two plans for what is one table before and after: the columns that both have, in pairs by position."""

    before: Plan
    after: Plan
    #: Whether what :func:`~.take.take` reads by itself has the same numbers on this side: those of these columns, and
    #: the table's own digest. Otherwise the side has to be read again by this plan.
    reuse_before: bool
    reuse_after: bool


def align(
    before: Catalog, after: Catalog, *, tables: Mapping[str, str], columns: Mapping[str, str]
) -> tuple[Aligned, ...]:
    """Plan how the tables that exist on both sides are read so that their contents compare.

    The key is the before side's, by its columns' new names; without all of them rows are compared whole. Columns of
    another type meet in :func:`~.expressions.common_forms`. Where two columns lead to one (``a`` was dropped and ``b``
    renamed to ``a``), the table comes twice, so that each pair is compared once. Foreign tables, and partitioned
    tables with a foreign partition, are left out.

    :param tables: name before to name after, for every table that is still there.
    :param columns: the same for columns, with full names (``schema.table.column``).
    """
    keys = choose_keys(before)
    sides = (plan_every(before), plan_every(after))
    foreign = (foreign_below(before), foreign_below(after))
    found: list[Aligned] = []
    for old, new in tables.items():
        if _apart(before, old, foreign[0]) or _apart(after, new, foreign[1]):
            continue
        found += _pairs(sides[0][old], sides[1][new], keys.get(old, ()), columns, (before, after))
    return tuple(found)


def align_views(before: Catalog, after: Catalog, *, views: Mapping[str, str]) -> tuple[Aligned, ...]:
    """Plan how materialised views are read side by side: whole rows of the columns that both sides have, by name.

    :param views: name before to name after, of a materialised view or of a table that stands in its place; those
        without a column in common are left out.
    """
    ours = {plan.table: plan for plan in plan_materialized_views(before)}
    theirs = {**plan_every(after), **{plan.table: plan for plan in plan_materialized_views(after)}}
    found = [align_plans(ours[old], theirs[new]) for old, new in views.items() if old in ours and new in theirs]
    return tuple(pair for pair in found if pair.before.columns)


def align_plans(before: Plan, after: Plan) -> Aligned:
    """Plan how two relations are read side by side: the columns that both have, by name, and by the key if both do."""
    names = {column.name: column for column in after.columns}
    pairs = [(column, names[column.name]) for column in before.columns if column.name in names]
    return _pair(before, after, before.key if before.key == after.key else (), pairs)


def as_text(plan: Plan) -> Plan:
    """Return the plan with every value hashed by its text: where a cast to a common type fails for some value."""
    return replace(plan, columns=tuple(replace(column, form=textual(column.base)) for column in plan.columns))


def _apart(catalog: Catalog, table: str, foreign: frozenset[str]) -> bool:
    return table not in catalog.tables or (table in foreign and catalog.tables[table].form != "table")


def _pairs(
    before: Plan, after: Plan, key: tuple[str, ...], columns: Mapping[str, str], catalogs: tuple[Catalog, Catalog]
) -> Iterator[Aligned]:
    by_name = {f"{after.table}.{column.name}": column for column in after.columns}
    pairs = [
        (column, by_name[name])
        for column in before.columns
        if (name := columns.get(f"{before.table}.{column.name}", "")) in by_name
    ]
    # A column that kept its name comes before one that was given the name.
    rest = sorted(pairs, key=lambda pair: pair[0].name != pair[1].name)
    first = True
    while rest or first:
        taken: dict[str, tuple[PlanColumn, PlanColumn]] = {}
        for old, new in rest:
            taken.setdefault(new.name, (old, new))
        rest = [pair for pair in rest if pair not in taken.values()]
        if not first:
            own = {old.name for old, _ in taken.values()}
            of_key = [pair for pair in pairs if pair[0].name in key and pair[0].name not in own]
            taken.update({new.name: (old, new) for old, new in of_key if new.name not in taken})
        chosen = [_grown(old, new, catalogs) for old, new in taken.values()]
        yield _pair(before, after, key, sorted(chosen, key=lambda pair: pair[0].name))
        first = False


def _grown(old: PlanColumn, new: PlanColumn, catalogs: tuple[Catalog, Catalog]) -> tuple[PlanColumn, PlanColumn]:
    """Return a pair of a composite type that has more attributes after, so that those are compared that it had."""
    array = old.base.endswith("[]") and new.base.endswith("[]")
    one, other = (
        catalog.types.get(column.base.removesuffix("[]") if array else column.base)
        for catalog, column in zip(catalogs, (old, new), strict=True)
    )
    if one is None or other is None or not one.form == other.form == "composite":
        return old, new
    if not set(one.attributes) < set(other.attributes):
        return old, new
    common = composite([name_and_type(attribute)[0] for attribute in one.attributes], array=array)
    return replace(old, form=common), replace(new, form=common)


def _pair(before: Plan, after: Plan, key: tuple[str, ...], pairs: list[tuple[PlanColumn, PlanColumn]]) -> Aligned:
    forms = [_forms(old, new) for old, new in pairs]
    names = {old.name: new.name for old, new in pairs}
    kept = key if all(column in names for column in key) else ()
    old_plan = replace(
        before,
        key=kept,
        columns=tuple(replace(old, form=form) for (old, _), (form, _) in zip(pairs, forms, strict=True)),
    )
    new_plan = replace(
        after,
        key=tuple(names[column] for column in kept),
        columns=tuple(replace(new, form=form) for (_, new), (_, form) in zip(pairs, forms, strict=True)),
    )
    return Aligned(
        before=old_plan,
        after=new_plan,
        reuse_before=_same_numbers(old_plan, before),
        reuse_after=_same_numbers(new_plan, after),
    )


def _forms(old: PlanColumn, new: PlanColumn) -> tuple[Form, Form]:
    if old.form.kind == new.form.kind == "composite":
        return old.form, new.form
    return common_forms(old.base, new.base)


def _same_numbers(plan: Plan, own: Plan) -> bool:
    if plan.key != own.key:
        return False
    # A keyed column's number depends on the key and itself; a whole row's on all columns and their order.
    return set(plan.columns) <= set(own.columns) if plan.key else plan.columns == own.columns

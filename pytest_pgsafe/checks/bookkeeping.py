"""The tables in which migration tools remember what they did: they change in every migration."""

from __future__ import annotations

from ..catalog.names import bare, container, split, unquoted
from ..catalog.values import Catalog
from ..migrate.tables import is_known
from .values import Evidence

#: What Django keeps of its models, filled after each migrate, never emptied by it: columns by which each is known, and
#: those that it writes when a model is renamed.
DJANGO = {
    "django_content_type": ({"app_label", "model"}, {"model", "name"}),
    "auth_permission": ({"content_type_id", "codename"}, {"name", "codename"}),
}


def keeps_books(catalog: Catalog, table: str) -> bool:
    """Tell whether a table is a migration tool's own, or holds what a tool adds by itself."""
    return _is(catalog, table) or is_djangos(catalog, table)


def is_djangos(catalog: Catalog, table: str) -> bool:
    """Tell whether a table holds Django's content types or permissions."""
    known = DJANGO.get(unquoted(bare(table)))
    return known is not None and all(f"{table}.{column}" in catalog.columns for column in known[0])


def renamed_model(catalog: Catalog, column: str) -> bool:
    """Tell whether Django writes a column of its content types and permissions when a model is renamed."""
    table = container(column)
    return is_djangos(catalog, table) and bare(column) in DJANGO[unquoted(bare(table))][1]


def is_bookkeeping(evidence: Evidence, name: str) -> bool:
    """Tell whether an object is such a table, or belongs to one, and the table is still there and in use.

    One that was dropped or emptied has forgotten what was applied: no tool does that to its own.
    """
    comparison = evidence.comparison
    catalogs = (comparison.before.catalog, comparison.after.catalog)
    tables = {table for catalog in catalogs for table in _tables(catalog, name) if _is(catalog, table)}
    return bool(tables) and not any(_forgotten(evidence, table) for table in tables)


def _is(catalog: Catalog, table: str) -> bool:
    if table not in catalog.tables:
        return False
    columns = (unquoted(one.column) for one in catalog.columns.values() if one.table == table)
    return is_known(unquoted(bare(table)), columns)


def _forgotten(evidence: Evidence, table: str) -> bool:
    comparison = evidence.comparison
    if table not in comparison.before.catalog.tables:
        return False
    ours = comparison.before.tables.get(table)
    theirs = comparison.after.tables.get(comparison.tables.get(table, ""))
    return table not in comparison.tables or (
        ours is not None and theirs is not None and ours.rows > 0 and theirs.rows == 0
    )


def _tables(catalog: Catalog, name: str) -> tuple[str, ...]:
    """Return the tables that a name may belong to."""
    found = [name]
    if len(split(name)) > 2:
        found.append(container(name))
    if name in catalog.indexes:
        found.append(catalog.indexes[name].table)
    column = catalog.sequences[name].column if name in catalog.sequences else None
    if column is not None:
        found.append(container(column))
    return tuple(found)

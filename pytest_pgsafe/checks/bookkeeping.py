"""The tables in which migration tools remember what they did: they change in every migration."""

from __future__ import annotations

from ..catalog.names import bare, container, split, unquoted
from ..catalog.values import Catalog
from .values import Evidence

#: Bare names, as the tools create them by default.
TABLES = frozenset(
    {
        "alembic_version",
        "ar_internal_metadata",
        "schema_migrations",
        "django_migrations",
        "flyway_schema_history",
        "schema_version",
        "databasechangelog",
        "databasechangeloglock",
        "knex_migrations",
        "knex_migrations_lock",
        "_prisma_migrations",
        "goose_db_version",
        "SequelizeMeta",
        "__EFMigrationsHistory",
        "__drizzle_migrations",
        "atlas_schema_revisions",
        "yoyo_migrations",
        "_yoyo_migration",
        "_yoyo_log",
        "_yoyo_version",
        "yoyo_lock",
        "aerich",
        "migratehistory",
        "pgmigrations",
        "typeorm_migrations",
        "doctrine_migration_versions",
        "phinxlog",
        "gorp_migrations",
        "dbmate_migrations",
        "_sqlx_migrations",
        "__diesel_schema_migrations",
        "mikro_orm_migrations",
        "refinery_schema_history",
        "sqitch_changes",
    }
)


def is_bookkeeping(evidence: Evidence, name: str) -> bool:
    """Tell whether an object is such a table, or belongs to one."""
    comparison = evidence.comparison
    catalogs = (comparison.before.catalog, comparison.after.catalog)
    return any(_is(catalog, table) for catalog in catalogs for table in _tables(catalog, name))


def _is(catalog: Catalog, table: str) -> bool:
    return table in catalog.tables and unquoted(bare(table)) in TABLES


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

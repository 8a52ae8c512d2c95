"""The tables in which migration tools remember what they did: for reading, judging and timing alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from typing_extensions import LiteralString

#: What a table's rows are: versions, the last version alone, names of files, or SHA-256 of their content.
By = Literal["version", "up to", "name", "hash"]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a table says what is applied."""

    by: By
    #: Gives (text, whole) for each row; ``{}`` is the table.
    query: LiteralString


@dataclass(frozen=True, kw_only=True)
class BookkeepingTable:
    """A table as a tool creates it by default."""

    #: The tools that write such a table.
    tool: str
    #: Its bare name, without quotes.
    name: str
    columns: frozenset[str] = frozenset()
    #: Others may call a table so: only its columns say that it is a tool's.
    common: bool = False
    #: A row that is written is a revision that is done.
    revisions: bool = True
    reading: Reading | None = None


def _table(
    tool: str,
    name: str,
    columns: str = "",
    reading: Reading | None = None,
    *,
    common: bool = False,
    revisions: bool = True,
) -> BookkeepingTable:
    return BookkeepingTable(
        tool=tool, name=name, columns=frozenset(columns.split()), common=common, revisions=revisions, reading=reading
    )


def _versions(query: LiteralString, by: By = "version") -> Reading:
    return Reading(by=by, query=query)


_FLYWAY = _versions(
    "select version::text, success from (select distinct on (version) version, type, success from {} "
    "where version is not null and type <> 'BASELINE' order by version, installed_rank desc) as last "
    "where type not like 'UNDO%' and type <> 'DELETE'"
)
_FLYWAY_COLUMNS = "installed_rank version type script checksum success"
_NAMES = _versions("select name::text, true from {}", "name")
#: Of several of one name the first whose columns are there is meant.
TABLES = (
    _table("Alembic", "alembic_version"),
    _table("Django", "django_migrations"),
    _table("golang-migrate", "schema_migrations", "version dirty",
           _versions("select version::text, not dirty from {}", "up to"), common=True),
    _table("dbmate, Rails, Ecto, Supabase", "schema_migrations", "version",
           _versions("select version::text, true from {}"), common=True),
    _table("Rails", "ar_internal_metadata", revisions=False),
    _table("Flyway", "flyway_schema_history", _FLYWAY_COLUMNS, _FLYWAY),
    _table("Flyway", "schema_version", _FLYWAY_COLUMNS, _FLYWAY, common=True),
    _table("goose", "goose_db_version", "id version_id is_applied", _versions(
        "select version_id::text, true from (select distinct on (version_id) version_id, is_applied from {} "
        "order by version_id, id desc) as last where is_applied and version_id > 0")),
    _table("sqlx", "_sqlx_migrations", "version success", _versions("select version::text, success from {}")),
    _table("refinery", "refinery_schema_history", "version name", _versions("select version::text, true from {}")),
    _table("Postgrator", "schemaversion", "version md5",
           _versions("select version::text, true from {} where version > 0"), common=True),
    _table("Atlas", "atlas_schema_revisions", "version applied total",
           _versions("select version::text, applied = total from {}")),
    _table("MyBatis", "changelog", "id applied_at description", _versions("select id::text, true from {}"),
           common=True, revisions=False),
    _table("Knex", "knex_migrations", "name batch", _NAMES),
    _table("Knex", "knex_migrations_lock", revisions=False),
    _table("node-pg-migrate", "pgmigrations", "name run_on", _NAMES, common=True),
    _table("sql-migrate", "gorp_migrations", "id applied_at", _versions("select id::text, true from {}", "name")),
    _table("yoyo", "_yoyo_migration", "migration_id", _versions("select migration_id::text, true from {}", "name")),
    _table("yoyo", "_yoyo_log", revisions=False),
    _table("yoyo", "_yoyo_version", revisions=False),
    _table("yoyo", "yoyo_lock", revisions=False),
    _table("yoyo", "yoyo_migrations"),
    _table("Sequelize", "SequelizeMeta", "name", _NAMES),
    _table("Prisma", "_prisma_migrations", "migration_name finished_at rolled_back_at", _versions(
        "select migration_name::text, finished_at is not null from {} where rolled_back_at is null", "name")),
    _table("Drizzle", "__drizzle_migrations", "hash created_at",
           _versions("select hash::text, true from {}", "hash")),
    _table("Liquibase", "databasechangelog", "id author filename",
           _versions("select filename::text, true from {}", "name")),
    _table("Liquibase", "databasechangeloglock", revisions=False),
    _table("Entity Framework", "__EFMigrationsHistory"),
    _table("Aerich", "aerich", "version app content", common=True),
    _table("Peewee", "migratehistory", "name migrated_at", common=True),
    _table("TypeORM", "typeorm_migrations"),
    _table("TypeORM", "migrations", "id timestamp name", common=True),
    _table("Laravel", "migrations", "id migration batch", common=True),
    _table("db-migrate", "migrations", "id name run_on", common=True),
    _table("Doctrine", "doctrine_migration_versions"),
    _table("Phinx", "phinxlog"),
    _table("dbmate", "dbmate_migrations"),
    _table("Diesel", "__diesel_schema_migrations"),
    _table("MikroORM", "mikro_orm_migrations"),
    _table("Sqitch", "sqitch_changes"),
)  # fmt: skip


def is_known(name: str, columns: Iterable[str]) -> bool:
    """Tell whether a table is a migration tool's own.

    :param name: bare, without quotes.
    :param columns: bare, without quotes.
    """
    found = [one for one in TABLES if one.name == name]
    # Only then: a catalog may have many tables.
    there = set(columns) if found else set[str]()
    return any(not one.common or one.columns <= there for one in found)


def readable(name: str, columns: Iterable[str]) -> BookkeepingTable | None:
    """Return how a table says what is applied, None where it does not."""
    there = set(columns)
    return next((one for one in TABLES if one.reading is not None and one.name == name and one.columns <= there), None)


#: Bare names, in lower case, of the tables whose rows are revisions.
REVISIONS = tuple(sorted({one.name.lower() for one in TABLES if one.revisions}))

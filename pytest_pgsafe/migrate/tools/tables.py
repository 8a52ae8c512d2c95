"""The tables in which migration tools remember what they did; here are those of the tools that commands run."""

from __future__ import annotations

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
    #: Gives names of files that run again whenever they change, and the CRC-32 of what was run last.
    repeatable: LiteralString | None = None
    #: Gives the version up to which everything counts as applied.
    baseline: LiteralString | None = None
    #: Why its rows cannot say it, where there are some.
    doubt: str | None = None


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


def table(
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


_FLYWAY = Reading(
    by="version",
    query="select version::text, success from (select distinct on (version) version, type, success from {} "
    "where version is not null and type <> 'BASELINE' order by version, installed_rank desc) as last "
    "where type not like 'UNDO%' and type <> 'DELETE'",
    repeatable="select script, checksum from {} where version is null and success order by installed_rank",
    baseline="select version::text from {} where type = 'BASELINE' order by installed_rank desc limit 1",
)
_FLYWAY_COLUMNS = "installed_rank version type script checksum success"
_NAMES = _versions("select name::text, true from {}", "name")
#: Of several of one name the first whose columns are there is meant.
COMMANDS = (
    table("golang-migrate", "schema_migrations", "version dirty",
           _versions("select version::text, not dirty from {}", "up to"), common=True),
    table("dbmate, Rails, Ecto, Supabase", "schema_migrations", "version",
           _versions("select version::text, true from {}"), common=True),
    table("Rails", "ar_internal_metadata", revisions=False),
    table("Flyway", "flyway_schema_history", _FLYWAY_COLUMNS, _FLYWAY),
    table("Flyway", "schema_version", _FLYWAY_COLUMNS, _FLYWAY, common=True),
    table("goose", "goose_db_version", "id version_id is_applied", _versions(
        "select version_id::text, true from (select distinct on (version_id) version_id, is_applied from {} "
        "order by version_id, id desc) as last where is_applied and version_id > 0")),
    table("sqlx", "_sqlx_migrations", "version success", _versions("select version::text, success from {}")),
    table("refinery", "refinery_schema_history", "version name", _versions("select version::text, true from {}")),
    table("Postgrator", "schemaversion", "version md5",
           _versions("select version::text, true from {} where version > 0"), common=True),
    table("Atlas", "atlas_schema_revisions", "version applied total",
           _versions("select version::text, applied = total from {}")),
    table("MyBatis", "changelog", "id applied_at description", _versions("select id::text, true from {}"),
           common=True, revisions=False),
    table("Knex", "knex_migrations", "name batch", _NAMES),
    table("Knex", "knex_migrations_lock", revisions=False),
    table("node-pg-migrate", "pgmigrations", "name run_on", _NAMES, common=True),
    table("sql-migrate", "gorp_migrations", "id applied_at", _versions("select id::text, true from {}", "name")),
    table("yoyo", "_yoyo_migration", "migration_id", _versions("select migration_id::text, true from {}", "name")),
    table("yoyo", "_yoyo_log", revisions=False),
    table("yoyo", "_yoyo_version", revisions=False),
    table("yoyo", "yoyo_lock", revisions=False),
    table("yoyo", "yoyo_migrations"),
    table("Sequelize", "SequelizeMeta", "name", _NAMES),
    table("Prisma", "_prisma_migrations", "migration_name finished_at rolled_back_at", _versions(
        "select migration_name::text, finished_at is not null from {} where rolled_back_at is null", "name")),
    table("Drizzle", "__drizzle_migrations", "hash created_at",
           _versions("select hash::text, true from {}", "hash")),
    table("Liquibase", "databasechangelog", "id author filename",
           Reading(by="name", query="select filename::text, true from {}",
                   doubt="Liquibase's changesets may be parts of a file")),
    table("Liquibase", "databasechangeloglock", revisions=False),
    table("Entity Framework", "__EFMigrationsHistory"),
    table("Aerich", "aerich", "version app content", common=True),
    table("Peewee", "migratehistory", "name migrated_at", common=True),
    table("TypeORM", "typeorm_migrations"),
    table("TypeORM", "migrations", "id timestamp name", common=True),
    table("Laravel", "migrations", "id migration batch", common=True),
    table("db-migrate", "migrations", "id name run_on", common=True),
    table("Doctrine", "doctrine_migration_versions"),
    table("Phinx", "phinxlog"),
    table("dbmate", "dbmate_migrations"),
    table("Diesel", "__diesel_schema_migrations"),
    table("MikroORM", "mikro_orm_migrations"),
)  # fmt: skip

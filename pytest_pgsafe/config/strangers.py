"""What other programs write into addresses of PostgreSQL, and what it is for: libpq refuses all of it."""

from __future__ import annotations

from collections.abc import Mapping

_LEAVE = "leave it out here"
_OPTIONS = "for pgsafe's own sessions it has no meaning: leave it out here"

#: Whose word it is, what it is for, and what to write instead.
_WORDS: tuple[tuple[str, str, str, str], ...] = (
    # Prisma
    ("schema", "Prisma", "the schema that its client looks into", f"pgsafe looks at all schemas: {_LEAVE}"),
    ("pgbouncer", "Prisma", "that a pooler stands before the server", "give the address of the server itself"),
    ("connection_limit", "Prisma", "the size of its pool", _LEAVE),
    ("pool_timeout", "Prisma", "how long it waits for its pool", _LEAVE),
    ("socket_timeout", "Prisma", "how long it waits for an answer", _LEAVE),
    ("statement_cache_size", "Prisma or asyncpg", "its cache of prepared statements", _LEAVE),
    ("sslaccept", "Prisma", "how it checks the certificate", "sslmode=verify-full checks it, sslmode=require does not"),
    ("sslidentity", "Prisma", "its PKCS 12 file", "sslcert=FILE and sslkey=FILE"),
    # node-postgres, postgres.js and what is made of them
    ("uselibpqcompat", "node-postgres", "that sslmode means what it means to libpq", f"here it always does: {_LEAVE}"),
    ("ssl", "node-postgres, asyncpg or JDBC", "whether the connection is encrypted", "sslmode=require"),
    ("workaround", "Prisma with Supabase's pooler", "a way round its prepared statements", _LEAVE),
    ("supa", "Supabase's pooler", "a mark for its own use", _LEAVE),
    ("max", "postgres.js", "the size of its pool", _LEAVE),
    ("idle_timeout", "postgres.js", "when its pool closes a session", _LEAVE),
    ("prepare", "postgres.js", "whether it prepares statements", _LEAVE),
    # SQLAlchemy and its drivers
    ("driver", "SQLAlchemy", "the name of its driver", _LEAVE),
    ("prepared_statement_cache_size", "SQLAlchemy with asyncpg", "its cache of prepared statements", _LEAVE),
    ("prepared_statement_name_func", "SQLAlchemy with asyncpg", "the names of its prepared statements", _LEAVE),
    ("async_fallback", "SQLAlchemy", "how it waits", _LEAVE),
    ("command_timeout", "asyncpg", "how long it waits for an answer", _LEAVE),
    ("min_size", "asyncpg or psycopg_pool", "the size of its pool", _LEAVE),
    ("max_size", "asyncpg or psycopg_pool", "the size of its pool", _LEAVE),
    # Django
    ("engine", "Django", "its database backend", "postgresql:// says the same"),
    ("conn_max_age", "Django", "how long it keeps a session", _LEAVE),
    ("conn_health_checks", "Django", "whether it looks at a session before using it", _LEAVE),
    ("disable_server_side_cursors", "Django", "for poolers", "give the address of the server itself"),
    ("ssl_require", "dj-database-url", "that the connection is encrypted", "sslmode=require"),
    ("name", "Django", "the database", "dbname=NAME, or /NAME after the host"),
    # JDBC
    ("currentschema", "JDBC", "the schemas that it looks into", f"pgsafe looks at all schemas: {_LEAVE}"),
    ("applicationname", "JDBC", "the name of its sessions", _LEAVE),
    ("sslfactory", "JDBC", "how it checks the certificate", "sslmode=verify-full checks it, sslmode=require does not"),
    ("preparethreshold", "JDBC", "when it prepares statements", _LEAVE),
    ("rewritebatchedinserts", "JDBC", "how it sends many rows", _LEAVE),
    ("stringtype", "JDBC", "the type of its texts", _LEAVE),
    ("logintimeout", "JDBC", "how long it waits for a connection", "connect_timeout=SECONDS"),
    ("connecttimeout", "JDBC", "how long it waits for a connection", "connect_timeout=SECONDS"),
    ("sockettimeout", "JDBC", "how long it waits for an answer", _LEAVE),
    ("tcpkeepalive", "JDBC", "whether it sends keepalives", "keepalives=1"),
    ("targetservertype", "JDBC", "which of several servers it takes", "target_session_attrs=primary"),
    ("loadbalancehosts", "JDBC", "in which order it tries several servers", "load_balance_hosts=random"),
    # Rails, Ecto, Doctrine, .NET
    ("pool", "Rails", "the size of its pool", _LEAVE),
    ("prepared_statements", "Rails", "whether it prepares statements", _LEAVE),
    ("checkout_timeout", "Rails", "how long it waits for its pool", _LEAVE),
    ("reaping_frequency", "Rails", "when its pool looks for dead sessions", _LEAVE),
    ("schema_search_path", "Rails", "the schemas that it looks into", f"pgsafe looks at all schemas: {_LEAVE}"),
    ("encoding", "Rails", "the encoding of its sessions", _LEAVE),
    ("adapter", "Rails", "its database adapter", "postgresql:// says the same"),
    ("database", "Rails or .NET", "the database", "dbname=NAME, or /NAME after the host"),
    ("timeout", "Rails or .NET", "how long it waits", "connect_timeout=SECONDS"),
    ("pool_size", "Ecto or SQLAlchemy", "the size of its pool", _LEAVE),
    ("serverversion", "Doctrine", "the server's version", f"the server is asked: {_LEAVE}"),
    ("charset", "Doctrine", "the encoding of its sessions", _LEAVE),
    ("server", ".NET (Npgsql)", "the host", "host=NAME"),
    ("username", ".NET (Npgsql) or Rails", "the role", "user=NAME"),
    ("pooling", ".NET (Npgsql)", "whether it keeps a pool", _LEAVE),
    ("pwd", ".NET", "the password", "password=…, better in ~/.pgpass"),
    ("uid", ".NET", "the role", "user=NAME"),
    # Go
    ("pool_max_conns", "pgx", "the size of its pool", _LEAVE),
    ("pool_min_conns", "pgx", "the size of its pool", _LEAVE),
    ("pool_max_conn_lifetime", "pgx", "how long its pool keeps a session", _LEAVE),
    ("pool_max_conn_idle_time", "pgx", "when its pool closes a session", _LEAVE),
    ("pool_health_check_period", "pgx", "when its pool looks at its sessions", _LEAVE),
    ("default_query_exec_mode", "pgx", "whether it prepares statements", _LEAVE),
    ("statement_cache_capacity", "pgx", "its cache of prepared statements", _LEAVE),
    ("description_cache_capacity", "pgx", "its cache of descriptions", _LEAVE),
    ("binary_parameters", "lib/pq", "how it sends values", _LEAVE),
    ("x-migrations-table", "golang-migrate", "where it notes what is applied", _LEAVE),
    ("x-multi-statement", "golang-migrate", "how it sends a file", _LEAVE),
    ("x-statement-timeout", "golang-migrate", "its limit for a statement", _LEAVE),
    # Rust
    ("statement-cache-capacity", "sqlx", "its cache of prepared statements", _LEAVE),
    # Settings of a session, which several drivers take as parameters
    ("search_path", "a driver's", "the schemas that a session looks into", f"pgsafe looks at all schemas: {_LEAVE}"),
    ("statement_timeout", "a driver's", "a setting of its sessions", _OPTIONS),
    ("lock_timeout", "a driver's", "a setting of its sessions", _OPTIONS),
    ("timezone", "a driver's", "a setting of its sessions", _OPTIONS),
)  # fmt: skip

#: By name in lower case.
PARAMETERS: Mapping[str, tuple[str, str, str]] = {name: (whose, what, instead) for name, whose, what, instead in _WORDS}

#: Schemes of addresses that mean a PostgreSQL server, by whose they are.
SCHEMES: Mapping[str, str] = {
    "psycopg": "a driver's", "psycopg2": "a driver's", "asyncpg": "a driver's", "pg8000": "a driver's",
    "pgsql": "PHP's", "pdo-pgsql": "Doctrine's", "psql": "django-environ's", "postgis": "GeoDjango's",
    "ecto": "Ecto's", "pg": "a driver's", "pgx": "pgx's", "pgx5": "golang-migrate's", "pgx4": "golang-migrate's",
}  # fmt: skip
#: Services that speak another protocol than PostgreSQL's.
OTHERS = frozenset({"prisma", "prisma+postgres", "http", "https"})


def explained(name: str) -> tuple[str, str] | None:
    """Return what a parameter of another program's is, and what to do about it; None if it is not known."""
    known = PARAMETERS.get(name.lower())
    if known is None:
        return None
    whose, what, instead = known
    owner = whose if whose.endswith("'s") else f"{whose}'s"
    return f"{name.lower()} is {owner} word for {what}, and libpq does not know it", f"{name.lower()}: {instead}"

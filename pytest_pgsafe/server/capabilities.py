"""What PostgreSQL can do from a major, or a minor, on: the one place where versions are compared.

What statements need is in ``reading/majors.py``, and what the catalogs look like in the names of the files of
``catalog/sql``: both hold for servers that nobody has asked.
"""

from __future__ import annotations

from dataclasses import dataclass

from .version import Version


@dataclass(frozen=True)
class Capability:
    """Something that came with a major."""

    since: int

    def known_to(self, version: Version | int) -> bool:
        """Tell whether a server, or a program, can do it.

        :param version: or its major.
        """
        return (version if isinstance(version, int) else version.major) >= self.since

    def tells_apart(self, first: int, second: int) -> bool:
        """Tell whether one of two majors can do it, and the other not."""
        return self.known_to(first) != self.known_to(second)


# Servers and clusters.

#: ``log_destination = jsonlog``.
JSON_LOG = Capability(15)
#: ``CREATE DATABASE … STRATEGY``: before, files were always copied; since, every block goes to the WAL by default.
COPY_STRATEGY = Capability(15)
#: Statistics stand in shared memory, where a session can write its own at once: before, they were sent to a process of
#: the server's, over a connection with itself.
SHARED_STATISTICS = Capability(15)
#: pg_walinspect: functions that tell what stands in the WAL.
WAL_FUNCTIONS = Capability(15)
#: ``archive_library``, and contrib's ``basic_archive`` for it.
ARCHIVE_LIBRARY = Capability(15)
#: A record of a commit names the relations whose statistics go with it.
DROPPED_STATISTICS = Capability(15)
#: Incremental base backups.
INCREMENTAL_BACKUP = Capability(17)
#: ``event_triggers = off``, and event triggers on login.
EVENT_TRIGGERS_OFF = Capability(17)
#: ``transaction_timeout``, which pg_restore sets since then: an older server refuses it.
TRANSACTION_TIMEOUT = Capability(17)
#: initdb switches checksums on, which make reading write WAL.
CHECKSUMS_BY_DEFAULT = Capability(18)

# Databases, roles and objects.

#: A database has a provider of its locale; that of ICU has a field of its own.
LOCALE_PROVIDER = Capability(15)
#: The version of a database's own collation stands in the catalog.
COLLATION_VERSION = Capability(15)
#: A published table has a list of columns and a condition.
PUBLISHED_PARTS = Capability(15)
#: PUBLIC may not create in the schema public, which is pg_database_owner's.
PUBLIC_CLOSED = Capability(15)
#: A sequence is unlogged, as that of an unlogged table's column is.
UNLOGGED_SEQUENCES = Capability(15)
#: Rules of ICU stand in the catalog.
ICU_RULES = Capability(16)
#: A view's definition has no relations OLD and NEW, so that one of a single relation names its columns alone.
BARE_VIEW_COLUMNS = Capability(16)
#: A membership says whether the role may be taken on: ``pg_has_role(…, 'SET')``.
MEMBERSHIP_OPTIONS = Capability(16)
#: CREATEROLE grants what it was given alone; before, it may grant itself all but superusers.
CREATEROLE_HELD = Capability(16)
#: The privilege MAINTAIN.
MAINTAIN = Capability(17)
#: NOT NULL is a constraint with a name.
NAMED_NOT_NULL = Capability(18)
#: CREATE DATABASE lets files share their blocks, where the file system can: ``file_copy_method``.
COPY_METHOD = Capability(18)
#: A foreign key of a partitioned table can be NOT VALID.
PARTITIONED_NOT_VALID = Capability(18)

# Programs, by their minor.

#: The first minor of each major whose psql knows ``\restrict``, which pg_dump writes since; later majors always did.
RESTRICT = {number // 10000: Version(number) for number in (140019, 150014, 160010, 170006)}


def restricts(version: Version) -> bool:
    r"""Tell whether a psql knows ``\restrict``."""
    return version >= RESTRICT.get(version.major, version)


# Parameters of a connection.

#: The major whose libpq brought each parameter that 14's does not know.
PARAMETERS = {
    "gssdelegation": 16,
    "load_balance_hosts": 16,
    "require_auth": 16,
    "sslcertmode": 16,
    "sslnegotiation": 17,
    "max_protocol_version": 18,
    "min_protocol_version": 18,
    "oauth_ca_file": 18,
    "oauth_client_id": 18,
    "oauth_client_secret": 18,
    "oauth_issuer": 18,
    "oauth_scope": 18,
    "scram_client_key": 18,
    "scram_server_key": 18,
    "servicefile": 18,
    "sslkeylogfile": 18,
}

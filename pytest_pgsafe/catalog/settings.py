"""Settings of a server that no view lists: those with a dot whose library is not loaded, and those that are hidden."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import psycopg

from ..server.connection import Connection, given, version
from .queries import queries
from .rows import rows_as
from .values import Definition, Function, Object, Policy, Setting, Trigger, View

#: Libraries whose settings log, measure or schedule: what a statement does is the same with them.
WITHOUT_MEANING = frozenset(
    {
        "auto_explain", "pg_stat_statements", "pgaudit", "cron", "pg_prewarm", "pg_wait_sampling", "pg_stat_kcache",
        "pg_qualstats", "pg_stat_monitor", "pg_squeeze", "auth_delay", "basic_archive", "pg_partman_bgw", "rds",
        "cloudsql", "azure", "apg_plan_mgmt", "supautils", "powa", "pgtle", "credcheck", "login_hook", "set_user",
    }
)  # fmt: skip
#: Settings of libraries that PostgreSQL or well-known extensions load when they are first used. Until then a session
#: knows them by name alone.
LOADED_LATE = (
    "plpgsql.variable_conflict", "plpgsql.extra_errors", "plpgsql.extra_warnings", "plpgsql.check_asserts",
    "plpgsql.print_strict_params", "plperl.use_strict", "plperl.on_init", "pltcl.start_proc", "pltclu.start_proc",
    "pg_trgm.similarity_threshold", "pg_trgm.word_similarity_threshold", "pg_trgm.strict_word_similarity_threshold",
    "pgcrypto.builtin_crypto_enabled", "isn.weak", "hnsw.ef_search", "hnsw.iterative_scan", "ivfflat.probes",
    "ivfflat.iterative_scan", "postgis.backend", "postgis.gdal_enabled_drivers", "postgis.enable_outdb_rasters",
    "plv8.start_proc", "safeupdate.enabled", "hashlib.case", "orafce.nls_date_format", "orafce.timezone",
    "bm25_catalog.search_path", "age.enable_containment", "temporal_tables.unversioned",
)  # fmt: skip
_ASKED_FOR = re.compile(r"current_setting\s*\(\s*'([A-Za-z_][\w$]*(?:\.[A-Za-z_][\w$]*)+)'")

# What the server's files say: of settings that this session has from elsewhere, and names with a dot that nobody lists.
_FILES = """
select f.name, f.setting from pg_catalog.pg_file_settings f
where f.applied and (pg_catalog.lower(f.name) = any (%s) or f.name like '%%.%%')
order by f.seqno
"""
_MAY_READ_FILES = (
    "select pg_catalog.has_table_privilege('pg_catalog.pg_file_settings', 'select')"
    " and pg_catalog.has_function_privilege('pg_catalog.pg_show_all_file_settings()', 'execute')"
)
_BY_NAME = """
select n.name, pg_catalog.current_setting(n.name, true)
from pg_catalog.unnest(%s::pg_catalog.text[]) as n (name)
where pg_catalog.current_setting(n.name, true) is not null
"""
# ALTER DATABASE and ALTER ROLE carry their own.
_ELSEWHERE = """
select distinct pg_catalog.lower(pg_catalog.split_part(g.setting, '=', 1))
from pg_catalog.pg_db_role_setting s
cross join lateral pg_catalog.unnest(s.setconfig) as g (setting)
where not (s.setdatabase = 0 and s.setrole = 0)
    and s.setdatabase in (
        0, (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
    )
    and s.setrole in (0, (select r.oid from pg_catalog.pg_roles r where r.rolname = session_user))
"""


def settings(connection: Connection, found: Mapping[str, Mapping[str, Object]]) -> Mapping[str, Setting]:
    """Return the settings that the view lists, what it does not, and what this session has hidden.

    :param found: the catalog's fields: its functions, policies, views and defaults name settings of the team's own.
    :raises psycopg.Error: as the server says it.
    """
    listed = {name: one for name, one in found["settings"].items() if isinstance(one, Setting)}
    ours = given(connection)
    known = {
        name: replace(one, value=None) if name.lower() in ours else one
        for name, one in listed.items()
        if not _meaningless(name)
    }
    hidden = {name.lower(): name for name, one in known.items() if one.value is None}
    wanted = {*LOADED_LATE, *_named(found)} - {*listed}
    files = _files(connection, list(hidden))
    for name, value in files.items():
        if name.lower() in hidden:
            own = hidden[name.lower()]
            known[own] = replace(known[own], value=value, usual=False)
        elif "." in name:
            wanted.add(name)
    elsewhere = {str(name) for (name,) in connection.execute(_ELSEWHERE)} | ours
    for name, value in _by_name(connection, sorted(wanted - {*listed})).items():
        if not _meaningless(name) and name.lower() not in elsewhere:
            known[name] = Setting(name=name, value=value, usual=False)
    return dict(sorted(known.items()))


def _meaningless(name: str) -> bool:
    return name.partition(".")[0].lower() in WITHOUT_MEANING and "." in name


def _files(connection: Connection, hidden: list[str]) -> dict[str, str]:
    if connection.execute(_MAY_READ_FILES).fetchone() != (True,):
        return {}
    try:
        with connection.transaction():
            return {str(name): str(value) for name, value in connection.execute(_FILES, (hidden,))}
    except psycopg.Error:
        # A managed service, or a file that cannot be read: what the view says has to do.
        return {}


def _by_name(connection: Connection, names: list[str]) -> dict[str, str]:
    try:
        with connection.transaction():
            return {str(name): str(value) for name, value in connection.execute(_BY_NAME, (names,))}
    except psycopg.errors.InsufficientPrivilege:
        return {}


def _named(found: Mapping[str, Mapping[str, Object]]) -> Iterator[str]:
    """Yield the settings that the database's own code reads."""
    for field in ("functions", "policies", "views", "columns", "triggers", "constraints", "definitions"):
        for one in found.get(field, {}).values():
            for text in _texts(one):
                if "current_setting" in text:
                    yield from _ASKED_FOR.findall(text)


def _texts(object_: Object) -> Iterable[str]:
    if isinstance(object_, Policy):
        return [text for text in (object_.using, object_.check) if text is not None]
    if isinstance(object_, (Function, View, Trigger, Definition)):
        return [object_.definition]
    text = getattr(object_, "default", None) or getattr(object_, "definition", None)
    return [] if text is None else [str(text)]


def listed(connection: Connection) -> Mapping[str, Setting]:
    """Return the settings that the server's view lists, by name in lower case.

    :raises psycopg.Error: as the server says it.
    """
    query = queries(version(connection).major)["setting"]
    return {one.name.lower(): one for one in rows_as(Setting, connection.execute(query))}

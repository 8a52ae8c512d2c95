"""Settings of our sessions: what changes the look of a value is pinned, what roles and databases limit is overruled."""

from __future__ import annotations

from typing import Any

import psycopg

from ..errors import SourceError
from .address import Address

#: Settings on which the text of a value or of a definition depends. search_path is pg_catalog alone, so that
#: every name that PostgreSQL prints is qualified; row_security off makes hidden rows an error, not a smaller count.
PINNED: dict[str, str] = {
    "search_path": "pg_catalog",
    "row_security": "off",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "lc_monetary": "C",
    "xmloption": "content",
    "quote_all_identifiers": "off",
    "standard_conforming_strings": "on",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "default_tablespace": "",
    "default_table_access_method": "heap",
    "exit_on_error": "off",
    "jit": "off",
}
#: What a role or a database may limit its sessions by, and we are not to be limited by; those that a server knows.
LIMITS: dict[str, str] = {
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "transaction_timeout": "0",
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
}

# One call sets all of them, whatever their number. The client's encoding is the database's own, for which every text
# has a form. A role that the login takes on at its begin (ALTER ROLE … SET role) is given back, unless the login may do
# less than that one. Less memory than PostgreSQL's default makes nothing but temporary files.
_SET = """
with role(name) as (
    select 'none'
    from pg_catalog.pg_db_role_setting s,
         unnest(s.setconfig) as c(setting),
         pg_catalog.pg_roles taken,
         pg_catalog.pg_roles login
    where s.setrole in (0, login.oid)
      and s.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()))
      and c.setting = 'role=' || taken.rolname
      and taken.rolname = current_user and login.rolname = session_user and taken.oid <> login.oid
      and (
          login.rolsuper
          or (
              pg_catalog.pg_has_role(login.oid, taken.oid, 'USAGE')
              and not taken.rolsuper and (login.rolbypassrls or not taken.rolbypassrls)
          )
      )
    limit 1
),
settings(place, name, value) as (
    select 1, name, value from unnest(%s::text[], %s::text[]) as s(name, value)
    where pg_catalog.current_setting(name, true) is not null
    union all
    select 2, 'work_mem', '4MB'
    where pg_catalog.pg_size_bytes(pg_catalog.current_setting('work_mem')) < pg_catalog.pg_size_bytes('4MB')
    union all
    select 3, 'client_encoding', pg_catalog.current_setting('server_encoding')
    union all
    select 4, 'role', name from role
    order by 1
)
select pg_catalog.set_config(name, value, false) from settings
"""


def pin(
    connection: psycopg.Connection[tuple[object, ...]],
    *,
    read_only: bool,
    statement_timeout: str = "0",
    lock_timeout: str = "0",
) -> None:
    """Pin the settings of a session that is outside of a transaction, in one round trip.

    :raises SourceError: the server does not let the role have its way.
    """
    settings = {
        **PINNED,
        **LIMITS,
        "application_name": "pgsafe",
        "default_transaction_read_only": "on" if read_only else "off",
        "statement_timeout": statement_timeout,
        "lock_timeout": lock_timeout,
    }
    try:
        # By itself: what limits statements may limit the next one.
        connection.execute(b"set statement_timeout = 0")
        connection.execute(_SET, (list(settings), list(settings.values())))
    except psycopg.errors.InsufficientPrivilege as error:
        raise SourceError(
            f"the role {connection.info.user} may not set what pgsafe's sessions need: {error.diag.message_primary}",
            looked_at=["settings: " + ", ".join(f"{name} = {value!r}" for name, value in settings.items())],
            remedies=["let the role set it (GRANT SET ON PARAMETER, from PostgreSQL 15 on), or use another role"],
        ) from error


def for_programs(session: psycopg.Connection[Any], address: Address) -> Address:
    """Return the address for PostgreSQL's own programs: their sessions are limited as little as ours.

    :param session: one of ours at that address, with its pinned settings.
    :param address: with everything filled in.
    """
    row = session.execute(
        "select current_setting('server_encoding'), current_setting('role'),"
        " array(select name from unnest(%s::text[]) as s(name) where current_setting(name, true) is not null)",
        (list(LIMITS),),
    ).fetchone()
    assert row is not None
    encoding, role, known = row
    given = {"client_encoding": encoding}
    # A pooler takes no options; what limits its sessions most, pg_dump and pg_restore overrule by themselves.
    if address.sessions == "own":
        options = {"statement_timeout": "0", "lock_timeout": "0", "default_transaction_read_only": "off"}
        options |= {name: LIMITS[name] for name in known}
        options |= {"role": "none"} if role == "none" else {}
        words = [
            address.parameters.get("options", ""),
            *(f"-c {name}={_word(value)}" for name, value in options.items()),
        ]
        given["options"] = " ".join(words).strip()
    return address.with_(**given)


def _word(value: str) -> str:
    """Return a value as libpq's options take it: a blank ends it unless a backslash is before it."""
    return value.replace("\\", "\\\\").replace(" ", "\\ ")

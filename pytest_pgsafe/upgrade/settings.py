"""Settings: those that the next major does not take, and those whose default is another there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import psycopg
from psycopg import sql

from ..catalog.settings import listed
from ..catalog.values import Setting
from ..server.capabilities import CHECKSUMS_BY_DEFAULT
from ..server.connection import Connection, version
from ..snapshot.session import reason as said_by
from ..snapshot.values import NotVerified
from .values import Default, Given

CONFIGURATION = "the server's configuration"
#: Where a value comes from that nobody gave the server or the database: these are the session's own, or PostgreSQL's.
_NOT_GIVEN = frozenset({"default", "override", "client", "session", "interactive", "test", "environment variable"})
#: Of the build and of the platform: another one has others on the same major.
_OF_BUILD = frozenset(
    {
        "dynamic_shared_memory_type", "event_source", "huge_pages", "krb_server_keyfile", "unix_socket_directories",
        "unix_socket_group", "wal_sync_method",
    }
)  # fmt: skip
_CATEGORIES_OF_BUILD = frozenset({"Preset Options", "File Locations", "Connections and Authentication / SSL"})
#: Two ways to say that nothing is on: log_connections became a list.
_NOTHING = frozenset({"", "off"})
#: What a server tells of a value without anything else of its machine: no path, no locale, no object.
_SELF_CONTAINED = frozenset({"bool", "enum", "integer", "real"})

#: What initdb decides, and not a configuration: of a cluster that has none.
_CHECKSUMS = Default(
    name="data_checksums", before="off", after="on", meaning=False,
    more="pg_upgrade refuses a new cluster that initdb makes so. Say initdb --no-data-checksums, or give the old one "
    "checksums before (pg_checksums --enable)",
)  # fmt: skip

_SETTINGS = """
select name, setting, unit, boot_val, source, category, vartype
from pg_catalog.pg_settings where pg_catalog.strpos(name, '.') = 0
"""
_ALTERED = """
select case when s.setrole = 0 then 'ALTER DATABASE ' || pg_catalog.current_database()
            when s.setdatabase = 0 then 'ALTER ROLE ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(s.setrole))
            else 'ALTER ROLE ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(s.setrole)) || ' IN DATABASE'
       end || ' … SET',
       pg_catalog.split_part(g.setting, '=', 1), pg_catalog.substr(g.setting, pg_catalog.strpos(g.setting, '=') + 1)
from pg_catalog.pg_db_role_setting s cross join lateral pg_catalog.unnest(s.setconfig) as g (setting)
where s.setdatabase in (0, (select d.oid from pg_catalog.pg_database d where d.datname = current_database()))
order by 1, 2
"""
_ALL_SEEN = "select pg_catalog.pg_has_role(current_user, 'pg_read_all_settings', 'USAGE')"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    #: In the setting's own unit.
    value: str
    default: str
    unit: str
    source: str
    category: str
    type: str

    @property
    def given(self) -> bool:
        return self.source not in _NOT_GIVEN


def compare(
    source: Connection, server: Connection, *, ours: bool
) -> tuple[list[Given], list[Default], list[NotVerified]]:
    """Compare the settings of a live source with what the next major's server knows and has by default.

    :param ours: the server of the next major is ours alone: values are tried on it too.
    """
    before, after = _read(source), _read(server)
    wanted = [Given(name=name, value=row.value, where=CONFIGURATION) for name, row in before.items() if row.given]
    wanted += [
        Given(name=name, value=value, where=where) for where, name, value in source.execute(_ALTERED) if "." not in name
    ]
    given = list(_not_taken(wanted, server, after, ours=ours))
    meaning = listed(source).keys() | listed(server).keys()
    defaults = [
        Default(name=name, before=_shown(row), after=_shown(after[name]), meaning=name.lower() in meaning)
        for name, row in before.items()
        if not row.given and name in after and _differs(name, row, after[name])
    ]
    if CHECKSUMS_BY_DEFAULT.tells_apart(version(source).major, version(server).major):
        defaults += [_CHECKSUMS] * (before["data_checksums"].value == "off")
    gaps: list[NotVerified] = []
    if source.execute(_ALL_SEEN).fetchone() != (True,):
        reason = "who reads the source may not see those of superusers alone: grant it pg_read_all_settings"
        gaps.append(NotVerified(object="settings", reason=reason))
    return given, defaults, gaps


def recorded(
    source: Mapping[str, Setting], server: Connection, *, ours: bool
) -> tuple[list[Given], list[Default], list[NotVerified]]:
    """Compare the settings that a backup's facts hold: those that change what a statement does or means."""
    after = _read(server)
    wanted = [
        Given(name=one.name, value=one.value, where=CONFIGURATION)
        for one in source.values()
        if one.value is not None and not one.usual and "." not in one.name
    ]
    given = list(_not_taken(wanted, server, after, ours=ours))
    there = listed(server)
    defaults = [
        Default(name=one.name, before=one.value, after=_shown(after[one.name]), meaning=True)
        for one in source.values()
        if one.usual and one.value is not None and one.name in after and one.name.lower() in there
        and after[one.name].default != one.value and not _usual_itself(one.name, one.value)
    ]  # fmt: skip
    reason = "a backup tells the settings that change what statements do, and the server could not be asked for others"
    return given, defaults, [NotVerified(object="settings", reason=reason)]


def _usual_itself(name: str, value: str) -> bool:
    """Tell whether a value is a default that is not the server's own: the encoding of the database, UTC."""
    return name in {"client_encoding", "timezone_abbreviations"} or (name == "TimeZone" and value in {"UTC", "Etc/UTC"})


def _read(connection: Connection) -> dict[str, _Row]:
    return {
        name: _Row(
            value=value or "", default=default or "", unit=unit or "", source=where, category=category, type=kind
        )
        for name, value, unit, default, where, category, kind in connection.execute(_SETTINGS)
    }


def _differs(name: str, before: _Row, after: _Row) -> bool:
    of_build = name in _OF_BUILD or {before.category, after.category} & _CATEGORIES_OF_BUILD
    defaults = frozenset({before.default, after.default})
    return not of_build and len(defaults) > 1 and defaults != _NOTHING


def _shown(row: _Row) -> str:
    """Return a default for people: some units are numbers themselves."""
    if not row.unit:
        return row.default
    return f"{row.default} times {row.unit}" if row.unit[0].isdigit() else f"{row.default}{row.unit}"


def _not_taken(wanted: list[Given], server: Connection, after: Mapping[str, _Row], *, ours: bool) -> Iterator[Given]:
    """Yield what the server does not know, under an old name either, and values that it refuses."""
    for one in wanted:
        row = after.get(one.name)
        if row is None:
            found = server.execute("select pg_catalog.current_setting(%s, true) is null", (one.name,)).fetchone()
            if found == (True,):
                yield one
        elif ours and row.category != "Preset Options" and row.type in _SELF_CONTAINED and one.value != row.value:
            said = _refused(server, one)
            if said is not None:
                yield Given(name=one.name, value=one.value, where=one.where, refused=said)


def _refused(server: Connection, one: Given) -> str | None:
    """Return what the server says against a value: it is written into its configuration, and taken out again."""
    try:
        server.execute(sql.SQL("alter system set {} = {}").format(sql.Identifier(one.name), sql.Literal(one.value)))
        server.execute(sql.SQL("alter system reset {}").format(sql.Identifier(one.name)))
    except psycopg.Error as error:
        return said_by(error)
    return None

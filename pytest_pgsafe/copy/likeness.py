"""The copy has what the source's server has: settings that change what a statement does or means, and roles."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import psycopg
from psycopg import sql

from ..backup.archive import Archive
from ..backup.complete import GLOBALS
from ..backup.globals import of_globals
from ..catalog.names import unquoted
from ..catalog.settings import listed
from ..catalog.values import Catalog, Role, Setting
from ..errors import RestoreError
from ..server.address import Address
from ..server.base import Server
from ..server.connection import Connection, connect
from ..server.settings import alter, assignment
from ..snapshot.values import NotVerified

_SECRET = re.compile(r"\..*(pass|secret|token|credential|key)", re.IGNORECASE)
#: With which a server starts; no session can be given another.
STARTED_WITH = ("max_prepared_transactions", "track_commit_timestamp")
#: What the copy is never given, and why.
_NOT_GIVEN = {
    "session_preload_libraries": "a library of the source's server is not loaded here",
    "local_preload_libraries": "a library of the source's server is not loaded here",
    "default_tablespace": "the copy has no tablespaces: what is created lies in the default one",
    "event_triggers": "the copy runs event triggers: locks are observed by them",
}


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """What the scratch server is to have in common with the source's server."""

    #: By name in lower case; None where nobody could ask.
    settings: Mapping[str, Setting] | None = None
    #: All roles of the source's cluster, by name as quote_ident writes it.
    roles: Mapping[str, Role] = field(default_factory=dict[str, Role])
    #: Those that the configuration names.
    configured: frozenset[str] = frozenset()
    #: Give it to the whole server, which serves this source alone; else to the copy.
    whole: bool = True
    #: Where the source has a default, the copy has its own server's: that of the major that the source is to become.
    own_defaults: bool = False
    #: Say what could not be given: nothing runs in a copy that is only compared.
    noted: bool = True

    @property
    def unusual(self) -> Mapping[str, str]:
        """What is not PostgreSQL's default, for the report: no value whose name says that it is a secret."""
        found: Mapping[str, Setting] = {} if self.settings is None else self.settings
        return {
            one.name: "***" if _SECRET.search(one.name) else one.value
            for one in found.values()
            if one.value is not None and not one.usual
        }

    def startup(self) -> dict[str, str]:
        """Return lines of postgresql.conf for a server of ours."""
        found: Mapping[str, Setting] = {} if self.settings is None else self.settings
        chosen = {name: found[name].value for name in STARTED_WITH if name in found}
        return {name: value for name, value in chosen.items() if value is not None}


def likeness(
    facts: Catalog | None,
    configured: tuple[tuple[str, str], ...] = (),
    *,
    archive: Archive | None = None,
    role: str | None = None,
    whole: bool = True,
) -> Likeness:
    """Return what is known of a source's server; what the configuration says goes before what was read.

    :param archive: a backup: ``globals.sql`` beside it has the cluster's roles where its facts have not.
    :param role: who runs the migration: no other role that is made for its name alone is a superuser.
    """
    known = None if facts is None else facts.settings
    roles = {
        name: one if unquoted(name) == role else replace(one, superuser=False)
        for name, one in _roles(facts, archive).items()
    }
    if known is None and not configured:
        return Likeness(roles=roles, whole=whole)
    found = {} if known is None else {name.lower(): one for name, one in known.items()}
    for name, value in configured:
        own = found.get(name)
        found[name] = Setting(name=name if own is None else own.name, value=value, usual=False)
    named = frozenset(name for name, _ in configured)
    return Likeness(settings=found, roles=roles, configured=named, whole=whole)


def _roles(facts: Catalog | None, archive: Archive | None) -> Mapping[str, Role]:
    if facts is not None and facts.cluster_roles is not None:
        return facts.cluster_roles
    if archive is None:
        return {}
    beside = (archive.path.parent if archive.folder is None else archive.folder) / GLOBALS
    if beside.is_file():
        return of_globals(beside)
    return of_globals(archive.path) if archive.form == "plain" else {}


def give(wanted: Likeness, server: Server, address: Address) -> tuple[frozenset[str], tuple[NotVerified, ...]]:
    """Give the sessions of a copy the settings of the source's server.

    On a server of ours that serves one source they are those of all sessions (ALTER ROLE ALL), else those of the
    database, where its own do not say otherwise. What is set for a role goes before both.

    :returns: the names, in lower case, of those that became the database's; and what could not be given.
    :raises RestoreError: one that the configuration names is refused.
    """
    if wanted.settings is None:
        return frozenset(), ()
    whole = wanted.whole and server.owns_cluster
    made: set[str] = set()
    notes: list[NotVerified] = []
    with connect(address) as session:
        there = listed(session)
        known = {str(name) for (name,) in session.execute("select pg_catalog.lower(name) from pg_catalog.pg_settings")}
    with connect(server.address(), read_only=False) as session:
        for name, setting in wanted.settings.items():
            ours = there.get(name)
            if ours is None and name in known and name not in wanted.configured:
                # The database's own, which was carried over.
                continue
            if setting.value is None:
                notes.append(_note(setting, "the role that reads the source has its own, which hides the server's"))
            elif _as_it_is(setting, ours, own_defaults=wanted.own_defaults):
                continue
            elif name in STARTED_WITH:
                told = "another" if ours is None else ours.value
                notes.append(_note(setting, f"it is {setting.value} in the source, and {told} on this server"))
            elif name in _NOT_GIVEN:
                notes.append(_note(setting, f"it is {setting.value!r} in the source; {_NOT_GIVEN[name]}"))
            elif said := _set(session, setting, None if whole else address.dbname):
                if name in wanted.configured:
                    raise RestoreError(
                        f"[source] settings: the scratch server refuses {name}",
                        looked_at=[f"{name} = {setting.value!r}: {said}"],
                        remedies=["write it as SHOW says it on the source's server"],
                    )
                notes.append(_note(setting, f"it is {setting.value!r} in the source, which fails here: {said}"))
            elif not whole:
                made.add(name)
    return frozenset(made), tuple(notes) if wanted.noted else ()


def _as_it_is(setting: Setting, ours: Setting | None, *, own_defaults: bool) -> bool:
    """Tell whether the server has a setting already as the copy is to have it."""
    if ours is None:
        return setting.usual
    return ours.value == setting.value or (own_defaults and setting.usual and ours.usual)


def _note(setting: Setting, reason: str) -> NotVerified:
    return NotVerified(object=f"setting {setting.name}", reason=reason)


def _set(session: Connection, setting: Setting, database: str | None) -> str | None:
    """Set it; return what the server said against it."""
    text = f"{setting.name}={setting.value}"
    try:
        if database is None:
            session.execute(sql.SQL("ALTER ROLE ALL SET {}").format(assignment(text)))
        else:
            session.execute(alter(database, text))
    except psycopg.Error as error:
        return str(error).splitlines()[0]
    return None

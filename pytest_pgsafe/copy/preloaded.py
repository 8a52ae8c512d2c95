"""Libraries that a role's or a database's sessions load, where the scratch server has none of that name.

Nobody could log in with such a setting. So it is left out, and told: what the library does in the source's sessions,
it does not do here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import psycopg
from psycopg import sql

from ..catalog.values import Catalog, Role
from ..server.base import Server
from ..server.connection import Connection, connect
from ..server.lists import split_list
from ..snapshot.session import reason as said_by
from ..snapshot.values import NotVerified

#: Settings, and where a name without a folder is looked for.
SETTINGS = {"session_preload_libraries": "", "local_preload_libraries": "$libdir/plugins/"}


def lacking(server: Server, facts: Catalog | None, others: Mapping[str, Role]) -> tuple[NotVerified, ...]:
    """Return a note for each setting that names a library which the server cannot load; none names its value.

    :param others: roles of the source's cluster.
    """
    found = dict.fromkeys(setting for one in _all(facts, others) for setting in one if _name(setting) in SETTINGS)
    if not found:
        return ()
    with connect(server.address(), read_only=False) as session:
        return tuple(
            NotVerified(object=f"setting {setting}", reason=f"not loaded here: {why}")
            for setting in found
            if (why := refusal(session, setting))
        )


def refusal(session: Connection, setting: str) -> str | None:
    """Return why a server cannot load the libraries of a setting, ``name=value``; None if it can."""
    for library in _libraries(setting):
        try:
            session.execute(sql.SQL("LOAD {}").format(sql.Literal(library)))
        except psycopg.errors.InsufficientPrivilege:
            # Who may not load it may not set it either, which is told.
            continue
        except psycopg.Error as error:
            return said_by(error)
    return None


def without(facts: Catalog, notes: tuple[NotVerified, ...]) -> Catalog:
    """Return a catalog without the settings that :func:`lacking` has noted."""
    gone = {note.object for note in notes}
    return replace(
        facts,
        database=replace(facts.database, settings=_kept(facts.database.settings, gone)),
        roles=roles_without(facts.roles, notes),
    )


def roles_without(roles: Mapping[str, Role], notes: tuple[NotVerified, ...]) -> Mapping[str, Role]:
    """Return roles without the settings that :func:`lacking` has noted."""
    gone = {note.object for note in notes}
    return {
        name: replace(role, settings=_kept(role.settings, gone), database_settings=_kept(role.database_settings, gone))
        for name, role in roles.items()
    }


def _kept(settings: tuple[str, ...], gone: set[str]) -> tuple[str, ...]:
    return tuple(setting for setting in settings if f"setting {setting}" not in gone)


def _all(facts: Catalog | None, others: Mapping[str, Role]) -> Iterator[tuple[str, ...]]:
    if facts is not None:
        yield facts.database.settings
    for roles in [others] if facts is None else [others, facts.roles]:
        for role in roles.values():
            yield from (role.settings, role.database_settings)


def _name(setting: str) -> str:
    return setting.partition("=")[0].lower()


def _libraries(setting: str) -> Iterator[str]:
    place = SETTINGS[_name(setting)]
    for name in split_list(setting.partition("=")[2]):
        if name:
            yield name if "/" in name else f"{place}{name}"

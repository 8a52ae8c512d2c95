"""How large the members of a fleet are, as far as it can be known without reading them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import psycopg

from ..errors import ConfigError, PgsafeError
from ..server.address import Address
from ..server.connection import connect
from .found import Found

#: How many members of a server are tried before it is given up.
_TRIES = 3
# A database's size is told to those who may connect to it, or read all statistics.
_SIZES = """
select datname, pg_catalog.pg_database_size(oid)
from pg_catalog.pg_database
where datname = any (%s)
  and (pg_catalog.has_database_privilege(oid, 'connect') or pg_catalog.pg_has_role('pg_read_all_stats', 'usage'))
"""


def sizes(members: Sequence[Found]) -> Mapping[str, int]:
    """Return the members' sizes in bytes, by name; those that cannot be had are left out.

    Each server is asked once, by one session.
    """
    found: dict[str, int] = {}
    servers: defaultdict[tuple[tuple[str, str], ...], list[tuple[Found, Address]]] = defaultdict(list)
    for member in members:
        if member.source.backup is not None:
            found[member.name] = _file(member.source.backup)
        elif member.source.dsn is not None:
            try:
                address = Address.named(member.source.dsn, member.origin)
            except ConfigError:
                # No address can hold its name.
                continue
            rest = {key: value for key, value in address.parameters.items() if key != "dbname"}
            servers[tuple(sorted(rest.items()))].append((member, address))
    for own in servers.values():
        told = _server([address for _, address in own])
        found.update({member.name: told[address.dbname] for member, address in own if address.dbname in told})
    return found


def _file(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file())


def _server(addresses: Sequence[Address]) -> Mapping[str, int]:
    names = [address.dbname for address in addresses]
    for address in addresses[:_TRIES]:
        try:
            with connect(address, statement_timeout="60s") as connection:
                return dict(connection.execute(_SIZES, (names,)).fetchall())
        except (psycopg.Error, PgsafeError):
            # It is an outcome of its own when it is judged.
            continue
    return {}

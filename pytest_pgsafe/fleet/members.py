"""Which databases a fleet has: listed, or asked of a server, which is only read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

import psycopg
from psycopg.conninfo import make_conninfo

from ..config.fleet import NAME, Entry, Fleet
from ..config.values import Source
from ..copy.source import unreachable
from ..errors import ConfigError, SourceError
from ..server.address import Address
from ..server.connection import connect
from . import names
from .found import Found

#: What stands for a name while an address is read.
_PLACE = "pgsafe0member0name"
#: Endings of a dump's file that are no part of a member's name.
_ENDINGS = re.compile(r"(?:\.(?:dump|sql|backup|custom|tar|pgdump|gz|bz2|xz|zst|lz4|zip))+\Z", re.IGNORECASE)
_DATABASES = b"""
select datname from pg_catalog.pg_database where datallowconn and not datistemplate order by datname collate "C"
"""


def listed(fleet: Fleet) -> tuple[Found, ...] | None:
    """Return the members if they are known without asking any server, else None.

    :raises ConfigError: a member is named twice, or there is none.
    """
    if any(entry.asks for entry in fleet.entries):
        return None
    return find(fleet)


def find(fleet: Fleet) -> tuple[Found, ...]:
    """Return all members, in the order in which they were named.

    :raises ConfigError: a name is no name, stands there twice, or there are none.
    :raises SourceError: nobody answers who could name them.
    """
    found: dict[str, Found] = {}
    for entry in fleet.entries:
        members = tuple(_members(entry, fleet))
        if not members:
            raise ConfigError(
                f"{entry.origin}: no member was found, and a fleet without members judges nothing",
                looked_at=[_looked_at(entry)],
                remedies=["correct the query, the pattern or the folder"],
            )
        for member in members:
            other = found.get(member.name)
            if other is not None:
                raise ConfigError(
                    f"{entry.origin}: two members are called {member.name}",
                    looked_at=[other.origin, member.origin],
                    remedies=['name each once; names = ["NAME"] beside a whole dsn gives one another name'],
                )
            found[member.name] = member
    return tuple(found.values())


def _members(entry: Entry, fleet: Fleet) -> Iterable[Found]:
    def found(name: str, source: Source, database: str) -> Found:
        common = {"jobs": fleet.jobs, "settings": fleet.settings, "rows": fleet.rows}
        return Found(
            name=names.escaped(name), database=database, origin=entry.origin,
            source=Source(dsn=source.dsn, backup=source.backup, **common),  # type: ignore[arg-type]
        )  # fmt: skip

    if entry.backups is not None:
        for path in sorted(entry.backups.iterdir()):
            if not path.name.startswith("."):
                name = path.name if path.is_dir() else _ENDINGS.sub("", path.name)
                yield found(name, Source(backup=path), name)
        return
    if entry.query is not None:
        for number, row in enumerate(_asked(entry), 1):
            own, dsn = _row(row, number, entry)
            address = _placed(entry, own) if dsn is None else _address(dsn, f"{entry.origin} names, row {number}")
            yield found(address.dbname if own is None else own, _source(address), address.dbname)
        return
    if entry.pattern is not None:
        yield from (found(name, _source(at), at.dbname) for name, at in _matching(entry, entry.pattern))
        return
    if entry.names and entry.dsn is not None and NAME in entry.dsn:
        for name in entry.names:
            address = _placed(entry, name)
            yield found(name, _source(address), address.dbname)
        return
    assert entry.dsn is not None
    address = _address(entry.dsn, entry.origin)
    if not entry.names and not address.dbname:
        raise ConfigError(
            f"{entry.origin}: an address without a database names no member",
            remedies=["write postgresql://host/DATABASE, or dbname=DATABASE"],
        )
    yield found(entry.names[0] if entry.names else address.dbname, _source(address), address.dbname)


def _source(address: Address) -> Source:
    return Source(dsn=make_conninfo(**address.parameters))


def _address(dsn: str, origin: str) -> Address:
    return Address.named(dsn, origin)


def _placed(entry: Entry, name: str | None) -> Address:
    """Return the entry's address with a name in its place: a name means nothing to libpq, whatever it holds."""
    assert entry.dsn is not None
    assert name is not None
    if "\0" in name:
        raise ConfigError(f"{entry.origin}: a name holds NUL, which no database's can")
    address = _address(entry.dsn.replace(NAME, _PLACE), f"{entry.origin} dsn")
    return address.with_(**{key: value.replace(_PLACE, name) for key, value in address.parameters.items()})


def _matching(entry: Entry, pattern: str) -> Iterable[tuple[str, Address]]:
    """Return name and address of each database that fits a pattern.

    :raises ConfigError: the address has no place for one.
    """
    assert entry.dsn is not None
    address = _address(entry.dsn.replace(NAME, _PLACE), f"{entry.origin} dsn")
    # One word for the database: the pattern stands where its name would.
    template = _PLACE if address.dbname == pattern else address.dbname
    before, _, after = template.partition(_PLACE)
    at = address.with_(dbname="postgres") if entry.catalog is None else _address(entry.catalog, entry.origin)
    for row in _rows(at, _DATABASES, f"{entry.origin} names"):
        database = str(row[0])
        if not fnmatchcase(database, pattern):
            continue
        inner = database.removeprefix(before).removesuffix(after)
        if before + inner + after != database or not inner:
            raise ConfigError(
                f"{entry.origin}: the database {database} fits the pattern {pattern}, and dsn cannot lead to it",
                remedies=[f"write {NAME} for the whole name of the database in dsn"],
            )
        yield inner, address.with_(dbname=database)


def _asked(entry: Entry) -> Sequence[Sequence[object]]:
    assert entry.query is not None
    assert entry.catalog is not None
    return _rows(_address(entry.catalog, f"{entry.origin} catalog"), entry.query.encode(), f"{entry.origin} names")


def _rows(address: Address, query: bytes, origin: str) -> Sequence[Sequence[object]]:
    try:
        with connect(address, statement_timeout="60s", lock_timeout="10s", autocommit=False) as connection:
            # The query is theirs, and finds what it finds in psql.
            connection.execute("set local search_path to default")
            # By a protocol that takes one statement: a second one could ask for a transaction that writes.
            with connection.cursor() as cursor:
                return list(cursor.stream(query))
    except psycopg.OperationalError as error:
        said = unreachable(address, error)
        raise SourceError(f"{origin}: {said.message}", looked_at=said.looked_at, remedies=said.remedies) from error
    except psycopg.Error as error:
        raise ConfigError(
            f"{origin}: the query fails", looked_at=[str(address), str(error).strip().splitlines()[0]],
            remedies=["the query is run in a transaction that is read only, as one statement"],
        ) from error  # fmt: skip


def _row(row: Sequence[object], number: int, entry: Entry) -> tuple[str | None, str | None]:
    """Return name and connection string of a row of the query; either may have to be derived from the other.

    :raises ConfigError: it has NULL, or as many columns as nothing means.
    """
    most = 1 if entry.dsn is not None else 2
    if len(row) > most:
        wanted = "a name" if most == 1 else "a connection string, or a name and a connection string"
        raise ConfigError(f"{entry.origin} names: the query returns {len(row)} columns, and {wanted} is wanted")
    for value in row:
        if value is None or not str(value).strip():
            what = "NULL" if value is None else "an empty text"
            raise ConfigError(
                f"{entry.origin} names: row {number} of the query has {what}, which names no member",
                remedies=["leave such rows out: … where … is not null"],
            )
    texts = [str(value) for value in row]
    if entry.dsn is not None:
        return texts[0], None
    return (texts[0], texts[1]) if len(texts) == most else (None, texts[0])


def _looked_at(entry: Entry) -> str:
    return entry.query or entry.pattern or str(entry.backups)

"""What assertions look at: databases that are alive, and recorded facts."""

from __future__ import annotations

import difflib
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from ..catalog.names import means
from ..errors import ConfigError
from ..server.address import Address
from ..server.connection import Connection, connect
from ..snapshot.values import Snapshot
from .database import Readable

#: A database of a fixture, a libpq URI, or facts that were taken before.
Looked = Readable | Snapshot | str


def address_of(database: Readable | str) -> Address:
    """Return where a database is.

    :raises ConfigError: the text is no URI.
    """
    if isinstance(database, Readable):
        return database.address
    return Address.named(database, "the database")


@contextmanager
def session(database: Readable | str) -> Generator[Connection]:
    """Open a session in which facts are read: read-only, with pinned settings."""
    with connect(address_of(database)) as connection:
        yield connection


def the_one(wanted: str, names: Iterable[str], what: str) -> str:
    """Return the one name that is meant.

    :raises ConfigError: none is, or several are; with the candidates.
    """
    names = tuple(names)
    found = [name for name in names if name == wanted] or [name for name in names if means(name, wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError(f"{wanted!r} is ambiguous", looked_at=found[:10], remedies=[f"write the schema: {found[0]}"])
    short = [name.partition(".")[2] for name in names]
    near = difflib.get_close_matches(wanted, [*names, *short], n=3, cutoff=0.6)
    raise ConfigError(f"there is no {what} {wanted!r}", remedies=[f"did you mean {name}?" for name in near])

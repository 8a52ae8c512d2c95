"""The facts of whatever has some: a file of a snapshot, a backup, a database."""

from __future__ import annotations

from pathlib import Path

import psycopg

from ..backup import manifest
from ..config.forms import is_dsn
from ..copy.source import unreachable
from ..progress import Progress
from ..server.address import Address
from ..server.connection import connect
from ..snapshot.file import load
from ..snapshot.take import take
from ..snapshot.values import Snapshot


def of(word: str, base: Path, progress: Progress) -> Snapshot:
    """Return the facts of a path or of an address.

    :raises UsageError: there are none.
    :raises BackupError: the backup is not what its manifest says.
    """
    path = base / Path(word).expanduser()
    if path.is_dir():
        manifest.read(path, progress)
        return manifest.facts(path)
    if path.is_file() or not is_dsn(word):
        return load(path)
    address = Address.named(word, "the argument")
    progress("snapshot")
    return of_address(address)


def of_address(address: Address) -> Snapshot:
    """Read the facts of a database.

    :raises SourceError: it cannot be reached.
    """
    try:
        connection = connect(address, lock_timeout="30s")
    except psycopg.Error as error:
        raise unreachable(address, error) from error
    with connection:
        return take(connection)

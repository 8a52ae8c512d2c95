"""What lies in a store: one index for each backup, written last, so that half an upload is none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ..catalog import codec
from ..errors import StorageError

FORMAT = "pgsafe-stored/1"
#: The object that makes a backup of the objects beside it. It holds no secret and is never encrypted by us.
INDEX = "pgsafe-stored.json"

Encryption = Literal["age"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file of the backup and the object that holds it."""

    #: Relative to the backup's folder, with forward slashes.
    path: str
    bytes: int
    sha256: str
    #: The object's name, relative to the index; its size and hash differ from the file's if it is encrypted.
    key: str
    stored_bytes: int
    stored_sha256: str


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A complete backup in a store."""

    format: str
    #: Below the address: the environment and the name of the backup's folder.
    name: str
    #: The moment of the backup's snapshot, in UTC.
    taken_at: datetime
    encryption: Encryption | None
    entries: tuple[Entry, ...]


def dumps(stored: Stored) -> bytes:
    """Write the index as JSON."""
    return codec.dumps(stored)


def loads(data: bytes, where: str) -> Stored:
    """Read an index.

    :param where: its address, for the message.
    :raises StorageError: it is damaged, or of another format.
    """
    try:
        stored = codec.loads(Stored, data)
    except ValueError as error:
        raise StorageError("the index of a stored backup cannot be read", looked_at=[f"{where}: {error}"]) from error
    if stored.format != FORMAT:
        raise StorageError(
            f"the stored backup has the format {stored.format}, not {FORMAT}",
            looked_at=[where],
            remedies=["use the release of pytest-pgsafe that wrote it, or a newer one"],
        )
    return stored

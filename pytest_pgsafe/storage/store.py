"""The interface of a store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..progress import Moved


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a store is asked for; object storage only."""

    #: ``AES256`` or ``aws:kms``: what the server has to encrypt with, and has to say that it did.
    encryption: str | None = None
    kms_key: str | None = None
    #: ``STANDARD_IA``, ``GLACIER`` … of the backup's files; the index stays where it can be read.
    storage_class: str | None = None
    #: The server's address; None is boto3's: ``AWS_ENDPOINT_URL_S3``, a profile's, Amazon's.
    endpoint: str | None = None


class Store(Protocol):
    """Objects by name below one address. A name has forward slashes, and never begins with one.

    Every method raises StorageError when the store refuses or fails; UsageError when it cannot be reached at all.
    """

    def put(self, path: Path, name: str, *, sha256: str, moved: Moved | None = None) -> None:
        """Upload a file, in parts if it is large, where it can be read back at once.

        :param moved: called with the number of bytes that were sent since the last call.
        """
        ...

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the content of an object."""
        ...

    def names(self) -> list[str]:
        """List every object below the address."""
        ...

    def settle(self, name: str) -> None:
        """Move an object that was verified to the storage class where it is kept."""
        ...

    def thaw(self, name: str, *, days: int) -> bool:
        """Say whether an object can be read now; if it is archived ask for a copy that can be, for so many days.

        With no days nothing is asked for.
        """
        ...

    def at(self, name: str) -> Store:
        """Return the store below that name."""
        ...

"""A backup wherever it lies: on this machine as it is, off site by a copy that lives as long as it is used."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ConfigError
from ..progress import SILENT, Progress
from ..server.private import private_folder
from .open import open_store
from .pull import pull
from .store import Options


def is_url(word: str) -> bool:
    """Tell whether a word is the address of a store, not a path."""
    return "://" in word


@contextmanager
def at_hand(
    word: str, *, name: str | None = None, identity: Path | None = None, options: Options | None = None,
    progress: Progress = SILENT,
) -> Generator[Path, None, None]:  # fmt: skip
    """Yield the path of a backup; of ``s3://BUCKET/PREFIX`` or ``file:///PATH`` that of a private copy.

    It is made below the system's temporary folder, if there is room for it, each file of it is proven, and it is gone
    afterwards.

    :param name: of several backups in the store, with its environment or without; None is the latest.
    :param identity: the file of private keys for one that was encrypted before the upload.
    :param options: of the store.
    :raises UsageError: no such store or backup, no identity, too little disk.
    :raises StorageError: an object is missing, damaged, or archived; archived ones are asked for, and can be had later.
    """
    if not is_url(word):
        if name is not None or identity is not None:
            raise ConfigError(
                "--name and --identity are for a backup in a store, and this is a path",
                looked_at=[word],
                remedies=["name the folder of the backup itself"],
            )
        yield Path(word).expanduser().absolute()
        return
    store = open_store(word, options)
    with private_folder("fetched", swept=True) as folder:
        yield pull(store, folder, name=name, identity=identity, progress=progress, durable=False)

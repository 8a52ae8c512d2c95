"""A cluster's files as a source: a base backup with its WAL, or the data directory of a server that is stopped."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Literal

from ..errors import ConfigError
from .engines import file, words
from .values import Cluster

_EXAMPLES = {
    "basebackup": "base=DIR archive=DIR dbname=crm",
    "pgdata": "data=/var/lib/postgresql/17/main dbname=crm",
}
_OWN = {"basebackup": ("base", "archive"), "pgdata": ("data",)}
_COMMON = ("dbname", "superuser", "facts")


def kind_of(text: str) -> Literal["basebackup", "pgdata"] | None:
    """Tell whether a word names a cluster's files: ``basebackup:…`` or ``pgdata:…``."""
    for kind in ("basebackup", "pgdata"):
        if text.startswith(f"{kind}:"):
            return "pgdata" if kind == "pgdata" else "basebackup"
    return None


def cluster(kind: Literal["basebackup", "pgdata"], text: str, *, base: Path, origin: str) -> Cluster:
    """Read the words of a source.

    :param text: ``base=DIR archive=DIR dbname=crm``, or ``data=DIR dbname=crm``.
    :param base: what paths are relative to.
    :raises ConfigError: a word is not known, has no value, or is missing; a folder is not there.
    """
    example = f"{kind}:{_EXAMPLES[kind]}"
    given = words(text, origin=origin, example=example)
    known = (*_OWN[kind], *_COMMON)
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            remedy = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            raise ConfigError(f"{origin}: {kind} knows no word {name!r}", remedies=[remedy])
    first = _OWN[kind][0]
    if first not in given:
        raise ConfigError(f"{origin}: {first} is not said", remedies=[f"write {example}"])
    archive = given.get("archive")
    return Cluster(
        kind=kind,
        path=_folder(given[first], first, base=base, origin=origin),
        archive=None if archive is None else _folder(archive, "archive", base=base, origin=origin),
        dbname=given.get("dbname"),
        superuser=given.get("superuser", "postgres"),
        facts=file(given.get("facts"), "facts", base=base, origin=origin),
    )


def _folder(text: str, word: str, *, base: Path, origin: str) -> Path:
    path = (base / Path(text).expanduser()).absolute()
    if not path.is_dir():
        raise ConfigError(f"{origin}: the folder of {word} does not exist", looked_at=[str(path)])
    return path

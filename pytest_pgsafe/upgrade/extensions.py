"""Extensions that are of another version in the next major."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..catalog.names import unquoted
from ..catalog.values import Extension as Installed
from ..server.connection import Connection
from .values import Extension

_PATH = "select path is not null from pg_catalog.pg_extension_update_paths(%s) where source = %s and target = %s"


def compare(source: Mapping[str, Installed], copy: Mapping[str, Installed], server: Connection) -> Iterator[Extension]:
    """Yield the extensions of the source that the copy has in another version."""
    for name, before in source.items():
        after = copy.get(name)
        if after is None or after.version == before.version:
            continue
        found = server.execute(_PATH, (unquoted(name), before.version, after.version)).fetchone()
        yield Extension(name=name, before=before.version, after=after.version, updatable=found == (True,))

"""Asking a server by the room's own queries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..catalog.queries import queries
from ..server.connection import Connection, version


def ask(connection: Connection, kind: str) -> Iterator[Any]:
    """Return the rows of the query in ``sql`` of this name, as it fits the server's major."""
    return iter(connection.execute(queries(version(connection).major, "pytest_pgsafe.upgrade")[kind]))

"""The queries of the catalog, one file for each kind of object."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def queries(major: int, package: str = "pytest_pgsafe.catalog") -> Mapping[str, bytes]:
    """Return the queries for a server's major version by kind: for each the newest file not newer than the server.

    ``table.sql`` fits every major from 14 on, ``index.15.sql`` takes the place of ``index.sql`` from 15 on. A file is
    one statement that ``psql -f`` runs as it stands.

    :param package: the room whose folder ``sql`` it is.
    """
    newest: dict[str, tuple[int, bytes]] = {}
    for file in files(package).joinpath("sql").iterdir():
        kind, *since, suffix = file.name.split(".")
        number = int(since[0]) if since else 0
        if suffix == "sql" and number <= major and number >= newest.get(kind, (0, b""))[0]:
            newest[kind] = number, file.read_bytes()
    return {kind: query for kind, (_, query) in sorted(newest.items())}

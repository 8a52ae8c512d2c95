"""A member of a fleet as it was found, before anybody looked into it."""

from __future__ import annotations

from dataclasses import dataclass

from ..config.values import Source


@dataclass(frozen=True, kw_only=True)
class Found:
    """One member, with what it is judged by."""

    #: As it stands in ``pgsafe.toml[NAME]``: :func:`~.names.escaped`.
    name: str
    #: The database's own name, or the file's.
    database: str
    source: Source
    #: Which entry named it, for people.
    origin: str

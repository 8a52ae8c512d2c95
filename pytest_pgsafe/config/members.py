"""``[[source.fleet]]`` and ``[fleet]``: the keys, and the fleet that they, or several sources, are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from ..errors import ConfigError
from . import address, forms
from .fleet import NAME, Entry, Fleet, is_query, sample
from .words import Duration, Section, Text


def _sample(text: str) -> str:
    sample(text)
    return text


class MembersSection(Section):
    """One ``[[source.fleet]]``."""

    dsn: Text | None = None
    names: list[Text] | Text | None = None
    catalog: Text | None = None
    backups: Text | None = None

    @model_validator(mode="after")
    def _together(self) -> MembersSection:
        if self.backups is not None:
            if self.dsn is not None or self.names is not None or self.catalog is not None:
                raise ValueError("backups is a folder of members, and stands alone")
            return self
        query = isinstance(self.names, str) and is_query(self.names)
        if self.dsn is None and not query:
            raise ValueError(
                f'wanted dsn = "postgresql://host/{NAME}" with names, or names = a query that returns connection '
                "strings, or backups"
            )
        if self.names == []:
            raise ValueError("names is empty: a fleet without members judges nothing")
        if self.catalog is not None and not isinstance(self.names, str):
            raise ValueError("catalog is asked for names, and here nobody is: leave it out, or write names as a query")
        placed = self.dsn is not None and NAME in self.dsn
        one = self.names is None or (isinstance(self.names, list) and len(self.names) == 1)
        if placed and self.names is None:
            raise ValueError(f"dsn has {NAME}, and names is missing: a query, a list, or a pattern such as tenant_*")
        if self.dsn is not None and not placed and not one:
            raise ValueError(f"dsn has no {NAME}: all members would be one database")
        return self


class FleetSection(Section):
    """``[fleet]``: how a fleet is judged."""

    sample: Annotated[Text, AfterValidator(_sample)] | None = None
    fail_fast: bool = False
    deadline: Duration | None = None
    source_sessions: Annotated[int, Field(ge=2, le=1000)] = 4


def is_fleet(words: Sequence[str]) -> bool:
    """Tell whether what was given as the source is several databases: more than one address, or a pattern."""
    if any(not forms.is_dsn(word) or word.startswith(forms.STORES) for word in words):
        return False
    return len(words) > 1 or any("*" in address.database(word) for word in words)


def of_words(words: Sequence[str], *, origin: str) -> tuple[Entry, ...]:
    """Return a fleet's entries of several addresses.

    :raises ConfigError: one of them cannot be used.
    """
    entries = list[Entry]()
    for word in words:
        dsn = forms.check_dsn(word, origin=origin)
        database = address.database(dsn)
        entries.append(Entry(origin=origin, dsn=dsn, pattern=database if "*" in database else None))
    return tuple(entries)


def of_sections(
    sections: Sequence[MembersSection], *, catalog: str | None, folder: Path, file: str
) -> tuple[Entry, ...]:
    """Return a fleet's entries of its tables.

    :param catalog: ``[source] dsn``, which is asked for names where an entry says nothing else.
    :param folder: what paths are relative to.
    :raises ConfigError: an address, or a folder, that cannot be used.
    """
    entries = list[Entry]()
    for number, section in enumerate(sections):
        origin = f"{file} source.fleet[{number}]"
        backups = None
        if section.backups is not None:
            backups = forms.existing(section.backups, base=folder, origin=f"{origin} backups", what="the folder")
            if not backups.is_dir():
                raise ConfigError(f"{origin} backups: {section.backups!r} is no folder", looked_at=[str(backups)])
        text = section.names if isinstance(section.names, str) else None
        query = text if text is not None and is_query(text) else None
        # A name in the place of NAME, so that what is read is an address.
        if section.dsn is not None:
            forms.check_dsn(section.dsn.replace(NAME, "name"), origin=f"{origin} dsn")
        asked = None if text is None else section.catalog
        if query is not None and asked is None:
            asked = catalog
            if asked is None:
                raise ConfigError(
                    f"{origin} names: nobody can be asked for them",
                    remedies=['write [source] dsn = "…" before it, or catalog = "…" beside names'],
                )
        entries.append(
            Entry(
                origin=origin, dsn=None if section.dsn is None else address.tidied(section.dsn),
                names=tuple(section.names) if isinstance(section.names, list) else (),
                query=query, pattern=text if query is None else None,
                catalog=None if asked is None else forms.check_dsn(asked, origin=f"{origin} catalog"), backups=backups,
            )
        )  # fmt: skip
    return tuple(entries)


def fleet(entries: tuple[Entry, ...], section: FleetSection) -> Fleet:
    """Return a fleet of its entries and of ``[fleet]``."""
    return Fleet(
        entries=entries,
        sample=None if section.sample is None else sample(section.sample),
        fail_fast=section.fail_fast,
        deadline=None if section.deadline is None else forms.duration(section.deadline),
        source_sessions=section.source_sessions,
    )

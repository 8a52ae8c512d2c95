"""Options that PostgreSQL documents, apart from the rest, which is not compared.

Facts that an older release wrote have both in one place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from .options import Place, is_documented, is_internal
from .stored import documented
from .values import Catalog, Column, Definition, Index, Table, Unknown, View

__all__ = ["parted"]

Optional = TypeVar("Optional", Table, Column, Index, View)

#: What older releases wrote of a column that is not a table's.
_LISTED = re.compile(r"(?:^|, )options \{(?P<options>[^{}]*)\}$")


def parted(catalog: Catalog) -> Catalog:
    """Return a catalog whose objects have documented options alone; the others stand in ``unknown``."""
    found = dict(catalog.unknown)
    return replace(
        catalog,
        tables=_parted("table", catalog.tables, found),
        columns=_parted("column", catalog.columns, found),
        indexes=_parted("index", catalog.indexes, found),
        views=_parted("view", catalog.views, found),
        definitions=_without(catalog.definitions),
        unknown=dict(sorted(found.items())),
    )


def _parted(place: Place, objects: Mapping[str, Optional], found: dict[str, Unknown]) -> Mapping[str, Optional]:
    changed: dict[str, Optional] = {}
    for name, one in objects.items():
        # A materialised view has the options of a table.
        of: Place = "table" if isinstance(one, View) and one.materialized else place
        further = [option for option in one.options if not is_documented(of, option.partition("=")[0])]
        if not further:
            continue
        changed[name] = replace(one, options=tuple(option for option in one.options if option not in further))
        if isinstance(one, Index):
            # PostgreSQL prints them there, too.
            changed[name] = replace(changed[name], definition=documented(one.definition))
        for option in further:
            word, _, value = option.partition("=")
            if not is_internal(word):
                key = f"{place} {name} {word}"
                found[key] = Unknown(name=key, oid=one.oid, place=place, object=name, option=word, value=value)
    return {**objects, **changed} if changed else objects


def _without(definitions: Mapping[str, Definition]) -> Mapping[str, Definition]:
    """Take what is undocumented out of the definitions of columns of materialised views, as older releases wrote it."""
    changed = {
        key: replace(one, definition=_documented(one.definition))
        for key, one in definitions.items()
        if one.form == "materialized view column" and _LISTED.search(one.definition)
    }
    if not changed:
        return definitions
    kept = {**definitions, **changed}
    return {key: one for key, one in kept.items() if key not in changed or one.definition or one.comment is not None}


def _documented(definition: str) -> str:
    found = _LISTED.search(definition)
    assert found is not None
    options = [one for one in found["options"].split(",") if is_documented("column", one.partition("=")[0].strip('"'))]
    listed = f"{{{','.join(options)}}}"
    head = definition[: found.start()]
    return ", ".join([*([head] if head else []), *([f"options {listed}"] if options else [])])

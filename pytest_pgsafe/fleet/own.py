"""A catalog as it would be of any member: what a tenant has of its own is written alike, and its operation left out.

A member's own name, and its database's, may stand in the names of roles and schemas. Those names, wherever a definition
has them, and strings that are such a name are written with ``{name}``. Where a table lies, how many sessions may
connect, large objects, and whether a materialised view was ever filled, are of the day or of the machine.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import fields, replace
from typing import cast

from ..catalog.names import split, unquoted
from ..catalog.values import Catalog, Database, Definition, Grant, Index, Object, Policy, Table, View
from ..compare.identity import COLLECTIONS, collection
from ..compare.renames import words
from ..compare.structure import counted
from .values import Member

#: What stands in the place of a member's name.
NAME = "{name}"
_COMPARED = tuple(name for name in COLLECTIONS if name != "roles")

Written = Callable[[str], str]


def canonical(catalog: Catalog, member: Member, shared: Collection[str] = ()) -> Catalog:
    """Return a catalog without what a member has of its own.

    :param shared: roles and schemas that others have by the same names, so that they are nobody's own.
    """
    names = own_names(member)
    own = {name: placed for name, placed in _own(catalog, names) if name not in shared}
    written = _written(own, member)
    mappings = {name: _collection(collection(catalog, name), written) for name in _COMPARED}
    database = cast("Database", _value(replace(catalog.database, connection_limit=-1), written))
    return Catalog(database=database, **mappings)  # type: ignore[arg-type]


def fingerprint(catalog: Catalog) -> str:
    """Return what two catalogs have in common if and only if nothing that counts of them differs.

    :param catalog: as :func:`canonical` returns it.
    """
    digest = hashlib.sha256()
    for line in _lines(catalog):
        digest.update(line.encode(errors="surrogatepass"))
        digest.update(b"\n")
    return digest.hexdigest()


def _lines(catalog: Catalog) -> Iterator[str]:
    yield repr([getattr(catalog.database, name) for name in counted(Database)])
    for name in _COMPARED:
        for key, value in sorted(collection(catalog, name).items()):
            yield repr((name, key, value.name, *(getattr(value, one) for one in counted(type(value)))))


def _collection(values: Mapping[str, Object], written: Written) -> dict[str, Object]:
    found: dict[str, Object] = {}
    for key, value in values.items():
        if isinstance(value, Definition) and value.form == "large objects":
            continue
        found[written(key)] = _value(_without_place(value), written)
    return found


def _without_place(value: Object) -> Object:
    if isinstance(value, View):
        return replace(value, tablespace=None, populated=True)
    return replace(value, tablespace=None) if isinstance(value, (Table, Index)) else value


def _value(value: Object, written: Written) -> Object:
    changed: dict[str, object] = {}
    for field in fields(value):
        was = getattr(value, field.name)
        now = _attribute(was, written)
        if now is not was:
            changed[field.name] = now
    return replace(value, **changed) if changed else value  # type: ignore[arg-type]


def _attribute(value: object, written: Written) -> object:
    if isinstance(value, str):
        return written(value)
    if isinstance(value, tuple):
        parts = cast("tuple[object, ...]", value)
        now = tuple(_attribute(part, written) for part in parts)
        return parts if now == parts else now
    return value


def own_names(member: Member) -> tuple[str, ...]:
    """Return what a member is called: its name, and its database's where that is not made of it."""
    database = member.database
    found = re.search(_word(member.name), database) if database else None
    return (member.name,) if not database or found else (database, member.name)


def _word(name: str) -> str:
    return rf"(?<![^\W_]){re.escape(name)}(?![^\W_])"


def named(catalog: Catalog) -> frozenset[str]:
    """Return the names of all roles and schemas, as quote_ident writes them."""
    return frozenset({*_roles(catalog), *catalog.schemas})


def _own(catalog: Catalog, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield the roles and schemas that are named after the member, with what stands in their place."""
    for name in named(catalog):
        placed = unquoted(name)
        for own in names:
            placed = re.sub(_word(own), lambda _: NAME, placed)
        if placed != unquoted(name):
            yield name, placed


def _roles(catalog: Catalog) -> Iterator[str]:
    yield from catalog.roles
    yield catalog.database.owner
    for name in _COMPARED:
        for value in collection(catalog, name).values():
            owner = getattr(value, "owner", None)
            if isinstance(owner, str):
                yield owner
            if isinstance(value, Grant):
                yield value.grantee
            elif isinstance(value, Policy):
                yield from value.roles


def _written(own: Mapping[str, str], member: Member) -> Written:
    names = [name for name in (member.name, member.database) if name]
    # Most texts have nothing of it, and need not be taken apart.
    seen = re.compile("|".join(re.escape(part) for part in sorted({*own, *names}, key=len, reverse=True)))
    # A number in quotes is a number most likely.
    literals = {f"'{name}'" for name in names if not name.isdigit()}

    def word(text: str) -> str:
        if text.startswith("$") and text != "$":
            tag = text[: text.index("$", 1) + 1]
            return tag + write(text[len(tag) : len(text) - len(tag)]) + tag
        if text.startswith("'"):
            inner = text[1:-1]
            return f"'{NAME}'" if text in literals else f"'{_chain(inner, own)}'"
        return _chain(text, own)

    def write(text: str) -> str:
        return "".join(map(word, words(text))) if seen.search(text) else text

    return write


def _chain(text: str, own: Mapping[str, str]) -> str:
    """Return a qualified name with the parts that are a member's own replaced; anything else as it is."""
    if text in own:
        return own[text]
    if "." not in text:
        return text
    parts = split(text)
    return ".".join(own.get(part, part) for part in parts) if ".".join(parts) == text else text
